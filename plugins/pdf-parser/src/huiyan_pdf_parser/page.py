"""One page: from the document to blocks in reading order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Literal

from huiyan_pdf_parser import ocr
from huiyan_pdf_parser.document.characters import Character, Space, Text, characters_of
from huiyan_pdf_parser.document.drawings import Drawings, Ruling, drawings_of
from huiyan_pdf_parser.document.pictures import PAGE_SIDE_PIXELS, Pictures, png, shown
from huiyan_pdf_parser.geometry import Box, Frame
from huiyan_pdf_parser.layout.blocks import Block
from huiyan_pdf_parser.layout.flow import Lines, flow, with_marks
from huiyan_pdf_parser.layout.paragraphs import paragraphs
from huiyan_pdf_parser.layout.words import Piece, Word, pieces_of, size_of, wide, words_of
from huiyan_pdf_parser.tables.model import Table
from huiyan_pdf_parser.tables.open_sided import open_sided_tables
from huiyan_pdf_parser.tables.ruled import grids, merged, ruled_table

OcrMode = Literal["auto", "never", "always"]

#: A page with fewer letters than this and this much of it under pictures is a scan.
_FEW_LETTERS: Final = 16
_COVERED: Final = 0.3
#: With this part of its letters without a meaning, a page's text is of no use.
_BROKEN: Final = 0.3
#: Of the steps between wide characters, those that go down, from which a page is written vertically.
_VERTICAL: Final = 0.6
_LEAST_STEPS: Final = 6
_WORD: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PAGE_DOTS_PER_INCH: Final = 110
_CUT: Final = "There is more on this page than can be read; the rest is left out. 本页内容过多，其余未读取。"


@dataclass
class Page:
    """width, height: in points. source: where its text is from. notes: what was left out, for the reader."""

    number: int
    width: float
    height: float
    source: Literal["text", "ocr", "none"] = "text"
    blocks: list[Block] = field(default_factory=list)
    image: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Options:
    """pictures: extract them. page_images: pages as pictures, too."""

    ocr: OcrMode = "auto"
    pictures: bool = True
    page_images: bool = False


class PageParser:
    """All pages of one document. reader: shared, as its models are large."""

    def __init__(self, document: Any, options: Options, pictures: Pictures) -> None:
        self._document = document
        self._options = options
        self._pictures = pictures
        self._reader = ocr.Reader()
        self._ocr_here = options.ocr != "never" and ocr.is_installed()

    def needs_ocr(self, number: int) -> bool:
        """Whether a page would be read as a picture, which takes long. number: from 1."""
        if not self._ocr_here:
            return False
        page = self._document[number - 1]
        try:
            space = Space(page)
            text = characters_of(page, space)
            return self._options.ocr == "always" or _is_scan(text, drawings_of(page, space), space)
        finally:
            page.close()

    def parse(self, number: int) -> Page:
        """number: from 1. Raises: pypdfium2.PdfiumError, MemoryError."""
        page = self._document[number - 1]
        try:
            return self._parse(page, number)
        finally:
            page.close()

    def _parse(self, page: Any, number: int) -> Page:
        space = Space(page)
        made = Page(number, round(space.width, 2), round(space.height, 2))
        text, drawings = characters_of(page, space), drawings_of(page, space)
        scan = _is_scan(text, drawings, space)
        figures: list[Block] = []
        if self._ocr_here and (scan or self._options.ocr == "always"):
            picture = shown(page, space, side_pixels=ocr.SIDE_PIXELS, dots_per_inch=ocr.DOTS_PER_INCH)
            words = self._reader.words(picture, space.width, space.height)
            made.source = "ocr"
            made.blocks = _blocks(words, [], [], Frame(0, space.width, space.height))
        else:
            if scan:
                made.source = "none" if not text.characters else "text"
                made.notes.append(_no_ocr(self._options.ocr))
            if self._options.pictures:
                figures = [
                    Block("picture", box, name=name)
                    for name, box in self._pictures.extract(self._document, page, drawings.pictures, number)
                ]
            made.blocks = _text_blocks(text.characters, drawings.rulings, figures, space)
        if text.cut or drawings.cut:
            made.notes.append(_CUT)
        if self._pictures.full and self._options.pictures:
            made.notes.append("There was no room for more pictures. 图片过多，其余未提取。")
        if self._options.page_images:
            drawn = shown(page, space, side_pixels=PAGE_SIDE_PIXELS, dots_per_inch=_PAGE_DOTS_PER_INCH)
            made.image = self._pictures.keep(png(drawn), "png", f"page-{number}") or ""
        return made


def _no_ocr(mode: OcrMode) -> str:
    if mode == "never":
        return "This page is a scan; its text was not read, as asked. 本页为扫描件，按要求未识别文字。"
    return (
        "This page is a scan, and OCR is not installed: add the tool with its extra `ocr`. "
        "本页为扫描件，而 OCR 未安装：请安装带 ocr 附加项的工具。"
    )


def _is_scan(text: Text, drawings: Drawings, space: Space) -> bool:
    letters = len(text.characters)
    if letters >= _FEW_LETTERS:
        return text.broken >= _BROKEN * letters
    area = Box(0, 0, space.width, space.height).area
    # Scanners cut pages into strips; what lies over each other is counted twice, which does no harm.
    return sum(box.area for _, box in drawings.pictures) >= _COVERED * max(area, 1.0)


def _text_blocks(
    characters: Sequence[Character], rulings: Sequence[Ruling], figures: Sequence[Block], space: Space
) -> list[Block]:
    by_turns: dict[int, list[Character]] = {}
    for character in characters:
        by_turns.setdefault(character.quarter_turns, []).append(character)
    if _is_vertical(by_turns.get(0, [])):
        # Letters stand upright and lines run down: as if everything were turned.
        by_turns.setdefault(1, []).extend(by_turns.pop(0))
    order = sorted(by_turns, key=lambda turns: -len(by_turns[turns])) or [0]
    blocks: list[Block] = []
    for turns in order:
        frame = Frame(turns, space.width, space.height)
        # Lines and pictures belong to the text that most of the page is.
        main = turns == order[0]
        lines = merged([_turned(ruling, frame) for ruling in rulings]) if main else []
        uprights = sorted((line.at, line.start, line.end) for line in lines if not line.horizontal)
        words = words_of(by_turns.get(turns, []), frame, uprights)
        blocks.extend(_blocks(words, lines, figures if main else [], frame))
    return blocks


def _is_vertical(characters: Sequence[Character]) -> bool:
    down = along = 0
    for before, after in pairwise(characters):
        if not (wide(before.text[0]) and wide(after.text[0])):
            continue
        (x0, y0), (x1, y1) = before.box.centre, after.box.centre
        size = max(before.size, 1.0)
        if abs(x1 - x0) < 0.35 * size and 0.5 * size < y1 - y0 < 2.0 * size:
            down += 1
        elif abs(y1 - y0) < 0.35 * size and 0.5 * size < x1 - x0 < 2.0 * size:
            along += 1
    return down >= _LEAST_STEPS and down >= _VERTICAL * (down + along)


def _blocks(
    words: Sequence[Word], lines: Sequence[Ruling], figures: Sequence[Block], frame: Frame
) -> list[Block]:
    """In reading order, boxes on the page as it is shown. words, lines: in the frame; the lines merged."""
    items: list[Piece | Block] = [
        Block("picture", frame.into(figure.box), name=figure.name) for figure in figures
    ]
    rest = list(words)
    free = list(lines)
    for grid in grids(lines):
        found = ruled_table(grid, rest)
        if found is None:
            continue
        table, own = found
        items.append(Block("table", table.box, table=table))
        taken = {id(word) for word in own}
        rest = [word for word in rest if id(word) not in taken]
        used = {id(ruling) for ruling in grid}
        free = [ruling for ruling in free if id(ruling) not in used]
    pieces = with_marks(pieces_of(rest))
    for borderless, members in open_sided_tables(free, pieces):
        items.append(Block("table", borderless.table.box, table=borderless.table))
        gone = {id(piece) for piece in members}
        pieces = [piece for piece in pieces if id(piece) not in gone]
    body = size_of(words)
    vocabulary = {found.lower() for word in words for found in _WORD.findall(word.text)}
    across = [ruling for ruling in free if ruling.horizontal]
    blocks: list[Block] = []
    for region in flow([*items, *pieces], across):
        blocks.extend(paragraphs(region.rows, body, vocabulary) if isinstance(region, Lines) else [region])
    return [_out(block, frame) for block in blocks]


def _turned(ruling: Ruling, frame: Frame) -> Ruling:
    if frame.quarter_turns == 0:
        return ruling
    box = (
        Box(ruling.start, ruling.at, ruling.end, ruling.at)
        if ruling.horizontal
        else Box(ruling.at, ruling.start, ruling.at, ruling.end)
    )
    x0, y0, x1, y1 = frame.into(box)
    across = ruling.horizontal != bool(frame.quarter_turns % 2)
    return Ruling(True, y0, x0, x1) if across else Ruling(False, x0, y0, y1)


def _out(block: Block, frame: Frame) -> Block:
    block.box = frame.out(block.box)
    if isinstance(block.table, Table):
        block.table.box = frame.out(block.table.box)
        for cell in block.table.cells:
            cell.box = frame.out(cell.box)
    return block
