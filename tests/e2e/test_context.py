"""The context guard: a conversation of any length gets an answer, and the ledger tells what was sent.

The engine is the fake one, whose limit is real: it refuses a longer prompt as llama.cpp does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, expect

from huiyan.engines.status import ModelCard
from huiyan.testing import openai_bodies
from huiyan.testing.script import Reply
from tests.support import photos
from tests.support.browser import ChatPage, Upload
from tests.support.page_server import PageServer, page_server

pytestmark = pytest.mark.browser

CONTEXT_TOKENS = 4096
CARD = ModelCard(
    id="fake", name="Fake-VL", context_tokens=CONTEXT_TOKENS, image_min_tokens=64, image_max_tokens=1024
)
SYSTEM = "回答要简短，价格不要四舍五入。"
POLITE = "您好，麻烦您帮我看一下，"
#: What the page reckons for the template: five tokens a message and three for the answer; the fake says four.
PAGE_MESSAGE_TOKENS, PAGE_ANSWER_TOKENS, ENGINE_MESSAGE_TOKENS = 5, 3, 4


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with page_server(CARD) as served:
        yield served


@pytest.fixture
def browser_context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
    yield context
    context.close()


def open_page(context: BrowserContext, server: PageServer, **settings: Any) -> ChatPage:
    server.engine.reset()
    server.engine.default_reply = Reply(text="好的。", chunk_chars=8)
    server.engine.context_tokens = CONTEXT_TOKENS
    saved = json.dumps({"systemPrompt": SYSTEM, **settings})
    context.add_init_script(f"localStorage.setItem('huiyan.settings', {json.dumps(saved)})")
    chat = ChatPage(context.new_page(), server.url).open()
    chat.wait_connection("online")
    return chat


def long_text(turn: int, lines: int = 30) -> str:
    listed = "，".join(f"商品{turn}-{n}的价格是{n}.{turn}0元" for n in range(lines))
    return f"{POLITE}第{turn}批：{listed}。谢谢您！"


def talk(chat: ChatPage, server: PageServer, turns: int, lines: int = 30) -> None:
    for turn in range(turns):
        checked = "价格已经核对，" * 20
        server.script(Reply(text=f"第{turn}批共30件，{checked}没有问题。", chunk_chars=200))
        chat.ask(long_text(turn, lines))


def sent(server: PageServer, index: int = -1) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = server.asked(index)["messages"]
    return messages


def text_of(message: dict[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def open_ledger(chat: ChatPage) -> Locator:
    ledger = chat.answers.last.get_by_test_id("ledger")
    ledger.locator("summary").first.click()
    expect(ledger.get_by_test_id("ledger-total")).to_be_visible()
    return ledger


def number(text: str) -> int:
    return int(re.sub(r"[^\d]", "", text))


def test_a_conversation_far_over_the_limit_still_answers_and_the_ledger_is_true(
    browser_context: BrowserContext, server: PageServer
) -> None:
    chat = open_page(browser_context, server)
    server.script(Reply(text="记住了：发货地是义乌。"))
    chat.ask("记住：发货地是义乌，不是广州。")
    chat.questions.first.hover()
    chat.questions.first.get_by_test_id("pin").click()
    expect(chat.questions.first.get_by_test_id("pinned")).to_be_visible()
    talk(chat, server, 7, lines=60)
    question = f"{POLITE}从哪里发货？" + "请逐条核对。" * 5
    expect(chat.by_id("context-meter")).to_have_attribute("data-exact", "true", timeout=15_000)
    answer = chat.ask(question)
    assert answer.strip() == "好的。"

    request = server.asked()
    counted = openai_bodies.count_prompt(request)
    everything = sum(len(openai_bodies.tokens(long_text(turn, 60))) for turn in range(7))
    assert everything > 1.3 * CONTEXT_TOKENS, "it is a conversation far over the limit"
    assert counted <= CONTEXT_TOKENS - 1000, "there is room for the answer"
    messages = sent(server)
    assert messages[0] == {"role": "system", "content": SYSTEM}
    assert text_of(messages[1]) == "记住：发货地是义乌，不是广州。"
    assert text_of(messages[-1]) == question
    assert not any(text_of(message).startswith(f"{POLITE}第0批") for message in messages)

    ledger = open_ledger(chat)
    summary = ledger.locator("summary").first.inner_text()
    assert f"{len(messages) - 1} 条消息" in summary
    assert f"{counted:,} / 4,096 词元" in summary, "the line says what the engine counted"
    planned = number(ledger.get_by_test_id("ledger-total").inner_text())
    template = len(messages) * (PAGE_MESSAGE_TOKENS - ENGINE_MESSAGE_TOKENS) + PAGE_ANSWER_TOKENS
    assert planned == counted + template, "every text was counted by the tokenizer before it was sent"
    rows = ledger.get_by_test_id("ledger-row")
    costs = [number(cell) for cell in rows.locator("td:nth-of-type(2)").all_inner_texts()]
    assert sum(costs) + PAGE_ANSWER_TOKENS == planned
    expect(rows.filter(has_text="已固定")).to_have_count(1)
    expect(ledger.locator('[data-act="leftOut"]')).to_contain_text("未发送")
    left_out = 16 - (len(messages) - 1) + 1
    assert f"{left_out} 条未发送" in summary
    assert chat.errors == []


def test_what_was_cut_is_shown_and_was_not_sent(browser_context: BrowserContext, server: PageServer) -> None:
    chat = open_page(browser_context, server, contextLimit=1465, maxTokens=100)
    talk(chat, server, 3)
    chat.ask("第2批里最贵的是哪一件？")
    ledger = open_ledger(chat)
    cut = ledger.locator('[data-act="cut"]')
    expect(cut.first).to_be_visible()
    cut.first.locator("summary").click()
    removed = "".join(cut.first.locator("del").all_inner_texts())
    assert "麻烦您帮我" in removed
    assert "谢谢您" in removed
    shown = cut.first.locator(".text").inner_text()
    kept = shown
    for piece in cut.first.locator("del").all_inner_texts():
        kept = kept.replace(piece, "", 1)
    assert kept in [text_of(message) for message in sent(server)], "what is not struck out is what was sent"
    assert "29.10元" in kept or "29.00元" in kept or "29.20元" in kept
    chat.page.reload()
    expect(chat.answers.last.get_by_test_id("ledger")).to_be_visible()


def test_older_pictures_go_in_words_and_the_newest_as_pictures(
    browser_context: BrowserContext, server: PageServer
) -> None:
    chat = open_page(browser_context, server, contextLimit=1500, maxTokens=100)
    words = "红色的陶瓷杯，杯身印有白色字样，容量350毫升，价格39元，摆放在木桌上，背景是白墙，没有杯盖。"
    for index in range(3):
        chat.drop(Upload(f"p{index}.jpg", photos.photo((800, 608 + 32 * index)), "image/jpeg"))
        expect(chat.strip).to_have_count(1)
        expect(chat.strip.first).to_contain_text(re.compile("词元"), timeout=20_000)
        server.script(Reply(text=words, chunk_chars=80))
        chat.ask(f"第{index}张图是什么？")
    messages = sent(server)
    assert isinstance(messages[1]["content"], str)
    assert text_of(messages[1]).startswith("[图1 / Picture 1 (p0.jpg)"), text_of(messages[1])
    assert words in [text_of(message) for message in messages]
    assert len(server.pictures()) == 1
    ledger = open_ledger(chat)
    expect(ledger.locator('[data-act="described"]').first).to_contain_text("图片以文字代替")
    assert "图以文字代替" in ledger.locator("summary").first.inner_text()


def test_a_picture_with_a_short_answer_is_described_once_while_idle(
    browser_context: BrowserContext, server: PageServer
) -> None:
    chat = open_page(browser_context, server, olderPictures="always", maxTokens=100)
    for index in range(2):
        chat.drop(Upload(f"q{index}.jpg", photos.photo((640, 480 + 32 * index)), "image/jpeg"))
        expect(chat.strip.first).to_contain_text(re.compile("词元"), timeout=20_000)
        server.script(Reply(text="39元。"))
        chat.ask("多少钱？")
    server.script(Reply(text="一张价签的照片，写着39元。"))
    chat.page.wait_for_timeout(5_500)  # the page has nothing else to do
    assert len(server.engine.completions) == 3
    described = sent(server)
    assert len(described) == 1
    assert "描述这张图片" in text_of(described[0])
    chat.ask("第一张图写着什么？")
    assert "一张价签的照片，写着39元。" in text_of(sent(server)[1])
    chat.page.reload()
    chat.wait_connection("online")
    chat.ask("再说一遍？")
    assert "一张价签的照片，写着39元。" in text_of(sent(server)[1])
    chat.page.wait_for_timeout(5_500)
    assert len(server.engine.completions) == 5, "it is asked once for each picture"


def test_an_engine_that_finds_it_too_long_gets_it_shorter_once(
    browser_context: BrowserContext, server: PageServer
) -> None:
    chat = open_page(browser_context, server)
    talk(chat, server, 2)
    server.engine.context_tokens = 900  # less than its card says
    before = len(server.engine.completions)
    assert chat.ask("最贵的是哪一件？").strip() == "好的。"
    assert len(server.engine.completions) == before + 2, "one refusal, one shorter request"
    first, second = (openai_bodies.count_prompt(server.asked(index)) for index in (-2, -1))
    assert first > 900 >= second
    ledger = open_ledger(chat)
    expect(ledger).to_contain_text("又缩短了一次")
    planned = number(ledger.get_by_test_id("ledger-total").inner_text())
    assert abs(planned - second) <= 2 * len(sent(server)) + PAGE_ANSWER_TOKENS, "it tells of the second one"


def test_the_meter_says_before_sending_what_the_ledger_says_after(
    browser_context: BrowserContext, server: PageServer
) -> None:
    chat = open_page(browser_context, server)
    talk(chat, server, 2)
    meter = chat.by_id("context-meter")
    before = number(meter.get_attribute("data-tokens") or "")
    question = "这是一个还没有发出去的问题，" * 10
    chat.composer.fill(question)
    expect(meter).not_to_have_attribute("data-tokens", str(before))
    expect(meter).to_have_attribute("data-exact", "true", timeout=15_000)
    meter.click()
    expect(chat.by_id("context-preview").get_by_test_id("ledger-row").last).to_contain_text("这次的问题")
    tokens = number(meter.get_attribute("data-tokens") or "")
    chat.ask(question)
    planned = number(open_ledger(chat).get_by_test_id("ledger-total").inner_text())
    assert planned == tokens
