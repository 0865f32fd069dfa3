"""A table of an answer as a grid beside its picture: edited, kept, copied as cells, saved as CSV and XLSX."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Download, Locator, expect

from tests.support.browser import ChatPage, Upload
from tests.support.page_server import PageServer
from tests.support.spreadsheet import read_xlsx

pytestmark = pytest.mark.browser

_TABLE = """结果：

| 商品 | 单价 | 库存 | 条码 |
| --- | ---: | --- | --- |
| 苹果 | 5.80 | 1,200 | 6901234567892 |
| 牛奶, "鲜" | -3.5 | 007 | =1+1 |
"""


def _open(chat: ChatPage, number: int = 0) -> Locator:
    """Open a table of the newest answer; returns its grid, with the focus in it."""
    chat.answers.last.locator(".md-open").nth(number).click()
    grid = chat.by_id("grid")
    expect(grid.get_by_test_id("cell-input")).to_be_focused()
    return grid


def _cells(grid: Locator) -> list[list[str]]:
    rows = grid.locator("tbody tr")
    return [[cell.inner_text().strip() for cell in row.get_by_role("gridcell").all()] for row in rows.all()]


def _cell(grid: Locator, row: int, column: int) -> Locator:
    return grid.locator(f"[data-row='{row}'][data-column='{column}']")


def _saved(chat: ChatPage, test_id: str) -> Download:
    with chat.page.expect_download() as download:
        chat.by_id(test_id).click()
    return download.value


def _clipboard(chat: ChatPage) -> dict[str, str]:
    found: dict[str, str] = chat.page.evaluate(
        """async () => {
          const [item] = await navigator.clipboard.read({ unsanitized: ["text/html"] });
          const texts = item.types.map(async (type) => [type, await (await item.getType(type)).text()]);
          return Object.fromEntries(await Promise.all(texts));
        }"""
    )
    return found


def test_table_that_nano_reads_is_edited_beside_its_picture_and_kept(
    page: ChatPage, sample_images: Path
) -> None:
    page.drop(Upload.of(sample_images / "05_table_zh.png"))
    expect(page.strip).to_have_count(1)
    answer = page.ask("把表格转成Markdown。")
    grid = _open(page)
    assert _cells(grid)[0] == ["商品", "单价", "库存"]
    assert ["牛奶", "¥3.50", "86"] in _cells(grid)
    picture = page.by_id("table-dialog").locator("img").bounding_box()
    table = grid.bounding_box()
    assert picture
    assert table
    assert picture["x"] + picture["width"] <= table["x"], "the picture stands left of the grid"

    keyboard = page.page.keyboard
    keyboard.press("ArrowDown")
    keyboard.press("ArrowRight")
    keyboard.type("¥9.99")
    keyboard.press("Enter")
    keyboard.press("F2")
    keyboard.press("End")
    keyboard.type("0")
    keyboard.press("Escape")
    keyboard.press("Tab")
    keyboard.type("85")
    keyboard.press("Tab")
    after = _cells(grid)
    assert after[1] == ["苹果", "¥9.99", "120"]
    assert after[2] == ["牛奶", "¥3.50", "85"]
    expect(page.by_id("table-status")).to_contain_text("已修改")
    page.by_id("table-close").click()
    assert page.answer_text == answer, "the answer is as it was"

    page.page.reload()
    expect(page.answers).to_have_count(1)
    grid = _open(page)
    assert _cells(grid) == after
    page.by_id("table-restore").click()
    assert _cells(grid)[1] == ["苹果", "¥5.80", "120"]
    page.by_id("table-undo").click()
    assert _cells(grid) == after


def test_cells_are_copied_for_spreadsheets_and_pasted_over_others(chat: ChatPage, server: PageServer) -> None:
    server.answer(_TABLE)
    chat.ask("表格？")
    grid = _open(chat)
    chat.by_id("table-copy").click()
    expect(chat.by_id("table-status")).to_contain_text("已复制 12 个单元格")
    copied = _clipboard(chat)
    assert copied["text/plain"].splitlines()[1] == "苹果\t5.80\t1,200\t6901234567892"
    assert copied["text/html"].count("<tr") == 3
    assert copied["text/html"].count("<td") == 12
    assert """mso-number-format:'\\@'">007""" in copied["text/html"], "007 stays 007 in a spreadsheet"

    _cell(grid, 1, 1).click()
    chat.page.keyboard.press("Shift+ArrowDown")
    chat.page.keyboard.press("Shift+ArrowRight")
    chat.page.keyboard.press("Control+c")
    assert _clipboard(chat)["text/plain"] == "5.80\t1,200\n-3.5\t007"
    _cell(grid, 2, 3).click()
    chat.page.keyboard.press("Control+v")
    assert _cells(grid) == [
        ["商品", "单价", "库存", "条码", ""],
        ["苹果", "5.80", "1,200", "6901234567892", ""],
        ['牛奶, "鲜"', "-3.5", "007", "5.80", "1,200"],
        ["", "", "", "-3.5", "007"],
    ]
    chat.page.keyboard.press("Control+z")
    assert len(_cells(grid)) == 3
    chat.page.keyboard.press("Control+a")
    chat.page.keyboard.press("Control+x")
    assert {cell for row in _cells(grid) for cell in row} == {""}
    chat.page.keyboard.press("Control+z")
    assert _cells(grid)[1][0] == "苹果"


