"""Tags and stars of conversations: given, found, renamed and deleted everywhere, and back."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.support.browser import ChatPage
from tests.support.page_server import PageServer

pytestmark = pytest.mark.browser


@pytest.fixture
def history(chat: ChatPage) -> ChatPage:
    """Three conversations, and the history open over them."""
    for question in ("保温杯的标题", "退货怎么说", "春季上新"):
        chat.by_id("new-chat").click()
        chat.ask(question)
    chat.by_id("history-open").click()
    expect(chat.by_id("history-item")).to_have_count(3)
    return chat


def item(chat: ChatPage, title: str) -> Locator:
    return chat.by_id("history-item").filter(has_text=title)


def tags(chat: ChatPage, title: str) -> Locator:
    return item(chat, title).get_by_test_id("history-tag")


def tag(chat: ChatPage, title: str, *names: str) -> None:
    item(chat, title).get_by_test_id("history-tags").click()
    for name in names:
        chat.by_id("tag-input").fill(name)
        chat.page.keyboard.press("Enter")
    chat.page.keyboard.press("Escape")
    expect(chat.by_id("tag-editor")).to_have_count(0)


def titles(chat: ChatPage) -> list[str]:
    return [text.strip() for text in chat.by_id("history-item").locator(".title").all_inner_texts()]


def reopened(chat: ChatPage) -> None:
    """The page anew: what is seen then was on disk."""
    chat.page.reload()
    chat.by_id("history-open").click()
    expect(chat.by_id("history-item").first).to_be_visible()


def test_tags_are_given_by_keyboard_alone_and_stay(history: ChatPage) -> None:
    chat, keys = history, history.page.keyboard
    tags_button = item(chat, "退货").get_by_test_id("history-tags")
    tags_button.focus()
    keys.press("Enter")
    expect(chat.by_id("tag-input")).to_be_focused()
    keys.type("客服")
    keys.press("Enter")
    keys.type("春款，急,")  # both commas end a tag
    keys.press("Backspace")  # in the empty input: takes the last one off
    keys.press("Escape")
    expect(tags_button).to_be_focused()
    expect(tags(chat, "退货")).to_have_text(["客服", "春款"])
    expect(chat.page.get_by_role("dialog")).to_be_visible()
    reopened(chat)
    expect(tags(chat, "退货")).to_have_text(["客服", "春款"])


def test_enter_of_an_input_method_adds_nothing(history: ChatPage) -> None:
    chat = history
    item(chat, "退货").get_by_test_id("history-tags").click()
    session = chat.page.context.new_cdp_session(chat.page)
    session.send("Input.imeSetComposition", {"text": "ke hu", "selectionStart": 5, "selectionEnd": 5})
    chat.by_id("tag-input").dispatch_event("keydown", {"key": "Enter", "isComposing": True, "keyCode": 229})
    expect(chat.by_id("tag-remove")).to_have_count(0)
    expect(chat.by_id("tag-editor")).to_be_visible()
    session.send("Input.insertText", {"text": "客户"})
    chat.page.keyboard.press("Enter")
    expect(chat.by_id("tag-remove")).to_have_text(["客户"])


def test_known_tags_are_suggested_and_spelt_as_they_are(history: ChatPage) -> None:
    chat = history
    tag(chat, "保温杯", "Summer", "客户甲")
    item(chat, "退货").get_by_test_id("history-tags").click()
    expect(chat.by_id("tag-suggestion")).to_have_count(2)
    chat.by_id("tag-input").fill("客")
    expect(chat.by_id("tag-suggestion")).to_have_text(["+ 客户甲"])
    chat.by_id("tag-suggestion").click()
    chat.by_id("tag-input").fill("summer")
    chat.page.keyboard.press("Enter")
    chat.by_id("tag-done").click()
    expect(tags(chat, "退货")).to_have_text(["客户甲", "Summer"])


def test_tags_filter_together_with_the_search(history: ChatPage) -> None:
    chat = history
    tag(chat, "保温杯", "春款", "客户甲")
    tag(chat, "退货", "客户甲")
    chat.by_id("tag-filter").filter(has_text="客户甲").click()
    assert titles(chat) == ["退货怎么说", "保温杯的标题"]
    chat.by_id("history-search").fill("标题")
    expect(chat.by_id("history-item")).to_have_count(1)
    chat.by_id("history-search").fill("上新")
    expect(chat.by_id("history-item")).to_have_count(0)
    chat.by_id("history-search").fill("")
    chat.by_id("tag-filter").filter(has_text="春款").click()
    assert titles(chat) == ["保温杯的标题"]
    chat.by_id("tag-filter-clear").click()
    expect(chat.by_id("history-item")).to_have_count(3)
    chat.by_id("history-search").fill("客户甲")  # the search finds tags, too
    expect(chat.by_id("history-item")).to_have_count(2)


def test_a_tag_is_renamed_joined_and_deleted_everywhere_and_back(history: ChatPage) -> None:
    chat = history
    tag(chat, "保温杯", "甲", "春款")
    tag(chat, "退货", "甲")
    chat.by_id("tags-manage").click()
    name = chat.page.get_by_label("标签“甲”的名称")
    name.fill("客户甲")
    name.press("Enter")
    expect(tags(chat, "退货")).to_have_text(["客户甲"])
    expect(tags(chat, "保温杯")).to_have_text(["客户甲", "春款"])
    expect(chat.page.get_by_label("标签“客户甲”的名称")).to_be_focused()
    chat.page.get_by_label("标签“客户甲”的名称").fill("春款")
    chat.page.keyboard.press("Enter")
    expect(chat.by_id("tag-change")).to_contain_text("“客户甲”已并入“春款”（2 个对话）")
    expect(tags(chat, "保温杯")).to_have_text(["春款"])
    chat.by_id("tag-undo").click()
    expect(tags(chat, "保温杯")).to_have_text(["客户甲", "春款"])
    expect(tags(chat, "退货")).to_have_text(["客户甲"])
    chat.by_id("tag-delete").first.click()
    expect(tags(chat, "退货")).to_have_count(0)
    reopened(chat)
    expect(tags(chat, "保温杯")).to_have_text(["春款"])
    expect(chat.by_id("history-item")).to_have_count(3)


def test_a_deleted_tag_comes_back_also_after_the_history_was_closed(history: ChatPage) -> None:
    chat = history
    tag(chat, "退货", "甲")
    chat.by_id("tags-manage").click()
    chat.by_id("tag-delete").click()
    chat.page.keyboard.press("Escape")
    chat.by_id("history-open").click()
    expect(tags(chat, "退货")).to_have_count(0)
    chat.by_id("tag-undo").click()
    expect(tags(chat, "退货")).to_have_text(["甲"])
    reopened(chat)
    expect(tags(chat, "退货")).to_have_text(["甲"])


def test_a_star_keeps_a_conversation_at_the_top(history: ChatPage) -> None:
    chat = history
    star = item(chat, "保温杯").get_by_test_id("history-star")
    star.press("Enter")
    expect(chat.by_id("history-item").first).to_contain_text("保温杯")
    expect(chat.page.get_by_role("heading", name="置顶")).to_be_visible()
    reopened(chat)
    assert titles(chat) == ["保温杯的标题", "春季上新", "退货怎么说"]
    item(chat, "保温杯").get_by_test_id("history-star").click()
    expect(chat.by_id("history-item").last).to_contain_text("保温杯")


def test_tags_stay_when_the_conversation_goes_on_and_reach_other_tabs(
    history: ChatPage, server: PageServer
) -> None:
    chat = history
    other = ChatPage(chat.page.context.new_page(), server.url).open()
    other.by_id("history-open").click()
    tag(chat, "春季上新", "客户甲")
    expect(tags(other, "春季上新")).to_have_text(["客户甲"])
    item(other, "春季上新").locator("[data-history-focus]").click()
    expect(other.questions).to_have_count(1)
    other.ask("再写一句")
    other.by_id("history-open").click()
    expect(tags(other, "春季上新")).to_have_text(["客户甲"])
    reopened(chat)
    expect(tags(chat, "春季上新")).to_have_text(["客户甲"])
    assert other.errors == []


def test_tags_and_stars_go_along_in_archive_and_markdown(history: ChatPage) -> None:
    chat = history
    tag(chat, "春季上新", "客户甲", "春款")
    item(chat, "春季上新").get_by_test_id("history-star").click()
    chat.by_id("transfer-open").click()
    with chat.page.expect_download() as markdown:
        chat.by_id("export-markdown").click()
    assert "\n\n标签：客户甲、春款\n\n" in Path(markdown.value.path()).read_text()
    with chat.page.expect_download() as archive:
        chat.by_id("export-archive").click()
    with zipfile.ZipFile(archive.value.path()) as opened:
        [name] = [name for name in opened.namelist() if name.startswith("conversations/")]
        conversation = json.loads(opened.read(name))["conversation"]
    assert conversation["tags"] == ["客户甲", "春款"]
    assert conversation["starred"] is True
