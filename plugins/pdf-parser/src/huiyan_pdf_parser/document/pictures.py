"""Pictures of a document as files, and pages as pictures."""

from __future__ import annotations

import ctypes
import hashlib
import io
from pathlib import Path
from typing import Any, Final

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from huiyan_pdf_parser.document.characters import Space
from huiyan_pdf_parser.geometry import Box

#: What is smaller, in points on the page or in pixels, is an ornament.
_LEAST_POINTS: Final = 20.0
_LEAST_PIXELS: Final = 24
MAX_PIXELS: Final = 40_000_000
_MAX_RAW_BYTES: Final = 8 * 1024 * 1024
_MAX_SIDE: Final = 2_400
#: More than this on one page are the pieces of a drawing.
_MAX_A_PAGE: Final = 24
PAGE_SIDE_PIXELS: Final = 2_000


class Pictures:
    """Written into `directory`, each once, as long as there is room."""

    def __init__(self, directory: Path, *, most: int, most_bytes: int) -> None:
        self._directory = directory
        self._left, self._left_bytes = most, most_bytes
        self._known: dict[str, str] = {}
        self.full = False

    def extract(
        self, document: Any, page: Any, pictures: list[tuple[Any, Box]], number: int
    ) -> list[tuple[str, Box]]:
        """File names with the places of the pictures; what cannot be decoded is left out."""
        found: list[tuple[str, Box]] = []
        large = [
            (raw, box) for raw, box in pictures if box.width >= _LEAST_POINTS and box.height >= _LEAST_POINTS
        ]
        for raw, box in large[:_MAX_A_PAGE]:
            data, kind = _data_of(raw, page, document)
            if not data:
                continue
            name = self.keep(data, kind, f"page-{number}-{len(found) + 1}")
            if name is None:
                return found
            found.append((name, box))
        return found

    def keep(self, data: bytes, kind: str, stem: str) -> str | None:
        """The name that it has in the directory; nothing where there is no room."""
        digest = hashlib.sha256(data).hexdigest()
        if digest in self._known:
            return self._known[digest]
        if self._left <= 0 or len(data) > self._left_bytes:
            self.full = True
            return None
        name = f"{stem}.{kind}"
        (self._directory / name).write_bytes(data)
        self._known[digest] = name
        self._left -= 1
        self._left_bytes -= len(data)
        return name


def _data_of(raw: Any, page: Any, document: Any) -> tuple[bytes, str]:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    if not pdfium.FPDFImageObj_GetImagePixelSize(raw, ctypes.byref(width), ctypes.byref(height)):
        return b"", ""
    if min(width.value, height.value) < _LEAST_PIXELS or width.value * height.value > MAX_PIXELS:
        return b"", ""
    if _filters(raw) == ["DCTDecode"]:
        size = pdfium.FPDFImageObj_GetImageDataRaw(raw, None, 0)
        if 0 < size <= _MAX_RAW_BYTES:
            buffer = (ctypes.c_ubyte * size)()
            pdfium.FPDFImageObj_GetImageDataRaw(raw, buffer, size)
            data = bytes(buffer)
            if data.startswith(b"\xff\xd8\xff"):
                return data, "jpg"
    handle = pdfium.FPDFImageObj_GetRenderedBitmap(document.raw, page.raw, raw) or (
        pdfium.FPDFImageObj_GetBitmap(raw)
    )
    if not handle:
        return b"", ""
    try:
        # to_pil looks at the bitmap's own memory: it is written before that is given back.
        picture = pypdfium2.PdfBitmap.from_raw(handle).to_pil()
        if picture.mode not in {"RGB", "RGBA", "L"}:
            picture = picture.convert("RGB")
        picture.thumbnail((_MAX_SIDE, _MAX_SIDE))
        return png(picture), "png"
    finally:
        pdfium.FPDFBitmap_Destroy(handle)


def _filters(raw: Any) -> list[str]:
    names: list[str] = []
    for index in range(min(pdfium.FPDFImageObj_GetImageFilterCount(raw), 4)):
        buffer = ctypes.create_string_buffer(32)
        pdfium.FPDFImageObj_GetImageFilter(raw, index, buffer, 32)
        names.append(buffer.value.decode("ascii", "replace"))
    return names


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def shown(page: Any, space: Space, *, side_pixels: int, dots_per_inch: int) -> Image.Image:
    """The page as a picture, no side longer than side_pixels, however large the page says it is."""
    scale = min(dots_per_inch / 72, side_pixels / max(space.width, space.height, 1.0))
    bitmap = page.render(scale=scale)
    try:
        picture: Image.Image = bitmap.to_pil().convert("RGB")
        return picture
    finally:
        bitmap.close()
