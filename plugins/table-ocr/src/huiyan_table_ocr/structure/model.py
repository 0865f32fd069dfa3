"""What goes in and comes out. Coordinates grow to the right and down; their unit is the caller's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

#: Scripts that set no spaces between words.
_UNSPACED = "\u2e80-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
_ENDS_UNSPACED = re.compile(f"[{_UNSPACED}]$")
_STARTS_UNSPACED = re.compile(f"^[{_UNSPACED}]")


class Box(NamedTuple):
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def middle_x(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def middle_y(self) -> float:
        return (self.y0 + self.y1) / 2

    def holds(self, x: float, y: float) -> bool:
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1

    def widened(self, by: float) -> Box:
        return Box(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box around some; at least one."""
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return Box(min(x0s), min(y0s), max(x1s), max(y1s))


@dataclass(frozen=True)
class Word:
    """A piece of one line: what an OCR or a text layer gives without a break. confidence: 0 to 1."""

    box: Box
    text: str
    confidence: float = 1.0


@dataclass(frozen=True)
class Ruling:
    """A straight line of a table: at `at`, from `start` to `end` along it."""

    horizontal: bool
    at: float
    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Cell:
    """row, column: of its upper left corner, from 0."""

    row: int
    column: int
    box: Box
    text: str = ""
    row_span: int = 1
    column_span: int = 1
    confidence: float = 1.0


@dataclass(frozen=True)
class Table:
    """cells: by row, then by column; a place under a span has none of its own."""

    box: Box
    rows: int
    columns: int
    kind: Literal["ruled", "borderless"]
    cells: Sequence[Cell] = field(default_factory=list)

    def at(self) -> dict[tuple[int, int], Cell]:
        return {(cell.row, cell.column): cell for cell in self.cells}


def joined(pieces: Iterable[str]) -> str:
    """One text of several pieces; a space between them only where their script has spaces."""
    text = ""
    for piece in map(str.strip, pieces):
        if text and piece and not (_ENDS_UNSPACED.search(text) and _STARTS_UNSPACED.search(piece)):
            text += " "
        text += piece
    return text


def in_lines(words: Sequence[Word]) -> list[list[Word]]:
    """Words by line, from top to bottom, each line from left to right."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda each: each.box.middle_y):
        for line in reversed(lines[-3:]):
            last = around(each.box for each in line)
            shared = min(last.y1, word.box.y1) - max(last.y0, word.box.y0)
            if shared > 0.5 * min(last.height, word.box.height):
                line.append(word)
                break
        else:
            lines.append([word])
    for line in lines:
        line.sort(key=lambda each: each.box.x0)
    return sorted(lines, key=lambda line: min(word.box.y0 for word in line))


def text_of(words: Sequence[Word]) -> str:
    return joined(word.text for line in in_lines(words) for word in line)


def clustered(values: Iterable[float], tolerance: float) -> list[float]:
    """Means of values that lie within `tolerance` of their neighbours; ascending."""
    groups: list[list[float]] = []
    for value in sorted(values):
        if groups and value - groups[-1][-1] <= tolerance:
            groups[-1].append(value)
        else:
            groups.append([value])
    return [sum(group) / len(group) for group in groups]
