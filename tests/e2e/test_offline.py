"""The page without its gateway: readable, also opened anew; and never stale after an upgrade."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from huiyan.gateway.static import package_files
from tests.support.browser import ChatPage
from tests.support.page_server import PageServer, built_page, page_server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with page_server() as served:
        yield served


@pytest.fixture
def chat(browser: Browser, server: PageServer) -> Iterator[ChatPage]:
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
    chat = ChatPage(context.new_page(), server.url).open()
    chat.wait_connection("online")
    yield chat
    context.close()


def _wait_kept(chat: ChatPage) -> None:
    chat.page.evaluate("() => navigator.serviceWorker.ready.then((r) => r.active.state)")
    chat.page.wait_for_function("() => navigator.serviceWorker.controller !== null")


def test_history_is_readable_while_the_gateway_is_away(chat: ChatPage, server: PageServer) -> None:
    server.answer("记住这个回答：**四十二**。")
    chat.ask("答案是多少？")
    _wait_kept(chat)
    chat.page.context.set_offline(True)
    chat.page.reload()
    expect(chat.composer).to_be_visible()
    expect(chat.answers.last).to_contain_text("四十二")
    expect(chat.answers.last.locator("strong")).to_have_text("四十二")
    chat.by_id("history-open").click()
    expect(chat.by_id("history-item")).to_have_count(1)
    chat.page.keyboard.press("Escape")
    chat.wait_connection("offline")
    chat.composer.fill("离线时写的草稿")
    chat.page.wait_for_timeout(500)
    chat.page.reload()
    expect(chat.composer).to_have_value("离线时写的草稿")
    chat.page.context.set_offline(False)
    chat.wait_connection("online")


def test_nothing_that_the_gateway_says_is_kept(chat: ChatPage, server: PageServer) -> None:
    server.answer("密")
    chat.ask("？")
    _wait_kept(chat)
    chat.page.reload()
    chat.wait_connection("online")
    kept: list[str] = chat.page.evaluate(
        """async () => {
          const urls = [];
          for (const name of await caches.keys())
            for (const request of await (await caches.open(name)).keys())
              urls.push(new URL(request.url).pathname);
          return urls;
        }"""
    )
    assert "/" in kept
    assert any(path.startswith("/assets/index-") for path in kept)
    assert not [path for path in kept if path.startswith(("/v1", "/api", "/health", "/metrics"))]


def test_a_new_version_is_shown_with_the_next_visit(browser: Browser, tmp_path: Path) -> None:
    """Network first: nobody sees yesterday's page, or half of it, after an upgrade."""
    old = tmp_path / "old"
    shutil.copytree(built_page() or package_files(), old)
    new = tmp_path / "new"
    shutil.copytree(old, new)
    page = new / "index.html"
    page.write_text(page.read_text(encoding="utf-8").replace("<head>", '<head><meta name="v" content="2">'))
    (new / "index.html.gz").unlink()
    worker = new / "sw.js"
    worker.write_text(worker.read_text(encoding="utf-8") + "\n// version 2\n", encoding="utf-8")
    (new / "sw.js.gz").unlink()

    context = browser.new_context(locale="zh-CN")
    with page_server(static_dir=old) as first:
        port = int(first.url.rpartition(":")[2])
        chat = ChatPage(context.new_page(), first.url).open()
        _wait_kept(chat)
    with page_server(static_dir=new, port=port):
        chat.page.goto(first.url)
        expect(chat.composer).to_be_visible()
        assert chat.page.locator('meta[name="v"]').count() == 1
        chat.page.reload()
        chat.wait_connection("online")
        assert chat.page.locator('meta[name="v"]').count() == 1
    # Away again: what is kept is the new one.
    chat.page.reload()
    expect(chat.composer).to_be_visible()
    assert chat.page.locator('meta[name="v"]').count() == 1
    context.close()


def test_it_can_be_installed(chat: ChatPage) -> None:
    manifest = chat.page.evaluate(
        "() => fetch(document.querySelector('link[rel=manifest]').href).then((r) => r.json())"
    )
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        size = chat.page.evaluate(
            """async (src) => {
              const image = new Image();
              image.src = src;
              await image.decode();
              return image.naturalWidth;
            }""",
            icon["src"],
        )
        if icon["sizes"] != "any":
            assert icon["sizes"] == f"{size}x{size}"
