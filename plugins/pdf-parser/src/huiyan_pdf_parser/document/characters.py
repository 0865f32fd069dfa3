"""The characters of a page, each with its box, as the document's own text has them."""

from __future__ import annotations

import ctypes
import math
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

import pypdfium2.raw as pdfium

from huiyan_pdf_parser.geometry import Box

#: More than any page that is for reading; the rest is left out.
MAX_CHARACTERS: Final = 200_000
_BOLD_WEIGHT: Final = 600
#: Points; what a font says beyond these is no size of letters.
_LEAST_SIZE: Final = 0.5
_MOST_SIZE: Final = 2_000.0
_FIXED_PITCH_FLAG: Final = 1
_FIXED_NAMES: Final = ("mono", "nimbusmon", "courier", "consol", "typewriter", "cmtt", "menlo", "sourcecode")
#: Alphabetic presentation forms (ligatures), radicals and compatibility ideographs: their usual characters.
_FOLDED: Final = (
    (0x2E80, 0x2FD5),
    (0xF900, 0xFAFF),
    (0xFB00, 0xFB06),
    (0x2F800, 0x2FA1F),
)
_NON_CHARACTERS: Final = (0xFFFE, 0xFFFF)
_SOFT_HYPHENS: Final = (0x02, 0xAD)


@dataclass(frozen=True, slots=True)
class Character:
    """text: usually one, a ligature's are several. size: of the font in points.

    quarter_turns: which way it runs, as in Frame. space_before: white space was written before it.
    """

    text: str
    box: Box
    size: float
    quarter_turns: int = 0
    bold: bool = False
    fixed: bool = False
    space_before: bool = False


@dataclass(frozen=True)
class Text:
    """broken: how many have no meaning, as the font does not say what its shapes are."""

    characters: list[Character]
    broken: int = 0
    cut: bool = False


class Space:
    """From a page's own coordinates to those of the page as it is shown."""

    def __init__(self, page: Any) -> None:
        left, bottom, right, top = page.get_bbox()
        self._left, self._bottom, self._right, self._top = left, bottom, right, top
        self.rotation = page.get_rotation() // 90 % 4
        width, height = right - left, top - bottom
        self.width, self.height = (height, width) if self.rotation % 2 else (width, height)

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        match self.rotation:
            case 1:
                return Box(bottom - self._bottom, left - self._left, top - self._bottom, right - self._left)
            case 2:
                return Box(self._right - right, bottom - self._bottom, self._right - left, top - self._bottom)
            case 3:
                return Box(self._top - top, self._right - right, self._top - bottom, self._right - left)
        return Box(left - self._left, self._top - top, right - self._left, self._top - bottom)


def characters_of(page: Any, space: Space) -> Text:
    """page: a pypdfium2.PdfPage. What lies outside of the page is left out."""
    textpage = page.get_textpage()
    try:
        return _read(textpage.raw, space)
    finally:
        textpage.close()


def _read(raw: Any, space: Space) -> Text:
    total = pdfium.FPDFText_CountChars(raw)
    fonts = _Fonts()
    rect = pdfium.FS_RECTF()
    reference = ctypes.byref(rect)
    seen: set[tuple[str, int, int]] = set()
    found: list[Character] = []
    broken = 0
    gap = False
    for index in range(min(total, MAX_CHARACTERS)):
        code = pdfium.FPDFText_GetUnicode(raw, index)
        if code in _SOFT_HYPHENS and pdfium.FPDFText_IsHyphen(raw, index) == 1:
            code = 0x2D
        text = _meaning(code)
        if not text.strip():
            gap = gap or text != ""
            continue
        if pdfium.FPDFText_IsGenerated(raw, index) == 1:
            continue
        if not pdfium.FPDFText_GetLooseCharBox(raw, index, reference):
            continue
        box = space.box(rect.left, rect.bottom, rect.right, rect.top)
        if not _on_page(box, space):
            continue
        if (
            code == 0xFFFD
            or unicodedata.category(text[0]) == "Co"
            or (pdfium.FPDFText_HasUnicodeMapError(raw, index) == 1)
        ):
            broken += 1
        # Drawn twice, a little apart: the bold of programs that have no bold font.
        place = (text, round(box.x0), round(box.y0))
        if place in seen and found and found[-1].text == text:
            continue
        seen.add(place)
        turns = _turns(raw, index, space.rotation)
        size, bold, fixed = fonts.look(raw, index)
        if not _LEAST_SIZE <= size <= _MOST_SIZE:
            size = max(box.width if turns % 2 else box.height, _LEAST_SIZE)
        found.append(Character(text, box, size, turns, bold, fixed, gap))
        gap = False
    return Text(found, broken, cut=total > MAX_CHARACTERS)


def _meaning(code: int) -> str:
    if code in _NON_CHARACTERS or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        return ""
    text = chr(code)
    if any(first <= code <= last for first, last in _FOLDED):
        return unicodedata.normalize("NFKC", text)
    if code < 0x20 or 0x7F <= code < 0xA0:
        return " " if text.isspace() else ""
    return " " if text.isspace() or code in (0x200B, 0xFEFF) else text


def _on_page(box: Box, space: Space) -> bool:
    if not all(map(math.isfinite, box)):
        return False
    x, y = box.centre
    inside: bool = -1 <= x <= space.width + 1 and -1 <= y <= space.height + 1
    return inside


def _turns(raw: Any, index: int, rotation: int) -> int:
    angle: float = pdfium.FPDFText_GetCharAngle(raw, index)
    if angle <= 0:
        return rotation
    # Both the angle and the page's own turn are clockwise.
    return (rotation + round(angle / (math.pi / 2))) % 4


def _weight(raw: Any, index: int) -> int:
    weight: int = pdfium.FPDFText_GetFontWeight(raw, index)
    return weight


class _Fonts:
    """What is asked of a font is the same for all of a text object."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, bool, bool]] = {}

    def look(self, raw: Any, index: int) -> tuple[float, bool, bool]:
        """Its size in points, whether it is bold, and whether all its letters are equally wide."""
        handle = pdfium.FPDFText_GetTextObject(raw, index)
        if not handle:
            return 0.0, False, False
        address = ctypes.cast(handle, ctypes.c_void_p).value or 0
        if address not in self._known:
            self._known[address] = self._ask(raw, index, handle)
        return self._known[address]

    @staticmethod
    def _ask(raw: Any, index: int, handle: Any) -> tuple[float, bool, bool]:
        matrix = pdfium.FS_MATRIX()
        size = pdfium.FPDFText_GetFontSize(raw, index)
        if pdfium.FPDFText_GetMatrix(raw, index, ctypes.byref(matrix)):
            size *= math.hypot(matrix.c, matrix.d)
        font = pdfium.FPDFTextObj_GetFont(handle)
        if not font:
            return size, False, False
        buffer = ctypes.create_string_buffer(256)
        pdfium.FPDFFont_GetBaseFontName(font, buffer, 256)
        name = buffer.value.decode("utf-8", "replace").lower()
        flags = pdfium.FPDFFont_GetFlags(font)
        bold = "bold" in name or "black" in name or _weight(raw, index) >= _BOLD_WEIGHT
        fixed = any(word in name for word in _FIXED_NAMES) or bool(flags > 0 and flags & _FIXED_PITCH_FLAG)
        return size, bold, fixed
