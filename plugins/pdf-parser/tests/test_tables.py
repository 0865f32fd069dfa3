"""Tables with drawn cells, with some lines, and with none."""

from __future__ import annotations

from typing import Any

import pytest

from huiyan_pdf_parser.page import Page
from huiyan_pdf_parser.tables.model import Table
from tests.documents import LOREM, Parsed, chinese, filled, lines, pdf, ruled, texts


def only_table(page: Page) -> Table:
    (table,) = [block.table for block in page.blocks if block.table is not None]
    return table


def test_a_ruled_table_with_merged_cells_and_boxes(parse: Parsed) -> None:
    def draw(canvas: Any) -> None:
        lines(canvas, filled(LOREM, 3, 80), 60, 800)
        xs, ys = [60, 160, 260, 360], [700, 680, 660, 640]
        for x in (xs[0], xs[3]):
            canvas.line(x, ys[0], x, ys[3])
        for x in (xs[1], xs[2]):
            canvas.line(x, ys[1], x, ys[3])
        for y in (ys[0], ys[1], ys[3]):
            canvas.line(xs[0], y, xs[3], y)
        canvas.line(xs[1], ys[2], xs[3], ys[2])
        canvas.drawString(180, 686, "Prices")
        canvas.drawString(64, 656, "Tea")
        for row, (name, price) in enumerate([("green", "8"), ("black", "9")]):
            canvas.drawString(164, 666 - 20 * row, name)
            canvas.drawString(264, 666 - 20 * row, price)

    (page,) = parse(pdf(draw))
    table = only_table(page)
    assert table.kind == "ruled"
    assert table.grid() == [["Prices", "", ""], ["Tea", "green", "8"], ["", "black", "9"]]
    spans = {cell.text: (cell.row_span, cell.column_span) for cell in table.cells}
    assert spans["Prices"] == (1, 3)
    assert spans["Tea"] == (2, 1)
    tea = next(cell for cell in table.cells if cell.text == "Tea")
    assert tuple(tea.box) == pytest.approx((60, 842 - 680, 160, 842 - 640), abs=1)
    assert "Prices" not in " ".join(texts(page, "paragraph"))


def test_a_table_without_lines(parse: Parsed) -> None:
    rows = [
        ["Name", "Town", "Year"],
        ["Ada", "London", "1815"],
        ["Grace", "New York", "1906"],
        ["Edsger", "Rotterdam", "1930"],
    ]

    def draw(canvas: Any) -> None:
        lines(canvas, filled(LOREM, 3, 80), 60, 800)
        for index, row in enumerate(rows):
            for x, text in zip((60, 150, 260), row, strict=True):
                canvas.drawString(x, 720 - 15 * index, text)
        lines(canvas, filled(LOREM, 3, 80), 60, 620)

    (page,) = parse(pdf(draw))
    assert [block.kind for block in page.blocks] == ["paragraph", "table", "paragraph"]
    table = only_table(page)
    assert table.kind == "borderless"
    assert table.grid() == rows


def test_a_table_between_three_rules_with_a_head_over_two_columns(parse: Parsed) -> None:
    def draw(canvas: Any) -> None:
        for y in (720, 700, 640):
            canvas.line(60, y, 330, y)
        canvas.drawString(64, 707, "Model")
        canvas.drawString(170, 707, "Score in both of the years")
        for index, row in enumerate(
            [
                ["nano", "41.0", "43.5"],
                ["base", "57.2", "58.1"],
                ["large", "70.3", "71.9"],
                ["huge", "72.0", "74.4"],
            ]
        ):
            for x, text in zip((64, 170, 260), row, strict=True):
                canvas.drawString(x, 686 - 14 * index, text)

    (page,) = parse(pdf(draw))
    table = only_table(page)
    assert table.grid()[0] == ["Model", "Score in both of the years", ""]
    assert table.grid()[1:] == [
        ["nano", "41.0", "43.5"],
        ["base", "57.2", "58.1"],
        ["large", "70.3", "71.9"],
        ["huge", "72.0", "74.4"],
    ]
    head = next(cell for cell in table.cells if cell.text.startswith("Score"))
    assert head.column_span == 2


def test_cells_of_several_lines_belong_to_one_row(parse: Parsed) -> None:
    def draw(canvas: Any) -> None:
        y = 740
        for name, text in (
            ("alpha", ["the first letter", "of the alphabet"]),
            ("beta", ["the second"]),
            ("gamma", ["the third letter", "of it"]),
        ):
            canvas.drawString(60, y, name)
            lines(canvas, text, 160, y, 12)
            y -= 12 * len(text) + 10

    (page,) = parse(pdf(draw))
    assert only_table(page).grid() == [
        ["alpha", "the first letter\nof the alphabet"],
        ["beta", "the second"],
        ["gamma", "the third letter\nof it"],
    ]


def test_a_chinese_ruled_table(parse: Parsed) -> None:
    rows = [["品名", "数量", "单价"], ["红富士苹果", "3", "5.80 元"], ["茶壶", "1", "88 元"]]

    def draw(canvas: Any) -> None:
        chinese(canvas, 11)
        ruled(canvas, [60, 180, 240, 330], [720, 700, 680, 660])
        for index, row in enumerate(rows):
            for x, text in zip((64, 184, 244), row, strict=True):
                canvas.drawString(x, 705 - 20 * index, text)

    (page,) = parse(pdf(draw))
    assert only_table(page).grid() == rows


def test_columns_of_text_frames_and_charts_are_no_tables(parse: Parsed) -> None:
    def columns(canvas: Any) -> None:
        lines(canvas, filled(LOREM, 30, 42), 60, 740)
        lines(canvas, filled(LOREM[5:], 30, 42), 320, 740)

    def framed(canvas: Any) -> None:
        canvas.rect(50, 600, 480, 150)
        lines(canvas, filled(LOREM, 8, 80), 60, 730)

    def chart(canvas: Any) -> None:
        for step in range(8):
            canvas.line(100, 400 + 30 * step, 400, 400 + 30 * step)
            canvas.line(100 + 40 * step, 400, 100 + 40 * step, 610)
        canvas.drawString(200, 380, "a grid with nothing in it")

    for page in parse(pdf(columns, framed, chart)):
        assert not [block for block in page.blocks if block.kind == "table"]
