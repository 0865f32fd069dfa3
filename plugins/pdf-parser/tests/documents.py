"""PDFs drawn for tests, and a way to read them in this process."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from huiyan_pdf_parser.document.opening import opened
from huiyan_pdf_parser.document.pictures import Pictures
from huiyan_pdf_parser.furniture import mark_furniture
from huiyan_pdf_parser.page import Options, Page, PageParser

WIDTH, HEIGHT = 595.0, 842.0
CHINESE = "STSong-Light"
Draw = Callable[[Any], None]
Parsed = Callable[..., list[Page]]

_LOREM = """
Gardens of the north were laid out in squares and the paths between them kept dry with gravel so that
visitors could walk in every season and look at the flowers which the owners had brought from far away
and had taught to live with frost and wind and with the short days of a winter that never seemed to end
"""
LOREM = _LOREM.split()


def pdf(*pages: Draw, size: tuple[float, float] = (WIDTH, HEIGHT), encrypt: Any = None) -> bytes:
    """One page for each function, which gets a canvas of reportlab: y runs up."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=size, encrypt=encrypt, invariant=True)
    for draw in pages:
        canvas.setFont("Helvetica", 10)
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def chinese(canvas: Any, size: float) -> None:
    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE))
    canvas.setFont(CHINESE, size)


def lines(canvas: Any, texts: Sequence[str], x: float, y: float, pitch: float = 13.0) -> None:
    """The first at a height of y, the others below it."""
    for index, text in enumerate(texts):
        canvas.drawString(x, y - index * pitch, text)


def filled(words: Sequence[str], count: int, letters: int) -> list[str]:
    """`count` lines of about so many letters."""
    found: list[str] = []
    index = 0
    for _ in range(count):
        line = ""
        while len(line) < letters:
            line = f"{line} {words[index % len(words)]}".strip()
            index += 1
        found.append(line)
    return found


def ruled(canvas: Any, xs: Sequence[float], ys: Sequence[float]) -> None:
    for x in xs:
        canvas.line(x, ys[0], x, ys[-1])
    for y in ys:
        canvas.line(xs[0], y, xs[-1], y)


def picture(width: int, height: int, text: str = "") -> Any:
    """What reportlab draws as a picture."""
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((width // 4, height // 4, width // 2, height // 2), fill="navy")
    if text:
        pen.rectangle((0, 0, width, height), fill="white")
        pen.text((60, 80), text, "black", ImageFont.load_default(40), spacing=30)
    return ImageReader(image)


def raw_pdf(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """Objects numbered from 1; the first is the catalog. Source: ISO 32000-1, 7.5."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    offsets: list[int] = []
    for number, content in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for offset in offsets:
        out.write(b"%010d 00000 n \n" % offset)
    out.write(
        b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, trailer, start)
    )
    return out.getvalue()


def stream(data: bytes, entries: bytes = b"") -> bytes:
    packed = zlib.compress(data, 9)
    head = b"<< /Length %d /Filter /FlateDecode %s >>" % (len(packed), entries)
    return head + b"\nstream\n" + packed + b"\nendstream"


def one_page(content: bytes, *more: bytes, resources: bytes = b"", box: bytes = b"0 0 612 792") -> bytes:
    """A page with this content; `more` are objects from number 5 on."""
    return raw_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [%s] /Contents 4 0 R /Resources << %s >> >>"
            % (box, resources),
            stream(content),
            *more,
        ]
    )


FONT = b"/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"


def parsed(directory: Path) -> Parsed:
    def parse(data: bytes, password: str = "", **options: Any) -> list[Page]:
        path = directory / "document.pdf"
        path.write_bytes(data)
        document = opened(path, password)
        try:
            parser = PageParser(
                document,
                Options(**{"ocr": "never", **options}),
                Pictures(directory, most=48, most_bytes=8_000_000),
            )
            pages = [parser.parse(number) for number in range(1, len(document) + 1)]
        finally:
            document.close()
        mark_furniture(pages)
        return pages

    return parse


def texts(page: Page, *kinds: str) -> list[str]:
    return [block.text for block in page.blocks if not kinds or block.kind in kinds]