def test_copying_works_without_the_clipboard_permission(browser: Browser, server: PageServer) -> None:
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
    context.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined });")
    chat = ChatPage(context.new_page(), server.url).open()
    chat.wait_connection("online")
    server.answer(_TABLE)
    chat.ask("表格？")
    grid = _open(chat)
    chat.by_id("table-copy").click()
    expect(chat.by_id("table-status")).to_contain_text("已复制 12 个单元格")
    _cell(grid, 0, 0).click()
    chat.page.keyboard.press("Delete")
    chat.page.keyboard.press("Control+v")
    assert _cells(grid)[1][3] == "6901234567892"
    assert chat.errors == []
    context.close()


def test_csv_is_utf8_with_bom_quoted_and_guarded_where_wanted(chat: ChatPage, server: PageServer) -> None:
    server.answer(_TABLE)
    chat.ask("表格？")
    _open(chat)
    guarded = _saved(chat, "table-csv")
    assert guarded.suggested_filename.endswith(".csv")
    data = Path(guarded.path()).read_bytes()
    assert data.decode().split("\r\n") == [
        "\ufeff商品,单价,库存,条码",
        '苹果,5.80,"1,200",6901234567892',
        '"牛奶, ""鲜""",-3.5,007,\'=1+1',
        "",
    ]
    chat.by_id("table-guard").uncheck()
    assert Path(_saved(chat, "table-csv").path()).read_bytes() == data.replace(b"'=", b"=")


def test_xlsx_has_numbers_as_numbers_and_text_as_text(chat: ChatPage, server: PageServer) -> None:
    server.answer(_TABLE)
    chat.ask("表格？")
    grid = _open(chat)
    _cell(grid, 1, 0).dblclick()
    chat.page.keyboard.press("End")
    chat.page.keyboard.type(" <红> & “富士”")  # still being typed: saved as it is seen
    download = _saved(chat, "table-xlsx")
    assert download.suggested_filename.endswith(".xlsx")
    path = Path(download.path())
    (sheet,) = read_xlsx(path)
    assert sheet.row(1) == ["商品", "单价", "库存", "条码"]
    assert sheet.row(2) == ["苹果 <红> & “富士”", 5.8, 1200.0, "6901234567892"]
    assert sheet.row(3) == ['牛奶, "鲜"', -3.5, "007", "=1+1"]


