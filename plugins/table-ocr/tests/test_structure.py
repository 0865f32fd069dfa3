"""Tables from words and lines whose places are given: no OCR, milliseconds."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import openpyxl
import pytest

from huiyan_table_ocr.structure import (
    Box,
    Ruling,
    Table,
    Word,
    find_tables,
    to_csv,
    to_html,
    to_markdown,
    to_xlsx,
)


def word(text: str, x: float, y: float, width: float | None = None) -> Word:
    return Word(Box(x, y, x + (width or 9 * len(text)), y + 16), text)


def across(y: float, x0: float, x1: float) -> Ruling:
    return Ruling(True, y, x0, x1)


def down(x: float, y0: float, y1: float) -> Ruling:
    return Ruling(False, x, y0, y1)


def texts(table: Table) -> list[list[str]]:
    at = table.at()
    return [
        [at[row, column].text if (row, column) in at else "" for column in range(table.columns)]
        for row in range(table.rows)
    ]


def spans(table: Table) -> dict[str, tuple[int, int]]:
    return {c.text: (c.row_span, c.column_span) for c in table.cells if c.row_span * c.column_span > 1}


@pytest.fixture
def merged() -> Table:
    """Three columns and rows; the left cell is two rows high, the upper right two columns wide."""
    lines = [
        *(across(y, 0, 300) for y in (0, 90)),
        across(30, 100, 300),
        across(60, 0, 300),
        *(down(x, 0, 90) for x in (0, 100, 300)),
        down(200, 30, 90),
    ]
    words = [word("Item", 10, 20), word("Price", 160, 6), word("Old", 110, 36), word("New", 210, 36)]
    words += [word("Cup", 10, 66), word("12", 110, 66), word("9", 210, 66)]
    (table,) = find_tables(words, lines, 4)
    return table


def test_merged_cells_of_a_drawn_table(merged: Table) -> None:
    assert merged.kind == "ruled"
    assert texts(merged) == [["Item", "Price", ""], ["", "Old", "New"], ["Cup", "12", "9"]]
    assert spans(merged) == {"Item": (2, 1), "Price": (1, 2)}


def test_a_cell_has_its_box(merged: Table) -> None:
    assert merged.at()[0, 1].box == Box(100, 0, 300, 30)
    assert merged.at()[2, 2].box == Box(200, 60, 300, 90)


def test_a_table_open_at_its_sides() -> None:
    lines = [across(0, 0, 200), across(30, 0, 200), across(60, 0, 200), down(100, 0, 60)]
    words = [word("a", 10, 6), word("b", 110, 6), word("c", 10, 36), word("d", 110, 36)]
    (table,) = find_tables(words, lines, 4)
    assert texts(table) == [["a", "b"], ["c", "d"]]


def test_two_drawn_tables_stay_apart() -> None:
    def frame(y: float) -> list[Ruling]:
        return [
            *(across(y + d, 0, 200) for d in (0, 30, 60)),
            *(down(x, y, y + 60) for x in (0, 100, 200)),
        ]

    words = [word("a", 10, 6), word("b", 110, 36), word("c", 10, 206), word("d", 110, 236)]
    tables = find_tables(words, frame(0) + frame(200), 4)
    assert [texts(table) for table in tables] == [[["a", ""], ["", "b"]], [["c", ""], ["", "d"]]]


def test_borderless_columns_and_an_empty_cell() -> None:
    rows = [
        ["Region", "2023", "2024"],
        ["North", "1,204", "1,377"],
        ["South", "", "1,020"],
        ["East", "5", "6"],
    ]
    words = [
        word(text, 10 + 100 * column, 30 * row)
        for row, line in enumerate(rows)
        for column, text in enumerate(line)
        if text
    ]
    (table,) = find_tables(words, [], 4)
    assert table.kind == "borderless"
    assert texts(table) == rows


def test_a_borderless_header_over_two_columns() -> None:
    words = [word("Revenue by half year", 110, 0, 130)]
    for row, line in enumerate([["Region", "2023", "2024"], ["North", "12", "13"], ["South", "9", "10"]], 1):
        words += [word(text, 10 + 100 * column, 30 * row) for column, text in enumerate(line)]
    (table,) = find_tables(words, [], 4)
    assert texts(table)[0] == ["", "Revenue by half year", ""]
    assert spans(table) == {"Revenue by half year": (1, 2)}


def test_a_wrapped_line_continues_its_row() -> None:
    words = []
    for row, line in enumerate([["1", "Blue", "9"], ["2", "Wide", "8"], ["3", "Thin", "7"]]):
        words += [word(text, 10 + 120 * column, 60 * row) for column, text in enumerate(line)]
        words.append(word("scarf", 130, 60 * row + 17))
    (table,) = find_tables(words, [], 4)
    assert texts(table) == [["1", "Blue scarf", "9"], ["2", "Wide scarf", "8"], ["3", "Thin scarf", "7"]]


def test_a_paragraph_is_no_table() -> None:
    assert (
        find_tables([word("A long line of plain words " * 2, 10, 20 * row) for row in range(6)], [], 4) == []
    )


def test_nothing_is_no_table() -> None:
    assert find_tables([], [], 4) == []


def test_a_frame_alone_is_no_table() -> None:
    frame = [across(0, 0, 200), across(60, 0, 200), down(0, 0, 60), down(200, 0, 60)]
    assert find_tables([word("note", 10, 20)], frame, 4) == []


def test_chinese_is_joined_without_spaces() -> None:
    lines = [*(across(y, 0, 200) for y in (0, 60, 90)), *(down(x, 0, 90) for x in (0, 100, 200))]
    words = [
        word("羊毛", 10, 6),
        word("围巾", 10, 30),
        word("a b", 110, 6),
        word("c", 110, 30),
        word("x", 10, 66),
    ]
    (table,) = find_tables(words, lines, 4)
    assert texts(table)[0] == ["羊毛围巾", "a b c"]


class _Rows(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.cells: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "td":
            self.cells.append(dict(attrs))
        assert tag in {"table", "tr", "td"}


def _one(text: str) -> Table:
    lines = [*(across(y, 0, 200) for y in (0, 30, 60)), *(down(x, 0, 60) for x in (0, 100, 200))]
    return find_tables([word(text, 10, 6, 60), word("ok", 110, 36)], lines, 4)[0]


def test_html_keeps_spans_and_takes_no_markup(merged: Table) -> None:
    parser = _Rows()
    parser.feed(to_html(merged))
    assert {"rowspan": "2"} in parser.cells
    assert {"colspan": "2"} in parser.cells
    hostile = _Rows()
    hostile.feed(to_html(_one("<script>alert(1)</script>")))
    assert len(hostile.cells) == 4


def test_markdown_takes_no_columns_from_a_text() -> None:
    assert to_markdown(_one("a|b")).splitlines()[0] == "| a\\|b |  |"


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd|x", "-1+2"])
def test_a_text_is_never_a_formula(text: str) -> None:
    table = _one(text)
    assert to_csv(table).startswith("'")
    sheet = openpyxl.load_workbook(io.BytesIO(to_xlsx([table]))).worksheets[0]
    assert sheet["A1"].value == text
    assert sheet["A1"].data_type == "s"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-3.5", -3.5),
        ("007", "007"),
        ("1,204", "1,204"),
        ("6901234567890123", "6901234567890123"),
    ],
)
def test_numbers_in_a_workbook(text: str, value: object) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(to_xlsx([_one(text)]))).worksheets[0]
    assert sheet["A1"].value == value


def test_merged_cells_in_a_workbook(merged: Table) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(to_xlsx([merged]))).worksheets[0]
    assert {str(area) for area in sheet.merged_cells.ranges} == {"A1:A2", "B1:C1"}


def test_a_head_whose_lines_were_too_faint_is_split_at_its_words() -> None:
    """The lines of the body say where columns are; a merged cell has its words in one place."""
    lines = [*(across(y, 0, 300) for y in (0, 30, 60)), *(down(x, 0, 60) for x in (0, 300))]
    lines += [down(x, 30, 60) for x in (100, 200)]
    body = [word("1", 10, 36), word("2", 110, 36), word("3", 210, 36)]
    heads = [word("A", 10, 6), word("B", 110, 6), word("C", 210, 6)]
    (table,) = find_tables([*heads, *body], lines, 4)
    assert texts(table) == [["A", "B", "C"], ["1", "2", "3"]]
    (table,) = find_tables([word("A", 10, 6), word("B C", 150, 6, 100), *body], lines, 4)
    assert spans(table) == {"A B C": (1, 3)}


def test_a_line_at_which_no_cell_ends_is_none() -> None:
    lines = [*(across(y, 0, 200) for y in (0, 30, 60)), *(down(x, 0, 60) for x in (0, 100, 200))]
    lines += [across(45, 0, 20)]
    words = [word("a", 10, 6), word("b", 110, 6), word("c", 30, 36), word("d", 110, 36)]
    (table,) = find_tables(words, lines, 4)
    assert (table.rows, table.columns) == (2, 2)
    assert spans(table) == {}


def test_the_head_of_a_three_line_table() -> None:
    """What stands at half height belongs to both rows; three lines part no rows."""
    lines = [across(y, 0, 420) for y in (0, 64, 172)]
    words = [word("Model", 0, 22), word("Size", 120, 22), word("Score on pages", 230, 8, 160)]
    words += [word("high", 230, 38), word("low", 350, 38)]
    for row in range(4):
        y = 70 + 26 * row
        words += [word(f"m{row}", 0, y), word("7", 120, y), word("81", 230, y), word("79", 350, y)]
    (table,) = find_tables(words, lines, 4)
    assert table.rows == 6
    assert spans(table) == {"Model": (2, 1), "Size": (2, 1), "Score on pages": (1, 2)}
    assert texts(table)[1:3] == [["", "", "high", "low"], ["m0", "7", "81", "79"]]
    cell = table.at()[0, 0]
    assert cell.box.y0 < 22
    assert cell.box.y1 > 38
