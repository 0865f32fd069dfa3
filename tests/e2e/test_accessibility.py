"""WCAG 2.2 AA by axe on every screen, in both themes; the main flow by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import ChatPage
from tests.support.page_server import PageServer, page_server
from tests.support.products import products

pytestmark = pytest.mark.browser

#: axe-core (MPL-2.0), as the test dependency carries it; nothing of it is shipped.
AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")

RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],
}

ANSWER = """## 商品

**重点：**保温杯，[说明](https://example.com/a)，`代码`。

| 商品 | 单价 |
| --- | --- |
| 苹果 | ¥5.80 |

```json
[{"bbox_2d": [100, 100, 600, 700], "label": "杯子"}]
```
"""


def _empty(chat: ChatPage) -> None:
    expect(chat.by_id("example").first).to_be_visible()


def _strip(chat: ChatPage) -> None:
    chat.drop(*products(3))
    expect(chat.strip).to_have_count(3)


def _answer(chat: ChatPage) -> None:
    chat.drop(*products(1))
    expect(chat.strip).to_have_count(1)
    chat.ask("杯子在哪里？")
    expect(chat.by_id("answer-marks").first).to_be_visible()


def _history(chat: ChatPage) -> None:
    _answer(chat)
    chat.by_id("history-open").click()
    expect(chat.by_id("history-item").first).to_be_visible()


def _settings(chat: ChatPage) -> None:
    chat.by_id("settings-open").click()
    expect(chat.by_id("system-prompt")).to_be_visible()


def _shortcuts(chat: ChatPage) -> None:
    chat.by_id("shortcuts-open").click()
    expect(chat.page.get_by_role("dialog")).to_be_visible()


def _lightbox(chat: ChatPage) -> None:
    _answer(chat)
    chat.by_id("user-message").locator("img").first.click()
    expect(chat.by_id("lightbox")).to_be_visible()


def _table(chat: ChatPage) -> None:
    _answer(chat)
    chat.page.get_by_role("button", name="打开表格").first.click()
    expect(chat.by_id("table-dialog")).to_be_visible()


def _presets(chat: ChatPage) -> None:
    chat.by_id("presets-open").first.click()
    expect(chat.by_id("preset-search")).to_be_visible()


def _batch(chat: ChatPage) -> None:
    chat.page.goto(f"{chat.url}/#/batch")
    expect(chat.by_id("batch-page")).to_be_visible()


def _compare(chat: ChatPage) -> None:
    chat.drop(*products(1))
    chat.composer.fill("这是什么？")
    chat.by_id("compare-composer").click()
    expect(chat.by_id("compare")).to_be_visible()


SCREENS: list[Callable[[ChatPage], None]] = [
    _empty,
    _strip,
    _answer,
    _history,
    _settings,
    _shortcuts,
    _lightbox,
    _table,
    _presets,
    _batch,
    _compare,
]


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with page_server() as served:
        yield served


@pytest.fixture(params=["light", "dark"])
def chat(browser: Browser, server: PageServer, request: pytest.FixtureRequest) -> Iterator[ChatPage]:
    server.engine.reset()
    context = browser.new_context(
        locale="zh-CN",
        viewport={"width": 1280, "height": 860},
        color_scheme=request.param,
        reduced_motion="reduce",
    )
    page = ChatPage(context.new_page(), server.url).open()
    page.wait_connection("online")
    yield page
    context.close()


@pytest.mark.parametrize("show", SCREENS, ids=lambda show: show.__name__.strip("_"))
def test_axe_finds_nothing(chat: ChatPage, server: PageServer, show: Callable[[ChatPage], None]) -> None:
    server.answer(ANSWER)
    show(chat)
    chat.page.wait_for_timeout(300)  # axe reads colours as they are: not in the middle of a fade
    chat.page.evaluate(AXE)
    found: list[dict[str, Any]] = chat.page.evaluate("(rules) => axe.run(rules)", RULES)["violations"]
    told = [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in found]
    assert told == []


def test_ask_search_and_come_back_by_keyboard_alone(chat: ChatPage, server: PageServer) -> None:
    server.answer("第一个回答。")
    keys = chat.page.keyboard
    expect(chat.composer).to_be_focused()
    keys.type("第一个问题")
    keys.press("Enter")
    chat.wait_done()
    keys.press("Control+k")
    expect(chat.by_id("history-search")).to_be_focused()
    keys.type("第一个")
    expect(chat.by_id("history-item")).to_have_count(1)
    keys.press("Escape")
    keys.press("Escape")
    expect(chat.page.get_by_role("dialog")).to_have_count(0)
    expect(chat.composer).to_be_focused()
