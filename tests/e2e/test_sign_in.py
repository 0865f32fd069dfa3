"""A gateway that needs a key: signing in, out, and a session that ends while somebody works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.support.browser import CHROMIUM_FLAGS, ChatPage, chromium_path
from tests.support.keyed_server import ADMIN_KEY, KeyedServer, keyed_server
from tests.support.products import products

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyedServer]:
    with keyed_server(tmp_path_factory.mktemp("keyed")) as running:
        yield running


@pytest.fixture
def context(browser: Browser, keyed: KeyedServer) -> Iterator[BrowserContext]:
    keyed.server.engine.reset()
    opened = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
    yield opened
    opened.close()


def visit(context: BrowserContext, keyed: KeyedServer) -> ChatPage:
    return ChatPage(context.new_page(), keyed.url).open()


def sign_in(chat: ChatPage, key: str = ADMIN_KEY) -> None:
    chat.by_id("sign-in-key").fill(key)
    chat.page.keyboard.press("Enter")
    expect(chat.by_id("sign-in")).to_have_count(0)
    chat.wait_connection("online")


def test_stranger_is_asked_for_a_key_and_told_when_it_is_wrong(
    context: BrowserContext, keyed: KeyedServer
) -> None:
    chat = visit(context, keyed)
    expect(chat.by_id("sign-in-key")).to_be_focused()
    chat.by_id("sign-in-key").fill("hy-not-a-key")
    chat.by_id("sign-in-submit").click()
    expect(chat.by_id("sign-in-problem")).to_contain_text("无效")
    sign_in(chat)
    keyed.server.answer("好的。")
    assert "好的" in chat.ask("你好？")
    expect(chat.by_id("sign-in-line")).to_have_count(0)
    assert chat.errors == []


def test_reader_stays_signed_in_over_a_reload(context: BrowserContext, keyed: KeyedServer) -> None:
    chat = visit(context, keyed)
    sign_in(chat)
    chat.page.reload()
    chat.wait_connection("online")
    chat.ask("你好？")
    expect(chat.by_id("sign-in")).to_have_count(0)


def test_session_that_ends_in_the_middle_loses_nothing(context: BrowserContext, keyed: KeyedServer) -> None:
    chat = visit(context, keyed)
    sign_in(chat)
    chat.ask("第一个问题")
    asked = len(keyed.server.engine.completions)
    context.clear_cookies()
    chat.drop(*products(2))
    expect(chat.strip).to_have_count(2)
    # The upload of the pictures has met the closed door already.
    expect(chat.by_id("sign-in")).to_be_visible()
    chat.page.keyboard.press("Escape")
    chat.send("这两件是什么？")
    chat.wait_status("waiting")
    chat.composer.fill("写了一半")
    assert len(keyed.server.engine.completions) == asked
    chat.by_id("sign-in-open").click()
    keyed.server.answer("两件商品。")
    sign_in(chat)
    assert "两件商品" in chat.wait_done()
    expect(chat.composer).to_have_value("写了一半")
    assert len(keyed.server.pictures()) == 2
    assert len(keyed.server.engine.completions) == asked + 1, "and it ran once"
    expect(chat.questions).to_have_count(2)


def test_what_waits_survives_a_reload_before_signing_in(context: BrowserContext, keyed: KeyedServer) -> None:
    chat = visit(context, keyed)
    expect(chat.by_id("sign-in-key")).to_be_focused()
    chat.page.keyboard.press("Escape")
    expect(chat.by_id("sign-in")).to_have_count(0)
    chat.send("还没登录就问")
    chat.wait_status("waiting")
    chat.page.reload()
    expect(chat.by_id("sign-in")).to_be_visible()
    expect(chat.questions).to_have_count(1)
    keyed.server.answer("好的。")
    sign_in(chat)
    assert "好的" in chat.wait_done()


def test_signing_out_closes_the_door_and_keeps_the_history(
    context: BrowserContext, keyed: KeyedServer
) -> None:
    chat = visit(context, keyed)
    sign_in(chat)
    chat.ask("记得我吗？")
    chat.by_id("settings-open").click()
    expect(chat.by_id("account")).to_contain_text("已登录")
    chat.by_id("sign-out").click()
    expect(chat.by_id("sign-in")).to_be_visible()
    expect(chat.questions).to_have_count(1)
    assert context.cookies() == []


def test_another_tab_that_signs_in_opens_this_one(context: BrowserContext, keyed: KeyedServer) -> None:
    first, second = visit(context, keyed), visit(context, keyed)
    expect(first.by_id("sign-in")).to_be_visible()
    sign_in(second)
    first.page.bring_to_front()
    first.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    expect(first.by_id("sign-in")).to_have_count(0)
    first.wait_connection("online")


def test_page_over_plain_http_says_what_the_browser_withholds(keyed: KeyedServer, browser: Browser) -> None:
    """A name that is no localhost, as in a LAN; it leads here all the same, as through a reverse proxy."""
    port = keyed.url.rpartition(":")[2]
    chromium = browser.browser_type.launch(
        executable_path=chromium_path(),
        args=[*CHROMIUM_FLAGS, "--host-resolver-rules=MAP shop.test 127.0.0.1"],
    )
    try:
        forwarded = {"x-forwarded-for": "192.0.2.7", "x-forwarded-host": f"shop.test:{port}"}
        context = chromium.new_context(locale="zh-CN", extra_http_headers=forwarded)
        chat = ChatPage(context.new_page(), f"http://shop.test:{port}").open()
        assert chat.page.evaluate("() => window.isSecureContext") is False
        sign_in(chat)
        chat.drop(*products(1))
        expect(chat.strip).to_have_count(1)
        chat.ask("这是什么？")
        assert len(keyed.server.pictures()) == 1
        chat.by_id("settings-open").click()
        listed = chat.by_id("insecure-list")
        for word in ("SHA-256", "剪贴板", "离线", "长期保存"):
            expect(listed).to_contain_text(word)
    finally:
        chromium.close()
