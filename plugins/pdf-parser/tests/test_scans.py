"""Pages that are pictures."""

from __future__ import annotations

from typing import Any

import pytest

from huiyan_pdf_parser import ocr
from tests.documents import LOREM, Parsed, filled, lines, pdf, picture, texts


def scan(canvas: Any) -> None:
    canvas.drawImage(picture(1000, 500, "The kettle is blue\nTea is served at five"), 40, 350, 500, 400)


def test_a_scan_is_read_and_a_page_of_text_is_not(parse: Parsed) -> None:
    def text(canvas: Any) -> None:
        lines(canvas, filled(LOREM, 5, 80), 60, 780)
        canvas.drawImage(picture(400, 300, "Not read"), 40, 100, 500, 500)

    scanned, written = parse(pdf(scan, text), ocr="auto")
    assert scanned.source == "ocr"
    assert "".join(texts(scanned)).replace(" ", "") == "ThekettleisblueTeaisservedatfive"
    assert all(30 < block.box.x0 < 540 and 90 < block.box.y0 < 500 for block in scanned.blocks)
    assert written.source == "text"
    assert texts(written, "paragraph") == [" ".join(filled(LOREM, 5, 80))]


@pytest.mark.parametrize("mode", ["never", "auto"])
def test_a_scan_that_is_not_read_says_so(parse: Parsed, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "is_installed", lambda: False)
    (page,) = parse(pdf(scan), ocr=mode)
    assert page.source == "none"
    assert [block.kind for block in page.blocks] == ["picture"]
    (note,) = page.notes
    assert ("as asked" in note) == (mode == "never")
