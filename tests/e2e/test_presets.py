"""Presets: sent at once or by a form, their answers in fields with counters, and banned words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from huiyan.testing.script import Reply
from tests.support.browser import ChatPage
from tests.support.page_server import PageServer
from tests.support.products import product

pytestmark = pytest.mark.browser


def _chip(chat: ChatPage, preset: str) -> None:
    chat.page.locator(f"[data-testid=preset-chip][data-preset={preset}]").click()


def test_a_chip_sends_at_once_and_the_answer_comes_in_fields(chat: ChatPage, server: PageServer) -> None:
    said = (
        "杯身轻巧单手就能拿稳，倒扣不漏水，放进包里也安心，早上装的热茶到傍晚还温着，杯盖可以整个拆下来洗。很"
    )
    points = "\n".join(f"【卖点{n}】{said[: 10 * n]}" for n in range(1, 6))
    server.script(Reply(text=points, chunk_chars=3))
    chat.drop(product(1))
    _chip(chat, "points")
    chat.wait_done()
    fields = chat.by_id("preset-field")
    expect(fields).to_have_count(5)
    expect(fields.nth(0).get_by_test_id("field-counter")).to_have_text("10/25")
    expect(fields.nth(2).get_by_test_id("field-counter")).to_have_attribute("data-over", "true")
    expect(fields.nth(4).get_by_test_id("field-counter")).to_contain_text("超出 25")
    asked = server.asked()
    assert asked["messages"][0]["role"] == "system"
    assert "【卖点5】" in server.texts()[-1]
    expect(chat.by_id("preset-question")).to_have_text("五个卖点")
    fields.nth(1).get_by_test_id("copy-field").click()
    assert chat.page.evaluate("navigator.clipboard.readText()") == said[:20]


def test_banned_words_are_marked_counted_and_advised_on(chat: ChatPage, server: PageServer) -> None:
    server.script(Reply(text="【标题】顶级保温杯 销量第一 第一步就好用 最后优惠"))
    chat.drop(product(1))
    _chip(chat, "title")
    chat.wait_done()
    expect(chat.by_id("banned-word")).to_have_text(["顶级", "第一"])
    expect(chat.by_id("banned-count")).to_have_attribute("data-count", "2")
    expect(chat.by_id("preset-field")).to_contain_text("顶级 → 高端")


def test_the_list_of_banned_words_is_the_readers(chat: ChatPage, server: PageServer) -> None:
    chat.by_id("presets-open").click()
    chat.page.get_by_role("button", name="违禁词…").click()
    words = chat.by_id("words-text")
    expect(words).to_have_value(re.compile("国家级 → 高标准"))
    words.fill("爆款 → 热销 | 非爆款\n")
    chat.by_id("words-sample").fill("爆款和非爆款，顶级")
    expect(chat.by_id("words-result").get_by_test_id("banned-word")).to_have_text(["爆款"])
    chat.by_id("words-save").click()
    server.script(Reply(text="【标题】顶级爆款"))
    chat.drop(product(1))
    _chip(chat, "title")
    chat.wait_done()
    expect(chat.by_id("banned-word")).to_have_text(["爆款"])


def test_slash_opens_the_picker_and_the_form_fills_the_variables(chat: ChatPage, server: PageServer) -> None:
    server.script(Reply(text="【标题】好"))
    chat.drop(product(1))
    expect(chat.by_id("preset-chip").first).to_be_enabled()
    chat.composer.focus()
    press = chat.page.keyboard.press
    press("/")
    expect(chat.by_id("preset-search")).to_be_focused()
    chat.page.keyboard.type("标题")
    press("Enter")
    chat.page.locator("[data-variable=max_chars]").fill("12")
    chat.page.locator("[data-variable=audience]").fill("大学生")
    press("Enter")
    chat.wait_done()
    prompt = server.texts()[-1]
    assert "目标人群：大学生" in prompt
    assert "不超过12个字" in prompt
    assert "{{" not in prompt
    assert "要带上的关键词" not in prompt
    expect(chat.by_id("field-counter")).to_have_text("1/12")
    expect(chat.composer).to_be_focused()


def test_own_preset_is_made_exported_and_imported(chat: ChatPage, server: PageServer, tmp_path: Path) -> None:
    chat.by_id("presets-open").click()
    chat.page.get_by_role("button", name="管理预设…").click()
    chat.by_id("preset-new").click()
    chat.by_id("edit-name").fill("颜色")
    chat.by_id("edit-template").fill("说出{{what}}的颜色")
    chat.by_id("edit-output").select_option("schema")
    chat.by_id("add-field").click()
    chat.by_id("edit-field").locator("input").first.fill("颜色名")
    chat.by_id("edit-save").click()
    expect(chat.by_id("preset-row").filter(has_text="颜色")).to_have_count(1)
    with chat.page.expect_download() as download:
        chat.by_id("presets-export").click()
    exported = Path(download.value.path()).read_text(encoding="utf-8")
    preset = json.loads(exported)["presets"][-1]
    assert (preset["name"], preset["fields"][0]["label"]) == ("颜色", "颜色名")

    edited = json.loads(exported)
    edited["presets"] = [{**preset, "name": "颜色二"}]
    target = tmp_path / "presets.json"
    target.write_text(json.dumps(edited), encoding="utf-8")
    chat.by_id("presets-import").set_input_files(target)
    expect(chat.by_id("preset-row").filter(has_text="颜色二")).to_have_count(1)
    target.write_text("not a file of presets", encoding="utf-8")
    chat.by_id("presets-import").set_input_files(target)
    expect(chat.by_id("preset-row").filter(has_text="颜色")).to_have_count(1)
    chat.page.keyboard.press("Escape")
    expect(chat.by_id("notice").filter(has_text="presets.json")).to_be_visible()

    server.script(Reply(text='{"颜色名": "蓝"}'))
    chat.drop(product(1))
    chat.by_id("preset-chip").filter(has_text="颜色二").click()
    chat.wait_done()
    expect(chat.by_id("field-text")).to_have_text("蓝")
    schema = server.asked()["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["颜色名"]


def test_preset_without_a_picture_is_refused_with_a_word(chat: ChatPage, server: PageServer) -> None:
    chat.composer.focus()
    chat.page.keyboard.press("/")
    expect(chat.by_id("preset-search")).to_be_focused()
    chat.page.keyboard.type("读出")
    expect(chat.page.get_by_role("dialog")).to_contain_text("请先放一张图片")
    chat.page.keyboard.press("Enter")
    expect(chat.by_id("notice").filter(has_text="请先放一张图片")).to_be_attached()
    assert server.engine.completions == []


def test_presets_speak_the_language_of_the_page(chat: ChatPage, server: PageServer) -> None:
    server.script(Reply(text="【Title】The best mug ever"))
    chat.by_id("lang-toggle").click()
    chat.drop(product(1))
    _chip(chat, "title")
    chat.wait_done()
    assert "Look at the product" in server.texts()[-1]
    expect(chat.by_id("banned-word")).to_have_text("best")
    expect(chat.by_id("field-counter")).to_have_text("17/80")
