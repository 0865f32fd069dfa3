"""Page ranges, what is given, Markdown, the manifest."""

from __future__ import annotations

import base64
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from huiyan_pdf_parser import inputs
from huiyan_pdf_parser.errors import DocumentError
from huiyan_pdf_parser.geometry import Box, Frame
from huiyan_pdf_parser.layout.blocks import Block
from huiyan_pdf_parser.markdown import page_markdown
from huiyan_pdf_parser.page import Page
from huiyan_pdf_parser.progress import Progress
from huiyan_pdf_parser.ranges import pages_in, written
from huiyan_pdf_parser.tables.model import Cell, Table


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("1-3, 7, 9-", [1, 2, 3, 7, 9, 10]),
        ("-2", [1, 2]),
        ("5,5, 4", [5, 4]),
        ("8-99", [8, 9, 10]),
        ("2–3，6 ~ 7", [2, 3, 6, 7]),
    ],
)
def test_page_ranges(text: str, pages: list[int]) -> None:
    assert pages_in(text, 10) == pages
    assert pages_in(written(pages), 10) == pages


@pytest.mark.parametrize("text", ["0", "11", "3-1", "a", "1--3", "-", "1-3-5", "９９９９９９９９９"])
def test_wrong_page_ranges_are_refused(text: str) -> None:
    with pytest.raises(DocumentError, match="页"):
        pages_in(text, 10)


def test_only_files_of_its_own_directory_are_read(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    (other / "secret.pdf").write_bytes(b"%PDF-1.4")
    (own / "link.pdf").symlink_to(other / "secret.pdf")
    (own / "text.pdf").write_bytes(b"no such thing")
    (own / "good.pdf").write_bytes(b"%PDF-1.4")
    assert inputs.find("good.pdf", own, own) == (own / "good.pdf").resolve()
    for name in (
        "link.pdf",
        "../other/secret.pdf",
        str(other / "secret.pdf"),
        "text.pdf",
        "none.pdf",
        "a\0b",
        ".",
    ):
        with pytest.raises(DocumentError):
            inputs.find(name, own, own)


def test_a_data_url_becomes_a_file(tmp_path: Path) -> None:
    url = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.4 and so on").decode()
    assert inputs.find(url, tmp_path, tmp_path).read_bytes() == b"%PDF-1.4 and so on"
    with pytest.raises(DocumentError, match="base64"):
        inputs.find("data:application/pdf;base64,!!!", tmp_path, tmp_path)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_frame_brings_boxes_back(turns: int) -> None:
    frame = Frame(turns, 600, 800)
    box = Box(10, 20, 110, 50)
    assert frame.out(frame.into(box)) == box


def test_markdown_marks_pages_and_keeps_text_from_being_markup() -> None:
    cells = [Cell(0, c, 1, 1, Box(0, 0, 1, 1), [text]) for c, text in enumerate(["a|b", "c"])]
    cells += [Cell(1, 0, 1, 2, Box(0, 0, 1, 1), ["two", "lines"])]
    box = Box(0, 0, 1, 1)
    page = Page(
        3,
        100,
        100,
        blocks=[
            Block("header", box, "left out"),
            Block("heading", box, "A *star*", 2),
            Block("paragraph", box, "# no heading, snake_case and _this_ <b> $x$ [a](b)"),
            Block("list_item", box, "• one"),
            Block("list_item", box, "– two"),
            Block("list_item", box, "3) three"),
            Block("code", box, "```"),
            Block("table", box, table=Table("ruled", 2, 2, box, cells)),
        ],
        notes=["a note"],
    )
    wanted = [
        "*— 3 / 9 —*",
        "*(a note)*",
        "## A \\*star\\*",
        "\\# no heading, snake_case and \\_this\\_ \\<b> \\$x\\$ \\[a](b)",
        "- one\n- two",
        "3. three",
        "````\n```\n````",
        "| a\\|b | c |\n|---|---|\n| two lines |  |",
    ]
    assert page_markdown(page, 9) == "\n\n".join(wanted)


def test_progress_only_grows() -> None:
    progress = Progress()
    said = [progress.told()[0]]
    progress.open(3)
    for page in (4, 5, 6):
        progress.at(page)
        said += [progress.told()[0], progress.told()[0]]
        progress.done()
    said.append(progress.told()[0])
    assert said == sorted(said)
    assert len(set(said)) >= len(said) - 1
    assert progress.told()[1:] == (3.0, "Page 6 · 第 6 页")


@pytest.mark.parametrize("key", ["name", "title", "command", "limits"])
def test_the_manifest_lies_in_the_package(key: str) -> None:
    manifest = tomllib.loads(files("huiyan_pdf_parser").joinpath("huiyan-tool.toml").read_text("utf-8"))
    assert manifest[key]
