"""The screens of shop work: presets, batch sheets, two ways side by side."""

from __future__ import annotations

from playwright.sync_api import expect

from huiyan.testing.script import Reply, Status
from scripts.shots import goods
from scripts.shots.stage import Screens, Stage, Tour
from tests.support.browser import ANSWER_TIMEOUT_MS


def _one(stage: Stage) -> None:
    stage.drop(goods.photo(0, stage.language))
    stage.strip_ready(1)
    expect(stage.by_id("preset-chip").first).to_be_enabled()


def _pick(stage: Stage) -> None:
    stage.by_id("presets-open").first.click()
    expect(stage.by_id("preset-search")).to_be_visible()


def _presets(stage: Stage) -> Screens:
    chinese = stage.language == "zh-CN"
    _one(stage)
    _pick(stage)
    yield "preset-picker"
    stage.by_id("preset-option").first.click()
    expect(stage.by_id("preset-send")).to_be_visible()
    yield "preset-form"
    stage.chat.page.keyboard.press("Escape")
    _pick(stage)
    stage.chat.page.get_by_role("button", name="管理预设…" if chinese else "Manage presets…").click()
    expect(stage.by_id("preset-row").first).to_be_visible()
    yield "preset-list"
    stage.by_id("preset-edit").first.click()
    expect(stage.by_id("edit-name")).to_be_visible()
    yield "preset-editor"


def _banned(stage: Stage) -> Screens:
    _one(stage)
    _pick(stage)
    name = "违禁词…" if stage.language == "zh-CN" else "Banned words…"
    stage.chat.page.get_by_role("button", name=name).click()
    stage.by_id("words-sample").fill(stage.words.points)
    expect(stage.by_id("words-result").get_by_test_id("banned-word").first).to_be_visible()
    yield "banned-words"


def _points(stage: Stage) -> Screens:
    _one(stage)
    stage.says(stage.words.points)
    stage.chat.page.locator("[data-testid=preset-chip][data-preset=points]").click()
    stage.chat.wait_done()
    expect(stage.by_id("preset-field")).to_have_count(5)
    yield "preset-answer"


def _batch(stage: Stage) -> Screens:
    stage.chat.page.goto(f"{stage.chat.url}/#/batch")
    expect(stage.by_id("batch-page")).to_be_visible()
    yield "batch-none"
    stage.by_id("batch-back").click()
    stage.drop(*goods.photos(9, stage.language))
    stage.by_id("as-batch").click()
    expect(stage.by_id("batch-progress")).to_contain_text("0/9", timeout=ANSWER_TIMEOUT_MS)
    yield "batch-new"
    label = "标题" if stage.language == "zh-CN" else "Title"
    said = [f"【{label}】{title}" for title in stage.words.titles]
    slow = Reply(text=said[3] + " … " * 2000, chunk_chars=4, delay_s=0.1)
    bad = Status(status=400, message="failed to decode image")
    stage.engine.script(*(Reply(text=text, chunk_chars=64) for text in said[:3]), slow)
    stage.by_id("batch-concurrency").select_option("1")
    stage.by_id("batch-run").click()
    expect(stage.by_id("batch-progress")).to_contain_text("3/9", timeout=ANSWER_TIMEOUT_MS)
    yield "batch-running"
    stage.by_id("batch-stop").click()
    stage.engine.script(*(Reply(text=text, chunk_chars=64) for text in said[3:]), bad)
    stage.by_id("batch-run").click()
    expect(stage.by_id("batch-progress")).to_have_attribute("data-state", "done", timeout=ANSWER_TIMEOUT_MS)
    yield "batch-results"
    stage.chat.page.goto(f"{stage.chat.url}/#/batch")
    expect(stage.by_id("batch-link").first).to_be_visible()
    yield "batch-list"


def _compare(stage: Stage) -> Screens:
    _one(stage)
    stage.chat.composer.fill(stage.words.ask_price)
    stage.by_id("compare-composer").click()
    expect(stage.by_id("compare")).to_be_visible()
    stage.by_id("way-B").get_by_test_id("way-system").fill(stage.words.way_system)
    yield "compare-ways"
    stage.says(*stage.words.ways)
    stage.by_id("compare-start").click()
    for side in "AB":
        expect(stage.by_id(f"compare-{side}")).to_have_attribute(
            "data-status", "done", timeout=ANSWER_TIMEOUT_MS
        )
    yield "compare-answers"


SHOP_TOURS = (
    Tour(("preset-picker", "preset-form", "preset-list", "preset-editor"), _presets),
    Tour(("banned-words",), _banned),
    Tour(("preset-answer",), _points),
    Tour(("batch-none", "batch-new", "batch-running", "batch-results", "batch-list"), _batch),
    Tour(("compare-ways", "compare-answers"), _compare),
)
