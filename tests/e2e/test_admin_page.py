"""The administrator's part of the page: keys, usage, health, live log; axe on each, in both themes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.e2e.test_accessibility import AXE, RULES
from tests.support.browser import ChatPage, wait_still
from tests.support.keyed_server import ADMIN_KEY, KeyedServer, keyed_server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyedServer]:
    with keyed_server(tmp_path_factory.mktemp("keyed")) as running:
        yield running


@pytest.fixture
def context(browser: Browser, keyed: KeyedServer) -> Iterator[BrowserContext]:
    keyed.server.engine.reset()
    opened = browser.new_context(
        locale="zh-CN", viewport={"width": 1280, "height": 860}, reduced_motion="reduce"
    )
    yield opened
    opened.close()


def signed_in(context: BrowserContext, keyed: KeyedServer, key: str = ADMIN_KEY) -> ChatPage:
    chat = ChatPage(context.new_page(), keyed.url).open()
    chat.by_id("sign-in-key").fill(key)
    chat.by_id("sign-in-submit").click()
    expect(chat.by_id("sign-in")).to_have_count(0)
    chat.wait_connection("online")
    return chat


def administer(chat: ChatPage, part: str) -> None:
    """Open a part: keys, usage, health or log."""
    chat.by_id("settings-open").click()
    chat.by_id("admin-open").click()
    expect(chat.by_id("admin-page")).to_be_visible()
    names = {"keys": "密钥", "usage": "用量", "health": "状态", "log": "日志"}
    chat.page.get_by_role("dialog").get_by_text(names[part], exact=True).first.click()
    expect(chat.by_id("admin-page")).to_have_attribute("data-part", part)


def ask_with(chat: ChatPage, secret: str) -> int:
    """A question as a program sends it; the status."""
    body = {"messages": [{"role": "user", "content": "你好"}]}
    headers = {"authorization": f"Bearer {secret}"}
    return chat.page.request.post(f"{chat.url}/v1/chat/completions", data=body, headers=headers).status


def create_key(chat: ChatPage, name: str, **limits: int) -> str:
    chat.by_id("key-create").click()
    chat.by_id("key-name").fill(name)
    for limit, value in limits.items():
        chat.by_id(f"key-{limit}").fill(str(value))
    chat.by_id("key-save").click()
    secret = chat.by_id("key-secret-value").input_value()
    chat.by_id("key-secret-done").click()
    expect(chat.by_id("key-secret")).to_have_count(0)
    return secret


def test_key_from_its_making_to_its_end(context: BrowserContext, keyed: KeyedServer) -> None:
    chat = signed_in(context, keyed)
    administer(chat, "keys")
    secret = create_key(chat, "店铺", requests_per_min=60, bytes_per_day=5_000_000)
    assert ask_with(chat, secret) == 200
    row = chat.by_id("key-row").and_(chat.page.locator("[data-name='店铺']"))
    expect(row).to_contain_text("60 次/分")
    expect(row).to_contain_text("5.0 MB/天")
    assert secret not in chat.page.content(), "the secret is shown once"

    row.get_by_test_id("key-edit").click()
    chat.by_id("key-requests_per_min").fill("")
    chat.by_id("key-expiry").select_option("30")
    chat.by_id("key-save").click()
    expect(chat.by_id("keys-told")).to_contain_text("店铺")
    expect(row).not_to_contain_text("次/分")
    expect(row).not_to_contain_text("永久")

    row.get_by_test_id("key-revoke").click()
    confirm = chat.page.get_by_role("alertdialog")
    expect(confirm.get_by_role("button").first).to_be_focused()
    confirm.get_by_role("button", name="取消").click()
    assert ask_with(chat, secret) == 200
    row.get_by_test_id("key-revoke").click()
    chat.by_id("key-revoke-yes").click()
    expect(row).to_have_count(0)
    assert ask_with(chat, secret) == 401
    chat.by_id("keys-all").check()
    expect(row).to_have_attribute("data-state", "revoked")
    assert chat.errors == []


def test_secret_can_be_copied(context: BrowserContext, keyed: KeyedServer) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    chat = signed_in(context, keyed)
    administer(chat, "keys")
    chat.by_id("key-create").click()
    chat.by_id("key-name").fill("复制")
    chat.by_id("key-save").click()
    secret = chat.by_id("key-secret-value").input_value()
    chat.by_id("key-secret-copy").click()
    expect(chat.by_id("key-secret")).to_contain_text("已复制")
    assert chat.page.evaluate("() => navigator.clipboard.readText()") == secret


def test_usage_is_shown_by_key_and_day_and_exported(context: BrowserContext, keyed: KeyedServer) -> None:
    chat = signed_in(context, keyed)
    administer(chat, "keys")
    secret = create_key(chat, "=报表")
    for _ in range(3):
        assert ask_with(chat, secret) == 200
    chat.page.keyboard.press("Escape")
    administer(chat, "usage")
    chat.by_id("usage-key").select_option(label="=报表")
    row = chat.by_id("usage-table").locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row.locator("td").nth(2)).to_have_text("3")
    expect(chat.by_id("usage-chart")).to_have_attribute("aria-label", re.compile("请求.*共 3"))
    with chat.page.expect_download() as saved:
        chat.by_id("usage-csv").click()
    text = Path(saved.value.path()).read_text("utf-8-sig")
    head, line = list(csv.reader(io.StringIO(text)))
    told = dict(zip(head, line, strict=True))
    assert told["requests"] == "3"
    assert int(told["completion_tokens"]) > 0
    assert told["name"] == "'=报表", "no formula for a spreadsheet"


def test_health_tells_of_gateway_engine_and_queue(context: BrowserContext, keyed: KeyedServer) -> None:
    chat = signed_in(context, keyed)
    administer(chat, "health")
    expect(chat.by_id("health-verdict")).to_have_attribute("data-status", "ok")
    expect(chat.by_id("health-engine")).to_have_attribute("data-state", "ready")
    expect(chat.by_id("health-waiting")).to_have_text("0")
    info = chat.page.evaluate("() => fetch('/api/info').then((r) => r.json())")
    expect(chat.by_id("health-version")).to_have_text(info["version"])


def test_log_is_live_and_filtered(context: BrowserContext, keyed: KeyedServer) -> None:
    keyed.log("早先的一行", request_id="r-1")
    chat = signed_in(context, keyed)
    administer(chat, "log")
    lines = chat.by_id("log-line")
    expect(chat.by_id("log-state")).to_have_attribute("data-state", "live")
    expect(lines.filter(has_text="早先的一行")).to_have_count(1)
    keyed.log("引擎的警告", source="engine", level="warning")
    expect(lines.filter(has_text="引擎的警告")).to_have_count(1)

    chat.by_id("log-level").select_option("warning")
    expect(lines).to_have_count(1)
    chat.by_id("log-source").select_option("engine")
    chat.by_id("log-level").select_option("info")
    expect(lines).to_have_count(1)
    chat.by_id("log-source").select_option("")
    lines.filter(has_text="早先的一行").get_by_role("button", name="r-1").click()
    expect(chat.by_id("log-request")).to_have_value("r-1")
    expect(lines).to_have_count(1)

    chat.by_id("log-request").fill("")
    expect(lines).to_have_count(2)
    chat.by_id("log-pause").click()
    keyed.log("暂停时来的")
    expect(chat.by_id("log-pause")).to_contain_text("1 条")
    expect(lines).to_have_count(2)
    chat.by_id("log-pause").click()
    expect(lines).to_have_count(3)


def test_log_follows_until_the_reader_scrolls_up(context: BrowserContext, keyed: KeyedServer) -> None:
    for number in range(150):
        keyed.log(f"第 {number} 行")
    chat = signed_in(context, keyed)
    administer(chat, "log")
    last = chat.by_id("log-line").filter(has_text="第 149 行")
    expect(last).to_be_in_viewport()
    chat.by_id("log-list").evaluate("(list) => { list.scrollTop = 0; }")
    expect(chat.by_id("log-follow")).not_to_be_checked()
    keyed.log("新的一行")
    expect(chat.by_id("log-line").filter(has_text="新的一行")).to_have_count(1)
    assert chat.by_id("log-list").evaluate("(list) => list.scrollTop") == 0
    chat.by_id("log-follow").check()
    expect(chat.by_id("log-line").filter(has_text="新的一行")).to_be_in_viewport()


def test_only_administrators_are_offered_it(context: BrowserContext, keyed: KeyedServer) -> None:
    created = context.request.post(
        f"{keyed.url}/api/admin/keys",
        data={"name": "只聊天"},
        headers={"authorization": f"Bearer {ADMIN_KEY}"},
    ).json()
    chat = signed_in(context, keyed, created["secret"])
    chat.by_id("settings-open").click()
    expect(chat.by_id("account")).to_contain_text("只聊天")
    expect(chat.by_id("admin-open")).to_have_count(0)
    assert chat.page.request.get(f"{keyed.url}/api/admin/keys").status == 403


def test_keys_can_be_made_and_revoked_by_keyboard_alone(context: BrowserContext, keyed: KeyedServer) -> None:
    chat = signed_in(context, keyed)
    administer(chat, "keys")
    keyboard = chat.page.keyboard
    chat.by_id("key-create").focus()
    keyboard.press("Enter")
    expect(chat.by_id("key-name")).to_be_focused()
    keyboard.type("键盘")
    keyboard.press("Enter")
    expect(chat.by_id("key-secret-value")).to_be_visible()
    row = chat.by_id("key-row").and_(chat.page.locator("[data-name='键盘']"))
    row.get_by_test_id("key-revoke").focus()
    keyboard.press("Enter")
    keyboard.press("Tab")
    expect(chat.by_id("key-revoke-yes")).to_be_focused()
    keyboard.press("Enter")
    expect(row).to_have_count(0)


def _form(chat: ChatPage) -> None:
    administer(chat, "keys")
    chat.by_id("key-create").click()
    expect(chat.by_id("key-name")).to_be_focused()


def _keys(chat: ChatPage) -> None:
    administer(chat, "keys")
    create_key(chat, "看看")
    expect(chat.by_id("key-row").first).to_be_visible()
    chat.by_id("key-row").last.get_by_test_id("key-revoke").click()


def _usage(chat: ChatPage) -> None:
    chat.ask("你好？")
    administer(chat, "usage")
    expect(chat.by_id("usage-table")).to_be_visible()


def _health(chat: ChatPage) -> None:
    administer(chat, "health")
    expect(chat.by_id("health-waiting")).to_be_visible()


def _log(chat: ChatPage) -> None:
    administer(chat, "log")
    expect(chat.by_id("log-line").first).to_be_visible()


def _account(chat: ChatPage) -> None:
    chat.by_id("settings-open").click()
    expect(chat.by_id("sign-out")).to_be_visible()


def _sign_in(chat: ChatPage) -> None:
    _account(chat)
    chat.by_id("sign-out").click()
    chat.by_id("sign-in-key").fill("hy-wrong")
    chat.by_id("sign-in-submit").click()
    expect(chat.by_id("sign-in-problem")).to_be_visible()


SCREENS: list[Callable[[ChatPage], None]] = [_form, _keys, _usage, _health, _log, _account, _sign_in]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("show", SCREENS, ids=lambda show: show.__name__.strip("_"))
def test_axe_finds_nothing(
    context: BrowserContext, keyed: KeyedServer, show: Callable[[ChatPage], None], theme: Any
) -> None:
    keyed.log("一行警告", level="warning", request_id="r-9")
    chat = signed_in(context, keyed)
    chat.page.emulate_media(color_scheme=theme)
    show(chat)
    wait_still(chat.page)  # axe reads colours as they are: not in the middle of a fade
    chat.page.evaluate(AXE)
    found: list[dict[str, Any]] = chat.page.evaluate("(rules) => axe.run(rules)", RULES)["violations"]
    told = [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in found]
    assert told == []


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("part", ["keys", "usage", "health", "log"])
def test_nothing_is_wider_than_the_window(
    context: BrowserContext, keyed: KeyedServer, part: str, width: int
) -> None:
    chat = signed_in(context, keyed)
    chat.page.set_viewport_size({"width": width, "height": 860})
    administer(chat, part)
    chat.page.wait_for_timeout(200)
    assert chat.by_id("admin-page").evaluate("(part) => part.scrollWidth <= part.clientWidth")
    assert chat.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_on_a_phone_a_key_is_changed_and_revoked_without_scrolling_sideways(
    context: BrowserContext, keyed: KeyedServer
) -> None:
    chat = signed_in(context, keyed)
    chat.page.set_viewport_size({"width": 390, "height": 844})
    administer(chat, "keys")
    create_key(chat, "手机上看")
    row = chat.by_id("key-row").and_(chat.page.locator("[data-name='手机上看']"))
    for act in ("key-edit", "key-revoke"):
        button = row.get_by_test_id(act)
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    listed = chat.page.get_by_role("region", name="密钥")
    assert listed.evaluate("(list) => list.scrollWidth <= list.clientWidth")
    row.get_by_test_id("key-revoke").click()
    chat.by_id("key-revoke-yes").click()
    expect(row).to_have_count(0)


def test_the_log_opens_at_its_end_and_stays_there(context: BrowserContext, keyed: KeyedServer) -> None:
    chat = signed_in(context, keyed)
    # Narrow: lines are higher than what is assumed of those out of sight.
    chat.page.set_viewport_size({"width": 390, "height": 844})
    for _ in range(60):
        assert chat.page.request.get(f"{keyed.url}/api/info").ok
    administer(chat, "log")
    expect(chat.by_id("log-state")).to_have_attribute("data-state", "live")
    expect(chat.by_id("log-line").nth(40)).to_be_attached()
    chat.page.wait_for_timeout(500)  # what would let go of the end has done so by then
    expect(chat.by_id("log-follow")).to_be_checked()
    chat.page.wait_for_function(
        """() => {
          const list = document.querySelector("[data-testid=log-list]");
          return list.scrollHeight - list.scrollTop - list.clientHeight < 40;
        }"""
    )
