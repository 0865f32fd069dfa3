"""The grid of a batch sheet: edited, by keyboard too, long, and written to files."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from huiyan.testing.script import Reply
from tests.support.batch import make, run, wait_state
from tests.support.batch import row as row_of
from tests.support.browser import ANSWER_TIMEOUT_MS, ChatPage, Upload
from tests.support.page_server import PageServer
from tests.support.products import product, products
from tests.support.spreadsheet import read_xlsx

pytestmark = pytest.mark.browser

COPY = "【标题】轻巧保温杯 316不锈钢"


@pytest.fixture
def reply() -> Reply:
    return Reply(text=COPY, chunk_chars=4)


def test_edits_stay_beside_the_answer_and_go_into_the_files(
    chat: ChatPage, server: PageServer, tmp_path: Path
) -> None:
    server.script(Reply(text="【标题】最好的杯子，第一步就爱上"), Reply(text="【标题】=1+1"))
    make(chat, 2)
    run(chat)
    wait_state(chat, "done")
    first, second = chat.by_id("batch-cell").nth(0), chat.by_id("batch-cell").nth(1)
    expect(first.get_by_test_id("banned-word")).to_have_text("最好")
    second.click()
    chat.by_id("batch-editor").fill("手写的标题")
    chat.page.keyboard.press("Enter")
    expect(second).to_have_text("手写的标题")
    chat.page.reload()
    expect(second).to_have_text("手写的标题")
    expect(chat.by_id("cell-restore")).to_have_attribute("title", re.compile(r"=1\+1"))

    with chat.page.expect_download() as csv_download:
        chat.by_id("batch-csv").click()
    text = Path(csv_download.value.path()).read_text(encoding="utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [
        ["文件名", "标题", "违禁词"],
        ["商品000.png", "最好的杯子，第一步就爱上", "最好"],
        ["商品001.png", "手写的标题", ""],
    ]
    chat.by_id("cell-restore").click()
    expect(second).to_have_text("=1+1")
    with chat.page.expect_download() as xlsx_download:
        chat.by_id("batch-xlsx").click()
    target = tmp_path / "out.xlsx"
    xlsx_download.value.save_as(target)
    (sheet,) = read_xlsx(target)
    assert sheet.row(1) == ["#", "图片", "文件名", "标题", "违禁词"]
    assert sheet.row(3) == [2.0, "商品001.png", "=1+1"]


def test_keyboard_alone_moves_edits_and_takes_back(chat: ChatPage) -> None:
    make(chat, 3)
    run(chat)
    wait_state(chat, "done")
    press = chat.page.keyboard.press
    chat.page.locator('[data-at="0:1"]').focus()
    press("ArrowDown")
    expect(chat.page.locator('[data-at="1:1"]')).to_be_focused()
    press("Enter")
    chat.page.keyboard.type("！")
    press("Enter")
    expect(chat.page.locator('[data-at="2:1"]')).to_be_focused()
    expect(chat.page.locator('[data-at="1:1"]')).to_have_text(re.compile("！$"))
    press("ArrowUp")
    press("Delete")
    expect(chat.page.locator('[data-at="1:1"]')).to_have_text(re.compile("316不锈钢$"))
    press("Enter")
    chat.page.keyboard.type("不要")
    press("Escape")
    expect(chat.page.locator('[data-at="1:1"]')).to_be_focused()
    expect(chat.page.locator('[data-at="1:1"]')).to_have_text(re.compile("316不锈钢$"))
    press("Escape")
    expect(chat.by_id("batch-page")).to_have_count(0)


def test_three_hundred_rows_are_drawn_as_they_come_into_view(chat: ChatPage) -> None:
    chat.drop(*products(300))
    chat.by_id("as-batch").click()
    expect(chat.by_id("batch-progress")).to_contain_text("0/300", timeout=ANSWER_TIMEOUT_MS)
    assert chat.by_id("batch-row").count() < 30
    grid = chat.by_id("batch-grid")
    grid.evaluate("(element) => element.scrollTo(0, element.scrollHeight)")
    expect(row_of(chat, "商品299.png")).to_be_visible()
    assert chat.by_id("batch-row").count() < 30
    expect(grid).to_have_attribute("aria-rowcount", "301")


def test_bad_files_are_named_and_the_good_ones_stay(chat: ChatPage) -> None:
    make(chat, 2)
    chat.drop(Upload("坏的.png", b"no picture at all, only words", "image/png"), product(2))
    expect(chat.by_id("batch-refused")).to_contain_text("坏的.png")
    expect(chat.by_id("batch-progress")).to_contain_text("0/3")
