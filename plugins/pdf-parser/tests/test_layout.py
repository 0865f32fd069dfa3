"""Reading order, paragraphs, headings, lists, code, headers and footers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.documents import FONT, HEIGHT, LOREM, WIDTH, Parsed, chinese, filled, lines, one_page, pdf, texts


def test_two_columns_are_read_one_after_the_other(parse: Parsed) -> None:
    left, right = filled(LOREM, 30, 42), filled(LOREM[7:] + LOREM[:7], 30, 42)

    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica-Bold", 18)
        canvas.drawString(60, 780, "A title over both of the columns of this page")
        canvas.setFont("Helvetica", 10)
        lines(canvas, left, 60, 740)
        # Not on the same lines as the first column.
        lines(canvas, right, 320, 734)

    (page,) = parse(pdf(draw))
    assert page.blocks[0].kind == "heading"
    assert " ".join(texts(page, "paragraph")) == " ".join([*left, *right])


def test_a_full_line_between_columns_parts_them(parse: Parsed) -> None:
    parts = [[f"Part {number} of these begins with this line", *filled(LOREM, 8, 42)] for number in range(4)]

    def draw(canvas: Any) -> None:
        lines(canvas, parts[0], 60, 780)
        lines(canvas, parts[1], 320, 780)
        canvas.drawString(
            60,
            640,
            "In between there is a line that reaches from the left to the right of the page, "
            "over both columns.",
        )
        lines(canvas, parts[2], 60, 600)
        lines(canvas, parts[3], 320, 600)

    (page,) = parse(pdf(draw))
    said = " ".join(texts(page))
    places = [said.index(" ".join(part)) for part in parts]
    assert places == sorted(places)
    assert places[1] < said.index("In between") < places[2]


def test_broken_words_are_made_whole_and_compounds_kept(parse: Parsed) -> None:
    def draw(canvas: Any) -> None:
        lines(
            canvas,
            [
                "A well-known rule of typog-",
                "raphy says that it is well-",
                "known to every compos-",
                "itor in Anglo-",
                "Saxon lands.",
            ],
            60,
            700,
        )

    (page,) = parse(pdf(draw))
    assert texts(page) == [
        "A well-known rule of typography says that it is well-known to every compositor in Anglo-Saxon lands."
    ]


def test_paragraphs_lists_and_code(parse: Parsed) -> None:
    def draw(canvas: Any) -> None:
        lines(canvas, filled(LOREM, 4, 90), 60, 780)
        lines(canvas, filled(LOREM[3:], 4, 90), 60, 700)
        for index, text in enumerate(["first", "second"]):
            canvas.drawString(70, 600 - 14 * index, "•")
            canvas.drawString(84, 600 - 14 * index, text)
        canvas.setFont("Courier", 10)
        lines(canvas, ["def f(x):", "    return {x: 1}"], 60, 540)

    (page,) = parse(pdf(draw))
    assert [block.kind for block in page.blocks] == [
        "paragraph",
        "paragraph",
        "list_item",
        "list_item",
        "code",
    ]
    assert page.blocks[-1].text == "def f(x):\n    return {x: 1}"
    assert texts(page, "list_item") == ["• first", "• second"]


def test_headers_and_footers_are_known_by_their_return(parse: Parsed) -> None:
    def draw(number: int) -> Any:
        def page(canvas: Any) -> None:
            canvas.drawString(60, 810, f"Annual report, part {number}")
            lines(canvas, filled(LOREM[number:], 20, 90), 60, 740)
            canvas.drawString(290, 30, f"- {number} -")

        return page

    pages = parse(pdf(*[draw(number) for number in range(1, 5)]))
    for number, page in enumerate(pages, 1):
        assert texts(page, "header") == [f"Annual report, part {number}"]
        assert texts(page, "footer") == [f"- {number} -"]
        assert len(texts(page, "paragraph")) == 1


def test_chinese_lines_are_joined_without_spaces(parse: Parsed) -> None:
    def draw(canvas: Any) -> None:
        chinese(canvas, 12)
        lines(
            canvas, ["慧眼是一个可以自行部署的视觉", "对话工作站，支持 Qwen3 模型和", "工具。"], 60, 700, 18
        )

    (page,) = parse(pdf(draw))
    assert texts(page) == ["慧眼是一个可以自行部署的视觉对话工作站，支持 Qwen3 模型和工具。"]


def test_vertical_chinese_is_read_from_the_right(parse: Parsed) -> None:
    columns = ["床前明月光", "疑是地上霜", "举头望明月", "低头思故乡"]

    def draw(canvas: Any) -> None:
        chinese(canvas, 20)
        for column, text in enumerate(columns):
            for row, letter in enumerate(text):
                canvas.drawString(400 - 30 * column, 700 - 21 * row, letter)

    (page,) = parse(pdf(draw))
    assert "".join(texts(page)) == "".join(columns)
    (block,) = page.blocks
    assert 300 < block.box.x0 < 320
    assert 415 < block.box.x1 < 435


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_turned_page_is_read_as_it_is_shown(parse: Parsed, rotation: int) -> None:
    # What is drawn is turned against the page's own turn, so that it is shown upright.
    turned = {
        0: "1 0 0 1 0 0",
        90: "0 1 -1 0 612 0",
        180: "-1 0 0 -1 612 792",
        270: "0 -1 1 0 0 792",
    }[rotation]
    content = (
        f"{turned} cm BT /F1 12 Tf 50 500 Td (The first line) Tj 0 -15 Td (and the second) Tj ET".encode()
    )
    data = one_page(content, resources=FONT).replace(b"/Contents", b"/Rotate %d /Contents" % rotation)
    (page,) = parse(data)
    assert texts(page) == ["The first line and the second"]
    (block,) = page.blocks
    assert (page.width, page.height) == ((612, 792) if rotation % 180 == 0 else (792, 612))
    assert block.box.x0 == pytest.approx(50, abs=2)
    assert block.box.width > 3 * block.box.height / 2


def test_text_that_runs_up_the_page_is_kept_apart(parse: Parsed) -> None:
    def draw(canvas: Any) -> None:
        lines(canvas, filled(LOREM, 20, 80), 80, 700)
        canvas.saveState()
        canvas.translate(30, 300)
        canvas.rotate(90)
        canvas.drawString(0, 0, "arXiv:2511.00001v1 [cs.CV] 1 Nov 2026")
        canvas.restoreState()

    (page,) = parse(pdf(draw))
    assert texts(page) == [" ".join(filled(LOREM, 20, 80)), "arXiv:2511.00001v1 [cs.CV] 1 Nov 2026"]
    assert page.blocks[1].box.height > page.blocks[1].box.width


def test_boxes_lie_on_the_page_and_in_order(parse: Parsed) -> None:
    def draw(canvas: Any) -> None:
        for index in range(5):
            lines(canvas, filled(LOREM[index:], 3, 60), 60, 780 - 80 * index)

    (page,) = parse(pdf(draw))
    assert len(page.blocks) == 5
    for block in page.blocks:
        assert 0 <= block.box.x0 < block.box.x1 <= WIDTH
        assert 0 <= block.box.y0 < block.box.y1 <= HEIGHT
    assert all(above.box.y1 < below.box.y0 for above, below in pairwise(page.blocks))