def test_xlsx_opens_in_another_reader(chat: ChatPage, server: PageServer, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    server.answer(_TABLE)
    chat.ask("表格？")
    _open(chat)
    path = tmp_path / "table.xlsx"
    _saved(chat, "table-xlsx").save_as(path)
    (sheet,) = openpyxl.load_workbook(path).worksheets
    assert [[cell.value for cell in row] for row in sheet.iter_rows()][1:] == [
        ["苹果", 5.8, 1200, "6901234567892"],
        ['牛奶, "鲜"', -3.5, "007", "=1+1"],
    ]
    assert [sheet.cell(3, 4).data_type, sheet.freeze_panes] == ["s", "A2"]
    assert sheet.column_dimensions["D"].width > sheet.column_dimensions["B"].width


def test_rows_and_columns_come_and_go(chat: ChatPage, server: PageServer) -> None:
    server.answer(_TABLE)
    chat.ask("表格？")
    grid = _open(chat)
    chat.by_id("table-add-row").click()
    chat.by_id("table-add-column").click()
    assert [len(_cells(grid)), len(_cells(grid)[0])] == [4, 5]
    _cell(grid, 2, 0).click()
    _cell(grid, 3, 0).click(modifiers=["Shift"])
    chat.by_id("table-remove-row").click()
    assert [row[0] for row in _cells(grid)] == ["商品", ""]
    _cell(grid, 0, 0).click()
    chat.by_id("table-remove-column").click()
    assert _cells(grid)[0] == ["", "单价", "库存", "条码"]
    for _ in range(4):
        chat.by_id("table-undo").click()
    assert _cells(grid)[2][3] == "=1+1"
    expect(chat.by_id("table-restore")).to_have_count(0)


def test_html_tables_open_too_and_stay_harmless(chat: ChatPage, server: PageServer) -> None:
    server.answer(
        '<table onclick="alert(1)"><tr><th colspan="2">合并<img src=x onerror="alert(1)"></th></tr>\n'
        "<tr><td>一<br>二</td><td><b>b</b></td></tr></table>\n\n后面的文字。\n\n"
        "```html\n<table><tr><td>甲</td><td>乙</td></tr></table>\n```\n"
    )
    chat.ask("HTML 表格？")
    text = chat.answers.last.get_by_test_id("assistant-text")
    expect(text.locator("table")).to_have_count(1)
    expect(text.locator("[onclick], img")).to_have_count(0)
    expect(text).to_contain_text("后面的文字。")
    grid = _open(chat)
    assert _cells(grid) == [["合并", ""], ["一\n二", "b"]]
    chat.page.keyboard.press("Escape")
    expect(chat.by_id("table-dialog")).to_have_count(0)
    assert _cells(_open(chat, 1)) == [["甲", "乙"]]


def test_chinese_input_method_writes_into_the_cell_in_focus(chat: ChatPage, server: PageServer) -> None:
    server.answer(_TABLE)
    chat.ask("表格？")
    grid = _open(chat)
    session = chat.page.context.new_cdp_session(chat.page)
    chat.page.keyboard.press("ArrowDown")
    expect(_cell(grid, 1, 0).get_by_test_id("cell-input")).to_be_focused()
    session.send("Input.imeSetComposition", {"text": "ping", "selectionStart": 4, "selectionEnd": 4})
    expect(_cell(grid, 1, 0).get_by_test_id("cell-input")).to_have_value("ping")
    session.send("Input.insertText", {"text": "苹"})
    chat.page.keyboard.press("Enter")
    assert _cells(grid)[1][0] == "苹"
    expect(_cell(grid, 2, 0).get_by_test_id("cell-input")).to_be_focused()


def test_deleting_the_conversation_takes_the_edits_along(chat: ChatPage, server: PageServer) -> None:
    server.answer(_TABLE)
    chat.ask("表格？")
    grid = _open(chat)
    chat.page.keyboard.type("x")
    chat.page.keyboard.press("Enter")
    expect(chat.by_id("table-status")).to_contain_text("已修改")
    assert _cells(grid)[0][0] == "x"
    stored = """() => new Promise((resolve) => {
      const open = indexedDB.open("huiyan");
      open.onsuccess = () => {
        const all = open.result.transaction("tables").objectStore("tables").getAll();
        all.onsuccess = () => { open.result.close(); resolve(all.result.length); };
      };
    })"""
    chat.page.wait_for_function(f"async () => (await ({stored})()) === 1")
    chat.by_id("table-close").click()
    chat.by_id("history-open").click()
    chat.by_id("history-item").first.hover()
    chat.by_id("history-delete").first.click()
    chat.by_id("history-confirm-delete").click()
    chat.page.wait_for_function(f"async () => (await ({stored})()) === 0")
