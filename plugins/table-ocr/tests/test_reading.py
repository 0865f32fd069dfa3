"""Pictures of tables, drawn here, through the real models."""

from __future__ import annotations

import base64
import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from huiyan_table_ocr.answer import structured
from huiyan_table_ocr.pictures import InputError, load
from huiyan_table_ocr.progress import TOTAL, Progress
from huiyan_table_ocr.reading import Reader, Stop, Stopped, read_tables

_ROWS = [
    ["Item", "Price", "Stock"],
    ["Thermos", "129.00", "7"],
    ["Wool scarf", "59.90", "12"],
    ["Teapot", "88", "301"],
]


def drawn(*, lines: bool) -> Image.Image:
    picture = Image.new("RGB", (620, 240), "white")
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(22)
    for row, texts in enumerate(_ROWS):
        for column, text in enumerate(texts):
            pen.text((30 + 190 * column, 27 + 50 * row), text, "black", font)
    if lines:
        for row in range(5):
            pen.line((20, 15 + 50 * row, 590, 15 + 50 * row), "black", 2)
        for column in range(4):
            pen.line((20 + 190 * column, 15, 20 + 190 * column, 215), "black", 2)
    return picture


def grid(reader: Reader, picture: Image.Image) -> tuple[str, list[list[str]]]:
    read = read_tables(reader, np.asarray(picture, np.uint8), Stop())
    assert len(read.tables) == 1
    at = read.tables[0].at()
    table = read.tables[0]
    return table.kind, [[at[r, c].text for c in range(table.columns)] for r in range(table.rows)]


@pytest.mark.parametrize("lines", [True, False])
def test_a_table_with_and_without_lines(reader: Reader, lines: bool) -> None:
    assert grid(reader, drawn(lines=lines)) == ("ruled" if lines else "borderless", _ROWS)


def test_a_turned_scan_and_the_boxes_on_it(reader: Reader) -> None:
    degrees = 4.0
    scan = drawn(lines=True).rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    read = read_tables(reader, np.asarray(scan, np.uint8), Stop())
    assert [cell.text for cell in read.tables[0].cells] == [text for row in _ROWS for text in row]
    assert read.skew_degrees == pytest.approx(-degrees, abs=1)
    # The middle of the cell "59.90" is where it was turned to.
    x, y = 305 - 310, 140 - 120
    turn = math.radians(degrees)
    wanted = (
        scan.width / 2 + x * math.cos(turn) + y * math.sin(turn),
        scan.height / 2 - x * math.sin(turn) + y * math.cos(turn),
    )
    cell = read.tables[0].at()[2, 1]
    assert cell.box.middle_x == pytest.approx(wanted[0], abs=8)
    assert cell.box.middle_y == pytest.approx(wanted[1], abs=8)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_on_its_side_or_its_head(reader: Reader, turns: int) -> None:
    """turns: to the left, by which the picture was turned before it was given."""
    pixels = np.rot90(np.asarray(drawn(lines=True), np.uint8), turns)
    read = read_tables(reader, np.ascontiguousarray(pixels), Stop())
    assert read.turned_degrees == pytest.approx(90.0 * (4 - turns), abs=1)
    assert [cell.text for cell in read.tables[0].cells] == [text for row in _ROWS for text in row]
    # Where the cell "59.90" comes to.
    x0, y0, x1, y1 = (210, 115, 400, 165)
    wanted = {
        1: (y0, 620 - x1, y1, 620 - x0),
        2: (620 - x1, 240 - y1, 620 - x0, 240 - y0),
        3: (240 - y1, x0, 240 - y0, x1),
    }[turns]
    assert tuple(read.tables[0].at()[2, 1].box) == pytest.approx(wanted, abs=5)


def test_a_large_picture_is_read_smaller_and_its_boxes_are_its_own(reader: Reader) -> None:
    large = drawn(lines=True).resize((4960, 1920), Image.Resampling.BICUBIC)
    read = read_tables(reader, np.asarray(large, np.uint8), Stop())
    assert read.tables[0].at()[1, 1].text == "129.00"
    assert tuple(read.tables[0].at()[1, 1].box) == pytest.approx((1680, 520, 3200, 920), abs=40)


