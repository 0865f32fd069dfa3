"""The right answer of a case: tables in a file of HTML, with the place of each cell on the picture.

    <table><tr><td rowspan="2" data-box="10 8 120 40">text</td>…

data-box: x0, y0, x1, y1 in pixels of the picture; a cell may be without.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from html.parser import HTMLParser

_CJK = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_SPACE_AT_CJK = re.compile(f"(?<=[{_CJK}]) | (?=[{_CJK}])")

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class TrueCell:
    """row, column: of its upper left corner, from 0."""

    row: int
    column: int
    row_span: int
    column_span: int
    text: str
    box: Box | None = None

    @property
    def place(self) -> tuple[int, int, int, int]:
        return self.row, self.column, self.row_span, self.column_span


#: By row, then by column.
TrueTable = list[TrueCell]


def plain(text: str) -> str:
    """As it is compared: compatible forms are one, spaces single, and none beside a Chinese character."""
    return _SPACE_AT_CJK.sub("", " ".join(unicodedata.normalize("NFKC", text).split()))


def tables_in(html: str) -> list[TrueTable]:
    """The tables of a truth file; they are not nested."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.tables


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[TrueTable] = []
        self._taken: set[tuple[int, int]] = set()
        self._row = -1
        self._open: tuple[int, int, Box | None] | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
            self._taken, self._row = set(), -1
        elif tag == "tr":
            self._row += 1
        elif tag == "td":
            given = {name: value or "" for name, value in attrs}
            numbers = [float(part) for part in given.get("data-box", "").split()]
            box = (numbers[0], numbers[1], numbers[2], numbers[3]) if len(numbers) == 4 else None
            self._open = int(given.get("rowspan") or 1), int(given.get("colspan") or 1), box
            self._text = ""
        elif tag == "br":
            self._text += " "

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag != "td" or self._open is None:
            return
        rows, columns, box = self._open
        column = 0
        while (self._row, column) in self._taken:
            column += 1
        self._taken |= {
            (r, c) for r in range(self._row, self._row + rows) for c in range(column, column + columns)
        }
        self.tables[-1].append(TrueCell(self._row, column, rows, columns, plain(self._text), box))
        self._open = None
