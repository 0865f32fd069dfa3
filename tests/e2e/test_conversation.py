"""The conversation: kept over reloads, stopped, asked again, in both languages and themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browser import ChatPage, Upload
from tests.support.installation import Huiyan
from tests.support.slow_motion import slow_motion

pytestmark = pytest.mark.browser


@pytest.fixture
def receipt(sample_images: Path) -> Upload:
    return Upload.of(sample_images / "09_receipt_zh.png")


def test_history_and_draft_survive_a_reload(page: ChatPage, receipt: Upload) -> None:
    page.drop(receipt)
    answer = page.ask("合计多少钱？")
    page.composer.fill("下一个问题，写了一半")
    page.drop(Upload("again.png", receipt.data, "image/png"))
    expect(page.strip).to_contain_text(re.compile("×"))
    page.page.reload()
    expect(page.questions).to_have_count(1)
    expect(page.questions.locator("img")).to_have_count(1)
    expect(page.answers).to_have_count(1)
    assert page.answer_text == answer
    expect(page.composer).to_have_value("下一个问题，写了一半")
    expect(page.strip).to_have_count(1)
    # The picture is remembered by the model as well, not only by the page.
    assert "¥" in page.ask("合计多少钱？") or "58.30" in page.answer_text


def test_reload_in_the_middle_of_an_answer_loses_nothing(
    page: ChatPage, huiyan: Huiyan, receipt: Upload
) -> None:
    """The answer goes on behind the page's back and is read again from its beginning."""
    page.drop(receipt)
    page.ask("合计多少钱？")
    with slow_motion(huiyan.pid_of("engine"), rest_s=0.15):
        page.send("列出收据上的商品和价格。")
        page.wait_first_words()
        page.page.reload()
        expect(page.answers).to_have_count(2)
    assert "牛奶：12.50" in page.wait_done()
    expect(page.questions).to_have_count(2)


def test_earlier_chat_is_opened_from_the_history(page: ChatPage) -> None:
    page.ask("你是谁？")
    page.by_id("new-chat").click()
    expect(page.questions).to_have_count(0)
    page.ask("What is the capital of France?")
    page.by_id("history-open").click()
    expect(page.by_id("history-item")).to_have_count(2)
    page.by_id("history-item").filter(has_text="你是谁").click()
    expect(page.questions).to_have_text(re.compile("你是谁"))
    assert "演示模型" in page.answer_text


def test_stop_keeps_what_was_written_and_frees_the_engine(
    page: ChatPage, huiyan: Huiyan, receipt: Upload
) -> None:
    page.drop(receipt)
    page.ask("合计多少钱？")
    with slow_motion(huiyan.pid_of("engine"), rest_s=0.2):
        page.send("提取商品信息为JSON")  # more than a hundred tokens
        page.wait_first_words()
        # Forced: waiting for it to stand still for two frames takes a busy machine too long.
        page.by_id("stop").click(force=True)
        page.wait_status("stopped", timeout_ms=5_000)
        partial = page.answer_text.strip()
    assert partial
    assert "22.00" not in partial, "it was stopped before its end"
    assert page.ask("What is the capital of France?")
    page.page.reload()
    expect(page.answers).to_have_count(3)
    expect(page.answers.nth(1)).to_have_attribute("data-status", "stopped")
    expect(page.answers.nth(1)).to_contain_text(partial)


def test_asking_again_gives_another_answer_to_the_same_question(page: ChatPage) -> None:
    first = page.ask("你是谁？")
    page.by_id("regenerate").click()
    expect(page.by_id("branches").first).to_be_visible()
    assert page.wait_done() == first, "at temperature 0 it says the same"
    expect(page.questions).to_have_count(1)


def test_follow_up_questions_know_the_picture(page: ChatPage, receipt: Upload) -> None:
    page.drop(receipt)
    page.ask("合计多少钱？")
    assert "牛奶：12.50" in page.ask("列出收据上的商品和价格。")


def test_empty_prompt_is_not_sent(page: ChatPage) -> None:
    expect(page.by_id("send")).to_be_disabled()
    page.composer.fill("   \n ")
    page.composer.press("Enter")
    expect(page.questions).to_have_count(0)


def test_enter_sends_and_shift_enter_breaks_the_line(page: ChatPage) -> None:
    page.composer.press_sequentially("你是谁")
    page.composer.press("Shift+Enter")
    page.composer.press_sequentially("？")
    expect(page.composer).to_have_value("你是谁\n？")
    page.composer.press("Enter")
    expect(page.questions).to_have_count(1)
    page.wait_done()


def test_language_toggle_changes_the_page_and_is_remembered(page: ChatPage) -> None:
    expect(page.page.locator("html")).to_have_attribute("lang", re.compile("^zh"))
    in_chinese = page.composer.get_attribute("placeholder")
    page.by_id("lang-toggle").click()
    expect(page.page.locator("html")).to_have_attribute("lang", re.compile("^en"))
    expect(page.composer).not_to_have_attribute("placeholder", in_chinese or "")
    page.page.reload()
    expect(page.page.locator("html")).to_have_attribute("lang", re.compile("^en"))
    assert "demo" in page.by_id("demo-banner").inner_text().lower()


def test_theme_toggle_changes_the_colours_and_is_remembered(page: ChatPage) -> None:
    def background() -> str:
        colour: str = page.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        return colour

    before = background()
    page.by_id("theme-toggle").click()
    page.page.wait_for_function(
        "(old) => getComputedStyle(document.body).backgroundColor !== old", arg=before
    )
    after = background()
    page.page.reload()
    expect(page.composer).to_be_visible()
    assert background() == after


def test_two_tabs_show_the_same_chat(page: ChatPage) -> None:
    """What one tab asked stands in the history of the other."""
    page.ask("你是谁？")
    second = ChatPage(page.page.context.new_page(), page.url).open()
    second.by_id("history-open").click()
    expect(second.by_id("history-item").filter(has_text="你是谁")).to_have_count(1)
    second.page.close()