def test_extreme_shapes_and_noise_are_no_tables(reader: Reader) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8)
    for pixels in (noise, np.zeros((1, 1, 3), np.uint8), np.full((3, 3000, 3), 255, np.uint8)):
        assert read_tables(reader, pixels, Stop()).tables == []


def test_how_far_it_is_only_grows(reader: Reader) -> None:
    progress, told = Progress(), []

    def at(step: str, done: int, total: int) -> None:
        progress.at(step, done, total)
        told.append(progress.told())

    told.append(progress.told())
    sideways = np.ascontiguousarray(np.rot90(np.asarray(drawn(lines=True), np.uint8)))
    read_tables(reader, sideways, Stop(), at)
    numbers = [number for number, _ in told]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] < TOTAL
    assert any("Reading" in text for _, text in told)
    assert any("turning" in text for _, text in told)


def test_a_call_is_stopped_between_two_batches_of_lines(reader: Reader) -> None:
    stop, seen = Stop(), []

    def at(step: str, done: int, total: int) -> None:
        if step == "reading" and total:
            seen.append((done, total))
            stop.set()

    with pytest.raises(Stopped):
        read_tables(reader, np.asarray(drawn(lines=True), np.uint8), stop, at)
    assert seen == [(0, 12)]
    # And the next one is not.
    assert len(read_tables(reader, np.asarray(drawn(lines=True), np.uint8), Stop()).tables) == 1


def test_the_answer_counts_in_pixels_and_in_thousandths(reader: Reader) -> None:
    picture = np.asarray(drawn(lines=True), np.uint8)
    told = structured(read_tables(reader, picture, Stop()), (620, 240))
    cell = told["tables"][0]["cells"][4]
    assert cell["text"] == cell["label"] == "129.00"
    assert cell["box"] == pytest.approx([210, 65, 400, 115], abs=4)
    assert cell["bbox_2d"] == pytest.approx([339, 271, 645, 479], abs=15)


def test_a_picture_without_text(reader: Reader) -> None:
    blank: NDArray[np.uint8] = np.full((120, 200, 3), 255, np.uint8)
    read = read_tables(reader, blank, Stop())
    assert read.tables == []
    assert read.words == []


def test_a_stopped_reading_ends(reader: Reader) -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(Stopped):
        read_tables(reader, np.asarray(drawn(lines=True), np.uint8), stop)


def jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG")
    return out.getvalue()


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_a_file_and_a_data_url_are_the_same(tmp_path: Path) -> None:
    data = png(Image.new("RGBA", (6, 4), (255, 0, 0, 0)))
    (tmp_path / "a.png").write_bytes(data)
    from_file = load(str(tmp_path / "a.png"), tmp_path)
    from_url = load("data:image/png;base64," + base64.b64encode(data).decode(), tmp_path)
    assert np.array_equal(load("a.png", tmp_path), from_file)
    assert from_file.shape == (4, 6, 3)
    assert from_file.min() == 255  # transparent is white
    assert np.array_equal(from_file, from_url)


@pytest.mark.parametrize(
    "source",
    [
        "/etc/hostname",
        "../outside.png",
        "link.png",
        "missing.png",
        "data:image/png;base64,%%%",
        "text.png",
        "cut.png",
        "cut.jpg",
        "shape.svg",
        ".",
        "\0",
        "",
    ],
)
def test_what_cannot_be_read_says_so(source: str, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "outside.png").write_bytes(png(Image.new("RGB", (2, 2))))
    (inside / "link.png").symlink_to(tmp_path / "outside.png")
    (inside / "text.png").write_text("no picture")
    (inside / "cut.png").write_bytes(png(drawn(lines=True))[:900])
    (inside / "cut.jpg").write_bytes(jpeg(drawn(lines=True))[:900])
    (inside / "shape.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    with pytest.raises(InputError) as told:
        load(source, inside)
    assert re.search("[\u4e00-\u9fff]", str(told.value))  # in both languages


def test_a_bomb_is_not_decoded(tmp_path: Path) -> None:
    Image.new("1", (12_000, 12_000)).save(tmp_path / "bomb.png")
    with pytest.raises(InputError, match="144 megapixels"):
        load("bomb.png", tmp_path)
