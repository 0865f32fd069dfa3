"""PDF documents as programs write them, and a video as a browser records it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from PIL import Image, ImageDraw
from playwright.sync_api import Browser


def scanned_pdf(pages: int = 3) -> bytes:
    """A PDF of pictures, one colour a page, with its number drawn on it; no text in it."""
    images = []
    for number in range(pages):
        image = Image.new("RGB", (850, 1100), (40 + 60 * number, 80, 200 - 50 * number))
        ImageDraw.Draw(image).text((300, 400), str(number + 1), fill="white", font_size=300)
        images.append(image)
    buffer = io.BytesIO()
    images[0].save(buffer, "PDF", save_all=True, append_images=images[1:], resolution=100)
    return buffer.getvalue()


def _pdf(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """Objects numbered from 1; the first is the catalog. Source: ISO 32000-1, 7.5."""
    out = io.BytesIO()
    out.write(b"%PDF-1.6\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
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


def _stream(data: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(data), data)


def chinese_pdf(text: str = "商品名称：红富士苹果\n价格：5.80元") -> bytes:
    """One page in a font that is not embedded (STSong-Light): it needs a character map from outside."""
    lines = b""
    for n, line in enumerate(text.split("\n")):
        shown = line.encode("utf-16-be").hex().encode()
        lines += b"1 0 0 1 72 %d Tm <%s> Tj\n" % (700 - 40 * n, shown)
    content = b"BT /F1 24 Tf\n" + lines + b"ET"
    return _pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            (
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
                b"/Resources << /Font << /F1 5 0 R >> >> >>"
            ),
            _stream(content),
            (
                b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H "
                b"/DescendantFonts [6 0 R] >>"
            ),
            (
                b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /FontDescriptor 7 0 R "
                b"/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> /DW 1000 >>"
            ),
            (
                b"<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] "
                b"/ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>"
            ),
        ]
    )


def locked_pdf() -> bytes:
    """Asks for a password that nobody knows."""
    return _pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [] /Count 0 >>",
            b"<< /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O <%s> /U <%s> >>"
            % (b"ab" * 32, b"cd" * 32),
        ],
        trailer=b"/Encrypt 3 0 R /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]",
    )


_RECORD = """async () => {
  const canvas = document.createElement("canvas");
  canvas.width = 640; canvas.height = 360;
  const context = canvas.getContext("2d");
  const stream = canvas.captureStream(20);
  const recorder = new MediaRecorder(stream, { mimeType: "video/webm;codecs=vp8" });
  const pieces = [];
  recorder.ondataavailable = (event) => pieces.push(event.data);
  const stopped = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  const colours = ["#ff0000", "#00ff00", "#0000ff"];
  const start = performance.now();
  while (performance.now() - start < 3000) {
    context.fillStyle = colours[Math.min(2, Math.floor((performance.now() - start) / 1000))];
    context.fillRect(0, 0, 640, 360);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  recorder.stop();
  await stopped;
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}"""


def recorded_webm(browser: Browser) -> bytes:
    """About three seconds: red, green, blue. Without a length in its header, as browsers record."""
    context = browser.new_context()
    page = context.new_page()
    data: str = page.evaluate(_RECORD)
    context.close()
    return base64.b64decode(data)
