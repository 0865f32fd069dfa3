"""Conversations out of one browser and into another: archive, Markdown, paper; hostile archives."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from tests.support import photos
from tests.support.browser import ChatPage, Upload
from tests.support.page_server import PageServer, page_server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with page_server() as served:
        yield served


def _open(browser: Browser, server: PageServer) -> ChatPage:
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900})
    chat = ChatPage(context.new_page(), server.url).open()
    chat.wait_connection("online")
    return chat


@pytest.fixture
def chat(browser: Browser, server: PageServer) -> Iterator[ChatPage]:
    """One chat with a picture and two branches, and a second one without."""
    chat = _open(browser, server)
    chat.drop(Upload("产品.jpg", photos.photo((1600, 1200)), "image/jpeg"))
    expect(chat.by_id("send-mode")).to_have_count(1)
    chat.by_id("send-mode").select_option("fast")
    expect(chat.strip).to_contain_text("→ 1152 × 864")
    server.answer("第一次的回答：**红色**。")
    chat.ask("什么颜色？")
    server.answer("第二次的回答：$x^2$。")
    chat.by_id("regenerate").click()
    expect(chat.answers.last).to_contain_text("第二次")
    chat.wait_done()
    chat.by_id("new-chat").click()
    chat.ask("另一个问题")
    yield chat
    assert chat.errors == []
    chat.page.context.close()


def _panel(chat: ChatPage) -> None:
    chat.by_id("history-open").click()
    chat.by_id("transfer-open").click()


def _download(chat: ChatPage, button: str) -> tuple[str, bytes]:
    with chat.page.expect_download() as download:
        chat.by_id(button).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def _import(chat: ChatPage, data: bytes, name: str = "backup.zip") -> None:
    _panel(chat)
    file: FilePayload = {"name": name, "mimeType": "application/zip", "buffer": data}
    chat.by_id("import-input").set_input_files([file])


def _all(chat: ChatPage) -> None:
    _panel(chat)
    chat.page.get_by_text("全部 2 个对话").click()


def test_everything_moves_to_another_browser(browser: Browser, server: PageServer, chat: ChatPage) -> None:
    _all(chat)
    name, data = _download(chat, "export-archive")
    assert name.endswith(".huiyan.zip")
    other = _open(browser, server)
    _import(other, data)
    expect(other.by_id("history-item")).to_have_count(2)
    other.by_id("history-item").filter(has_text="什么颜色").click()
    expect(other.answers.last).to_contain_text("第二次的回答")
    expect(other.by_id("branches")).to_have_text("2/2")
    picture = other.questions.locator("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 100
    # What is asked next takes the imported picture along, as small as it was sent before.
    other.ask("再说一遍")
    images = [
        part
        for message in server.asked()["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]
    assert len(images) == 1
    # The way back: the first browser knows all of it already.
    _all(other)
    _, again = _download(other, "export-archive")
    assert sorted(zipfile.ZipFile(io.BytesIO(again)).namelist()) == sorted(
        zipfile.ZipFile(io.BytesIO(data)).namelist()
    )
    assert other.errors == []
    other.page.context.close()


def test_importing_what_is_here_changes_nothing(chat: ChatPage) -> None:
    _all(chat)
    _, data = _download(chat, "export-archive")
    chat.page.keyboard.press("Escape")
    _import(chat, data)
    expect(chat.by_id("notice").filter(has_text="已经有了")).to_be_visible()
    expect(chat.by_id("history-item")).to_have_count(2)


def test_one_chat_as_markdown_with_its_picture(chat: ChatPage) -> None:
    chat.by_id("history-open").click()
    chat.by_id("history-item").filter(has_text="什么颜色").click()
    _panel(chat)
    name, data = _download(chat, "export-markdown")
    assert name == "什么颜色？.zip"
    archive = zipfile.ZipFile(io.BytesIO(data))
    (markdown,) = [entry for entry in archive.namelist() if entry.endswith(".md")]
    text = archive.read(markdown).decode()
    assert "什么颜色？" in text
    assert "第二次的回答：$x^2$。" in text
    assert "第一次" not in text
    (picture,) = [entry for entry in archive.namelist() if entry.startswith("pictures/")]
    assert f"({picture})" in text
    assert archive.read(picture)[:2] == b"\xff\xd8", "the original"


def test_a_chat_without_pictures_is_one_markdown_file(chat: ChatPage) -> None:
    _panel(chat)
    name, data = _download(chat, "export-markdown")
    assert name == "另一个问题.md"
    assert data.decode().startswith("# 另一个问题\n\n## 问\n\n另一个问题")


def test_on_paper_there_are_messages_and_nothing_else(chat: ChatPage) -> None:
    chat.by_id("history-open").click()
    chat.by_id("history-item").filter(has_text="什么颜色").click()
    expect(chat.answers.last).to_contain_text("第二次")
    chat.by_id("theme-toggle").click()
    chat.page.evaluate("() => { window.print = () => { window.printed = true; }; }")
    _panel(chat)
    chat.by_id("export-print").click()
    chat.page.wait_for_function("() => window.printed")
    chat.page.emulate_media(media="print")
    expect(chat.questions).to_be_visible()
    expect(chat.questions.locator("img")).to_be_visible()
    expect(chat.composer).to_be_hidden()
    expect(chat.by_id("history-open")).to_be_hidden()
    colours = chat.page.evaluate(
        "() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert colours == ["rgb(255, 255, 255)", "rgb(17, 17, 17)"], "dark on white, whatever the theme"
    paper = chat.page.pdf()
    assert paper.startswith(b"%PDF-")
    assert len(paper) > 10_000
    chat.page.emulate_media(media="screen")


def _archive(**changes: object) -> bytes:
    conversation = {"id": "c", "title": "t", "titled": False, "createdMs": 1, "updatedMs": 1, "headId": None}
    content = {"conversation": conversation, "messages": [], "tables": [], **changes}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("huiyan.json", '{"format":"huiyan-export","version":1,"exportedMs":1}')
        archive.writestr("conversations/c.json", json.dumps(content))
    return buffer.getvalue()


def _bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("huiyan.json", bytes(300_000_000))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"not an archive", _archive(messages=[{"id": "x"}]), _archive(conversation=None), _bomb()],
    ids=["no zip", "half a message", "no conversation", "bomb"],
)
def test_what_is_no_backup_is_refused_and_nothing_changes(chat: ChatPage, data: bytes) -> None:
    _import(chat, data, "evil.zip")
    expect(chat.by_id("notice").filter(has_text="evil.zip")).to_be_visible(timeout=20_000)
    chat.page.keyboard.press("Escape")
    chat.by_id("history-open").click()
    expect(chat.by_id("history-item")).to_have_count(2)
