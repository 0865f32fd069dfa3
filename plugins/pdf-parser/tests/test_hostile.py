"""Documents made to do harm: a clear answer, within the limits, and the next call works."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from huiyan_pdf_parser import parsing
from huiyan_pdf_parser.document import drawings
from huiyan_pdf_parser.errors import DocumentError
from huiyan_pdf_parser.page import Page
from huiyan_pdf_parser.parsing import Failed, Opened, Request, events_of
from tests.documents import FONT, Parsed, lines, one_page, pdf, raw_pdf, stream, texts

_SELF = b"/XObject << /F 5 0 R >>"


def read(data: bytes, directory: Path, **options: Any) -> list[Any]:
    (directory / "document.pdf").write_bytes(data)
    request = Request(path=directory / "document.pdf", directory=directory, **{"ocr": "never", **options})

    async def collect() -> list[Any]:
        with anyio.fail_after(200):
            return [event async for event in events_of(request)]

    return anyio.run(collect)


def read_or_refused(data: bytes, directory: Path) -> list[Any]:
    """What happened, or what was said against the document: the latter for its reader."""
    try:
        return read(data, directory)
    except DocumentError as error:
        refused = str(error)
    assert re.search(r"damaged.*损坏|no pages.*没有页面", refused)
    return [DocumentError(refused)]


def test_pages_of_any_size_become_pictures_of_a_bounded_size(parse: Parsed) -> None:
    for box in (b"0 0 200000 200000", b"0 0 0.01 0.01", b"-99999999 -9999999 9e30 9e30", b"0 0 14400 3"):
        data = one_page(b"BT /F1 12 Tf 50 500 Td (text) Tj ET", resources=FONT, box=box)
        (page,) = parse(data, page_images=True)
        assert page.width >= 0


def test_ten_thousand_pictures_and_more_lines_than_anyone_draws(parse: Parsed) -> None:
    image = stream(
        b"\0" * 3 * 64 * 64,
        b"/Type /XObject /Subtype /Image /Width 64 /Height 64 /ColorSpace /DeviceRGB /BitsPerComponent 8",
    )
    draw = b"q 100 0 0 100 50 50 cm /I Do Q\n" * 10_000
    draw += b"".join(b"%d 0 m %d 800 l S\n" % (x % 600, x % 600) for x in range(drawings.MAX_OBJECTS))
    (page,) = parse(one_page(draw, image, resources=b"/XObject << /I 5 0 R >>"))
    assert len([block for block in page.blocks if block.kind == "picture"]) <= 24
    assert any("left out" in note for note in page.notes)


def test_forms_that_hold_themselves(parse: Parsed) -> None:
    form = stream(
        b"/F Do BT /F1 12 Tf 50 500 Td (inside) Tj ET",
        b"/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << /XObject << /F 5 0 R >> "
        + FONT
        + b" >>",
    )
    (page,) = parse(one_page(b"/F Do", form, resources=b"/XObject << /F 5 0 R >>"))
    assert "inside" in " ".join(texts(page))


def test_forms_that_hold_themselves_twice_end_no_more_than_their_page(tmp_path: Path) -> None:
    """Each level is twice as large as the one above it: no machine comes to its end."""
    form = stream(
        b"/F Do /F Do", b"/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << %s >>" % _SELF
    )
    events = read(one_page(b"/F Do", form, resources=_SELF), tmp_path)
    assert isinstance(events[0], Opened)
    assert len([event for event in events if isinstance(event, Failed | Page)]) == 1


def test_a_tree_of_pages_that_holds_itself(tmp_path: Path) -> None:
    data = raw_pdf(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 1000000000 >>"]
    )
    assert all(not isinstance(event, Page) or not event.blocks for event in read_or_refused(data, tmp_path))


def test_a_picture_that_unfolds_to_gigabytes_is_left_out(parse: Parsed) -> None:
    bomb = stream(
        b"\0" * 20_000_000,
        b"/Subtype /Image /Width 60000 /Height 60000 /ColorSpace /DeviceRGB /BitsPerComponent 8",
    )
    (page,) = parse(one_page(b"q 500 0 0 500 50 50 cm /I Do Q", bomb, resources=b"/XObject << /I 5 0 R >>"))
    assert [block for block in page.blocks if block.kind == "picture"] == []


def test_a_page_that_takes_for_ever_is_given_up_and_the_next_one_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(text: str) -> Any:
        return lambda canvas: lines(canvas, [text], 60, 700)

    # The worker as it is, but its first page never ends: the kernel's clock does that.
    (tmp_path / "slow.py").write_text(
        "import sys\n"
        "from huiyan_pdf_parser import worker\n"
        "from huiyan_pdf_parser.page import PageParser\n"
        "worker.PAGE_CPU_S = 1.0\n"
        "plain = PageParser.parse\n"
        "def parse(self, number):\n"
        "    while number == 1:\n"
        "        pass\n"
        "    if number == 2:\n"
        "        import os, signal\n"
        "        os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    return plain(self, number)\n"
        "PageParser.parse = parse\n"
        "worker.main()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[1] / 'src'}")
    monkeypatch.setattr(parsing, "_MODULE", "slow")
    events = read(pdf(draw("one"), draw("two"), draw("three")), tmp_path)
    failed = [event for event in events if isinstance(event, Failed)]
    assert [(event.number, "too long" in event.message) for event in failed] == [(1, True), (2, False)]
    (page,) = [event for event in events if isinstance(event, Page)]
    assert texts(page) == ["three"]


def test_memory_beyond_its_limit_is_one_page_s_failure(tmp_path: Path) -> None:
    """A document that makes the worker take what it may not: the limit is the kernel's."""
    code = (
        "import sys\n"
        "from huiyan_pdf_parser import worker\n"
        "from huiyan_pdf_parser.page import PageParser\n"
        "def parse(self, number):\n"
        "    return bytearray(2 * 1024**3)\n"
        "PageParser.parse = parse\n"
        "worker.main()\n"
    )
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf(lambda canvas: lines(canvas, ["text"], 60, 700)))
    request = {
        "path": str(path),
        "directory": str(tmp_path),
        "ranges": "",
        "password": "",
        "ocr": "never",
        "pictures": False,
        "page_images": False,
        "most_pictures": 1,
        "most_picture_bytes": 1,
        "numbers": [],
        "scans_before": 0,
    }
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write((json.dumps(request) + "\n").encode())
        process.stdin.flush()  # left open: its end would be the worker's
        told = [json.loads(line) for line in process.stdout]
    assert told[-1]["error"] == "memory"


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
def test_damaged_documents_are_refused_or_read(tmp_path: Path, cut: float) -> None:
    data = pdf(lambda canvas: lines(canvas, ["text"], 60, 700))
    events = read_or_refused(data[: int(cut * len(data))] + b"\xff" * 100, tmp_path)
    assert isinstance(events[0], Opened | DocumentError)
