"""WCAG 2.2 AA by axe on every screen, in both themes; the main flow by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, expect

from huiyan.engines.status import EngineState
from huiyan.testing.script import Reply, Script, Status
from tests.support import documents
from tests.support.batch import make, run, wait_state
from tests.support.browser import ChatPage, Upload, wait_still
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
    # Read, too: what is still being read has no picture to enlarge, and its first button takes it away.
    expect(chat.strip.locator("img")).to_have_count(3, timeout=20_000)


def _answer(chat: ChatPage) -> None:
    chat.drop(*products(1))
    expect(chat.strip).to_have_count(1)
    chat.ask("杯子在哪里？")
    expect(chat.by_id("answer-marks").first).to_be_visible()


def _history(chat: ChatPage) -> None:
    _answer(chat)
    chat.by_id("history-open").click()
    expect(chat.by_id("history-item").first).to_be_visible()


def _tags(chat: ChatPage) -> None:
    """All of it at once: tags on a row, the filter, the editor, the manager, and the word with undo."""
    _history(chat)
    chat.by_id("history-tags").first.click()
    for tag in ("客户甲", "春款", "急"):
        chat.by_id("tag-input").fill(tag)
        chat.page.keyboard.press("Enter")
    chat.page.keyboard.press("Escape")
    chat.by_id("history-star").first.click()
    chat.by_id("tags-manage").click()
    chat.by_id("tag-delete").last.click()
    chat.by_id("tag-filter").first.click()
    expect(chat.by_id("history-tag")).to_have_count(2)


def _tag_editor(chat: ChatPage) -> None:
    _tags(chat)
    chat.by_id("history-tags").first.click()
    expect(chat.by_id("tag-remove")).to_have_count(2)


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


def _boxes_enlarged(chat: ChatPage) -> None:
    _answer(chat)
    chat.by_id("marks-enlarge").first.click()
    expect(chat.by_id("lightbox").get_by_test_id("mark").first).to_be_visible()


def _region(chat: ChatPage) -> None:
    _strip(chat)
    chat.strip.first.get_by_role("button").first.click()
    chat.by_id("region-start").click()
    expect(chat.by_id("region")).to_be_focused()


def _pdf(chat: ChatPage) -> None:
    chat.drop(Upload("手册.pdf", documents.scanned_pdf(), "application/pdf"))
    expect(chat.by_id("document-preview").locator("img[src]")).to_have_count(3, timeout=20_000)


def _pdf_text(chat: ChatPage) -> None:
    chat.drop(Upload("价目.pdf", documents.chinese_pdf(), "application/pdf"))
    dialog = chat.page.get_by_role("dialog", name="价目.pdf")
    dialog.get_by_text("文字", exact=True).click(timeout=20_000)
    expect(dialog).to_contain_text("红富士苹果")


def _pdf_problem(chat: ChatPage) -> None:
    _pdf(chat)
    chat.by_id("document-range").fill("9")
    expect(chat.by_id("document-add")).to_be_disabled()


def _video(chat: ChatPage) -> None:
    browser = chat.page.context.browser
    assert browser
    chat.drop(Upload("clip.webm", documents.recorded_webm(browser), "video/webm"))
    expect(chat.by_id("document-preview").locator("img[src]").first).to_be_visible(timeout=20_000)


def _transfer(chat: ChatPage) -> None:
    _history(chat)
    chat.by_id("transfer-open").click()
    expect(chat.by_id("export-archive")).to_be_visible()


def _refused_files(chat: ChatPage) -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
    chat.drop(Upload("照片.heic", heic, ""), Upload("说明.txt", b"only words, no picture", "text/plain"))
    expect(chat.by_id("notice")).to_have_count(2)


def _ledger(chat: ChatPage) -> None:
    _answer(chat)
    chat.by_id("ledger").last.locator("summary").first.click()
    expect(chat.by_id("ledger-total").first).to_be_visible()


def _meter(chat: ChatPage) -> None:
    _answer(chat)
    chat.by_id("context-meter").click()
    expect(chat.by_id("context-preview").get_by_test_id("ledger-row").first).to_be_visible()


def _preset_form(chat: ChatPage) -> None:
    chat.drop(*products(1))
    _presets(chat)
    chat.by_id("preset-option").first.click()
    expect(chat.by_id("preset-send")).to_be_visible()


def _preset_editor(chat: ChatPage) -> None:
    _presets(chat)
    chat.page.get_by_role("button", name="管理预设…").click()
    chat.by_id("preset-edit").first.click()
    expect(chat.by_id("edit-name")).to_be_visible()


def _banned_words(chat: ChatPage) -> None:
    _presets(chat)
    chat.page.get_by_role("button", name="违禁词…").click()
    chat.by_id("words-sample").fill("顶级的杯子")
    expect(chat.by_id("banned-word").first).to_be_visible()


def _batch_results(chat: ChatPage) -> None:
    make(chat, 3)
    run(chat)
    wait_state(chat, "done")
    expect(chat.by_id("batch-retry-failed")).to_be_visible()


def _away(chat: ChatPage) -> None:
    _answer(chat)
    chat.page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    chat.page.context.set_offline(True)
    chat.page.reload()
    chat.wait_connection("offline")
    expect(chat.questions).to_have_count(1)
    chat.send("还在吗？")
    expect(chat.answers.last).to_have_attribute("data-status", "waiting")


def _went_wrong(chat: ChatPage) -> None:
    _answer(chat)
    chat.send("这一次不行")
    chat.wait_status("error")


def _second_attempt(chat: ChatPage) -> None:
    chat.send("多少钱？")
    expect(chat.answers.last.get_by_test_id("attempt")).to_be_visible(timeout=20_000)
    chat.wait_done()


def _compared(chat: ChatPage) -> None:
    _compare(chat)
    chat.by_id("way-B").get_by_test_id("way-system").fill("你是诗人。")
    chat.by_id("compare-start").click()
    for side in "AB":
        expect(chat.by_id(f"compare-{side}")).to_have_attribute("data-status", "done", timeout=20_000)


REFUSAL = Status(status=400, message="failed to decode image")
#: What the engine says; everywhere else the answer above.
SCRIPTS: dict[Callable[[ChatPage], None], Sequence[Script]] = {
    _batch_results: (
        Reply(text="【标题】顶级保温杯"),
        REFUSAL,
        Reply(text="【标题】" + "轻巧保温杯" * 9),
    ),
    _went_wrong: (Reply(text=ANSWER, chunk_chars=64), REFUSAL),
    _second_attempt: (Reply(text=""), Reply(text="价签上写着12.50元。")),
    _compared: (Reply(text="一只红色的杯子"), Reply(text="一只白色的大杯子")),
}

SCREENS: list[Callable[[ChatPage], None]] = [
    _empty,
    _strip,
    _answer,
    _history,
    _tags,
    _tag_editor,
    _settings,
    _shortcuts,
    _lightbox,
    _table,
    _presets,
    _batch,
    _compare,
    _compared,
    _boxes_enlarged,
    _region,
    _pdf,
    _pdf_text,
    _pdf_problem,
    _video,
    _transfer,
    _refused_files,
    _ledger,
    _meter,
    _preset_form,
    _preset_editor,
    _banned_words,
    _batch_results,
    _away,
    _went_wrong,
    _second_attempt,
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


def _assert_nothing_found(chat: ChatPage) -> None:
    wait_still(chat.page)  # axe reads colours as they are: not in the middle of a fade
    chat.page.evaluate(AXE)
    found: list[dict[str, Any]] = chat.page.evaluate("(rules) => axe.run(rules)", RULES)["violations"]
    told = [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in found]
    assert told == []


@pytest.mark.parametrize("show", SCREENS, ids=lambda show: show.__name__.strip("_"))
def test_axe_finds_nothing(chat: ChatPage, server: PageServer, show: Callable[[ChatPage], None]) -> None:
    server.script(*SCRIPTS.get(show, (Reply(text=ANSWER, chunk_chars=64),)))
    show(chat)
    _assert_nothing_found(chat)


@pytest.mark.parametrize("state", [EngineState.LOADING, EngineState.FAILED], ids=lambda state: state.value)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_while_the_engine_is_away(
    browser: Browser, theme: Literal["light", "dark"], state: EngineState
) -> None:
    with page_server(state=state) as server:
        context = browser.new_context(locale="zh-CN", color_scheme=theme, reduced_motion="reduce")
        chat = ChatPage(context.new_page(), server.url).open()
        chat.wait_engine(state.value)
        chat.send("准备好了吗？")
        expect(chat.answers.last).to_have_attribute("data-status", "waiting")
        _assert_nothing_found(chat)
        context.close()


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


def test_documents_presets_and_backups_by_keyboard_alone(chat: ChatPage, server: PageServer) -> None:
    """A PDF becomes pictures, a preset asks about them, and the chat is exported; no mouse, no lost focus."""
    server.answer("【标题】好")
    keys = chat.page.keyboard
    chat.paste(Upload("手册.pdf", documents.scanned_pdf(), "application/pdf"))
    expect(chat.by_id("document-range")).to_be_focused(timeout=20_000)
    keys.press("Control+a")
    keys.type("2-3")
    expect(chat.by_id("document-cost")).to_contain_text("词元")
    keys.press("Enter")
    expect(chat.strip).to_have_count(2, timeout=20_000)
    expect(chat.composer).to_be_focused()
    expect(chat.by_id("preset-chip").first).to_be_enabled(timeout=20_000)
    keys.press("/")
    expect(chat.by_id("preset-search")).to_be_focused()
    keys.type("标题")
    keys.press("Enter")
    expect(chat.page.locator("[data-variable=max_chars]")).to_be_focused()
    keys.press("Enter")
    chat.wait_done()
    expect(chat.composer).to_be_focused()
    keys.press("Control+k")
    expect(chat.by_id("history-search")).to_be_focused()
    chat.by_id("transfer-open").focus()
    keys.press("Enter")
    expect(chat.by_id("export-archive")).to_be_visible()
    chat.by_id("export-archive").focus()
    with chat.page.expect_download() as download:
        keys.press("Enter")
    assert download.value.suggested_filename.endswith(".zip")
    keys.press("Escape")
    expect(chat.page.get_by_role("dialog")).to_have_count(0)
    expect(chat.composer).to_be_focused()


def test_lightbox_and_region_by_keyboard_alone(chat: ChatPage, server: PageServer) -> None:
    chat.drop(*products(2))
    expect(chat.strip).to_have_count(2)
    expect(chat.strip.last).to_have_attribute("data-state", "ready")
    keys = chat.page.keyboard
    chat.page.locator("[data-strip-focus]").first.focus()
    keys.press("Enter")
    expect(chat.by_id("lightbox")).to_be_visible()
    for key, shown in (
        ("ArrowRight", "商品001.png"),
        ("ArrowLeft", "商品000.png"),
        ("ArrowRight", "商品001.png"),
    ):
        keys.press(key)
        expect(chat.by_id("lightbox")).to_contain_text(shown)
        # The button that had the focus is disabled at either end.
        chat.page.wait_for_function(
            "() => document.querySelector('[data-testid=lightbox]').contains(document.activeElement)"
        )
    keys.press("r")
    expect(chat.by_id("region")).to_be_focused()
    keys.press("Shift+ArrowRight")
    keys.press("Enter")
    expect(chat.by_id("lightbox")).to_have_count(0)
    expect(chat.strip).to_have_count(3)
    expect(chat.composer).to_be_focused()
