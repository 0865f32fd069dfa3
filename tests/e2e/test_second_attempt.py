"""An answer that is empty or repeats itself is asked for once more by itself, and both stay.

The engine is the fake one: a loop on cue is nothing that nano can promise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from huiyan.testing.script import Reply
from tests.support.browser import ChatPage
from tests.support.page_server import PageServer, page_server
from tests.support.wait import wait_until

pytestmark = pytest.mark.browser

LOOP = "价格是12.50元，库存充足，欢迎选购。"
#: 200,000 characters, written slowly: it ends in time only if it is stopped.
ENDLESS = Reply(
    text="图中是一张价签。" + LOOP * 10_000, chunk_chars=24, delay_s=0.005, ignores_max_tokens=True
)
JSON_LOOP = Reply(
    text='```json\n{"商品": "牛奶", "价格": "12.50", ' + '"商品": "面包", "价格": "8.00", ' * 5_000,
    chunk_chars=24,
    delay_s=0.005,
    ignores_max_tokens=True,
)
GOOD = Reply(text="价签上写着12.50元。", chunk_chars=4)


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with page_server() as served:
        yield served


@pytest.fixture
def context(browser: Browser, server: PageServer) -> Iterator[BrowserContext]:
    server.engine.reset()
    server.engine.default_reply = Reply(text="好的。", chunk_chars=8)
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
    yield context
    context.close()


@pytest.fixture
def chat(context: BrowserContext, server: PageServer) -> Iterator[ChatPage]:
    chat = ChatPage(context.new_page(), server.url).open()
    chat.wait_connection("online")
    yield chat
    assert chat.errors == []


def note(chat: ChatPage) -> str:
    return chat.answers.last.get_by_test_id("attempt").inner_text()


def test_a_loop_is_stopped_and_asked_once_more(chat: ChatPage, server: PageServer) -> None:
    server.script(ENDLESS, GOOD)
    chat.send("多少钱？")
    expect(chat.answers.last).to_contain_text("价签上写着12.50元。", timeout=20_000)
    chat.wait_done()
    assert "第一个回答开始重复，这是以温度 0.85 重新问的。" in note(chat)
    first, second = server.engine.completions
    wait_until(first.cancelled.is_set, "the first run was stopped", 5)
    assert first.chunks_sent < 200, "long before its end"
    one, two = first.json(), second.json()
    assert not {"temperature", "seed"} & set(one)
    assert two["temperature"] == 0.85, "0.15 above the model's own 0.7"
    assert isinstance(two["seed"], int)
    assert two["messages"] == one["messages"]

    # Both are there, and each says so.
    expect(chat.answers.last.get_by_test_id("branches")).to_contain_text("2/2")
    chat.answers.last.get_by_test_id("attempt-other").click()
    expect(chat.answers.last).to_contain_text("图中是一张价签。")
    assert "已停在这里，并以温度 0.85 重新问了一次。" in note(chat)
    assert chat.answer_text.count(LOOP) == 1, "the repetition is gone"
    chat.answers.last.get_by_test_id("attempt-other").click()
    expect(chat.answers.last).to_contain_text("价签上写着12.50元。")
    chat.page.reload()
    expect(chat.answers.last.get_by_test_id("attempt")).to_contain_text("第一个回答开始重复")
    assert len(server.engine.completions) == 2


def test_repeated_json_keys_are_a_loop(chat: ChatPage, server: PageServer) -> None:
    server.script(JSON_LOOP, GOOD)
    chat.send("提取为JSON")
    expect(chat.answers.last).to_contain_text("价签上写着12.50元。", timeout=20_000)
    chat.answers.last.get_by_test_id("attempt-other").click()
    expect(chat.answers.last).to_contain_text("牛奶")
    assert "面包" not in chat.answer_text


def test_an_empty_answer_is_asked_for_once_more(chat: ChatPage, server: PageServer) -> None:
    server.script(Reply(text=""), GOOD)
    chat.send("多少钱？")
    expect(chat.answers.last).to_contain_text("价签上写着12.50元。", timeout=20_000)
    assert "第一个回答是空的" in note(chat)
    assert len(server.engine.completions) == 2


def test_there_is_no_third_attempt(chat: ChatPage, server: PageServer) -> None:
    server.script(ENDLESS, ENDLESS)
    chat.send("多少钱？")
    expect(chat.answers.last.get_by_test_id("attempt")).to_contain_text("没有再问", timeout=30_000)
    chat.wait_done()
    assert chat.answer_text.count(LOOP) == 1
    chat.page.wait_for_timeout(500)
    assert len(server.engine.completions) == 2
    # The next question is a new one, with an attempt of its own.
    server.script(Reply(text=""), GOOD)
    chat.send("再看看？")
    expect(chat.answers.last).to_contain_text("价签上写着12.50元。", timeout=20_000)
    assert len(server.engine.completions) == 4


def test_a_reload_during_the_second_attempt_goes_on_with_it(chat: ChatPage, server: PageServer) -> None:
    slow = Reply(text="第二次的回答，慢慢写。" * 8 + "完。", chunk_chars=2, delay_s=0.05)
    server.script(Reply(text=""), slow)
    chat.send("多少钱？")
    expect(chat.answers.last).to_contain_text("第二次的回答", timeout=20_000)
    chat.page.reload()
    expect(chat.answers.last).to_contain_text("完。", timeout=20_000)
    chat.wait_done()
    assert "第一个回答是空的" in note(chat)
    assert len(server.engine.completions) == 2, "the same run was read again"


def test_a_reload_during_a_loop_asks_once_more_only(chat: ChatPage, server: PageServer) -> None:
    slow_start = Reply(
        text="".join(f"第{n}行，内容各不相同，编号{n * 7}。\n" for n in range(30)) + LOOP * 10_000,
        chunk_chars=8,
        delay_s=0.02,
        ignores_max_tokens=True,
    )
    server.script(slow_start, GOOD)
    chat.send("多少钱？")
    expect(chat.answers.last).to_contain_text("第3行", timeout=20_000)
    chat.page.reload()
    expect(chat.answers.last).to_contain_text("价签上写着12.50元。", timeout=30_000)
    assert len(server.engine.completions) == 2


def test_it_can_be_switched_off(context: BrowserContext, server: PageServer) -> None:
    saved = json.dumps({"secondAttempts": False})
    context.add_init_script(f"localStorage.setItem('huiyan.settings', {json.dumps(saved)})")
    chat = ChatPage(context.new_page(), server.url).open()
    chat.wait_connection("online")
    chat.by_id("settings-open").click()
    expect(chat.by_id("second-attempts")).not_to_be_checked()
    chat.page.keyboard.press("Escape")
    server.script(Reply(text="图中是一张价签。" + LOOP * 60, chunk_chars=200))
    chat.ask("多少钱？")
    assert chat.answer_text.count(LOOP) == 60
    expect(chat.by_id("attempt")).to_have_count(0)
    assert len(server.engine.completions) == 1
