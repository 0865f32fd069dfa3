"""A whole backup: batch sheets with their pictures, presets, words and settings in another browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from huiyan.testing.script import Reply
from tests.support.batch import make, row, run, wait_state
from tests.support.browser import ChatPage
from tests.support.page_server import PageServer

pytestmark = pytest.mark.browser


@pytest.fixture
def reply() -> Reply:
    return Reply(text="【标题】最好的杯子", chunk_chars=8)


def _backup(chat: ChatPage) -> bytes:
    chat.by_id("history-open").click()
    chat.by_id("transfer-open").click()
    with chat.page.expect_download() as download:
        chat.by_id("export-archive").click()
    chat.page.keyboard.press("Escape")
    return Path(download.value.path()).read_bytes()


def _restore(chat: ChatPage, data: bytes) -> None:
    chat.by_id("history-open").click()
    chat.by_id("transfer-open").click()
    file: FilePayload = {"name": "backup.zip", "mimeType": "application/zip", "buffer": data}
    chat.by_id("import-input").set_input_files([file])


def test_everything_that_is_no_conversation_moves_too(
    browser: Browser, chat: ChatPage, server: PageServer
) -> None:
    page = chat.page
    server.script(Reply(text=""), Reply(text="【标题】第二次", chunk_chars=8))
    make(chat, 2)
    run(chat)
    wait_state(chat, "done")
    row(chat, "商品001.png").get_by_test_id("batch-cell").click()
    chat.by_id("batch-editor").fill("手写的标题")
    page.keyboard.press("Enter")
    expect(row(chat, "商品001.png").get_by_test_id("batch-cell")).to_contain_text("手写的标题")
    address = page.evaluate("() => location.hash")
    page.evaluate("() => { location.hash = ''; }")
    expect(chat.composer).to_be_visible()
    chat.by_id("settings-open").click()
    chat.by_id("system-prompt").fill("回答要短。")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    chat.by_id("theme-toggle").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    data = _backup(chat)

    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
    other = ChatPage(context.new_page(), server.url).open()
    other.wait_connection("online")
    _restore(other, data)
    expect(other.by_id("notice").filter(has_text="批量表 1 个")).to_be_visible()
    expect(other.page.locator("html")).to_have_attribute("data-theme", "dark")
    other.page.keyboard.press("Escape")
    other.by_id("settings-open").click()
    expect(other.by_id("system-prompt")).to_have_value("回答要短。")
    other.page.keyboard.press("Escape")
    other.page.evaluate("(hash) => { location.hash = hash; }", address)
    wait_state(other, "done")
    expect(row(other, "商品001.png").get_by_test_id("batch-cell")).to_contain_text("手写的标题")
    expect(row(other, "商品000.png").get_by_test_id("row-attempt")).to_contain_text("第二次的回答")
    picture = row(other, "商品000.png").locator("img")
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 10
    assert len(server.engine.completions) == 3, "nothing is asked by an import"

    # A reader who has chosen settings keeps them, unless they say otherwise.
    other.page.evaluate("() => { location.hash = ''; }")
    other.by_id("theme-toggle").click()
    _restore(other, data)
    expect(other.by_id("history-open")).to_be_visible()
    expect(other.page.get_by_role("dialog", name="历史记录")).to_be_visible()
    expect(other.page.locator("html")).to_have_attribute("data-theme", "light")
    assert other.errors == []
    context.close()
