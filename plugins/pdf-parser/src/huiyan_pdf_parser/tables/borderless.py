"""Tables without drawn cells: columns are where no word reaches, rows are lines that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from huiyan_pdf_parser.document.drawings import Ruling
from huiyan_pdf_parser.geometry import Box, around
from huiyan_pdf_parser.layout.words import Piece, joined, line_height, rows_of, wide
from huiyan_pdf_parser.tables.model import Cell, Table

#: Parts of the font's size.
LEAST_GUTTER: Final = 0.6
#: A column whose lines are this full and this long is running text.
_FULL: Final = 0.75
_LONG_LETTERS: Final = 20
#: A column beside running text with this many lines of this many letters is no column of a table.
_BESIDE_LETTERS: Final = 16
_BESIDE_LINES: Final = 12
#: Of the pieces of code, those whose letters are equally wide.
_CODE: Final = 0.85
#: Of a table's width, what a line has to span to part its rows.
_SPANS: Final = 0.7
_APART: Final = 1.22
_SINGLE_PITCH: Final = 1.75
#: Lines of one cell are farther apart than this; nearer ones stand in cells beside each other.
_LEAST_PITCH: Final = 0.85
_NEAR: Final = 6.0

Stretch = tuple[float, float]


@dataclass(frozen=True)
class Found:
    """before, after: pieces at the top and the bottom that belong to no row of it."""

    table: Table
    before: list[Piece]
    after: list[Piece]


def gutters_of(boxes: Sequence[Box], least: float) -> list[Stretch]:
    """The stretches between boxes into which none of them reaches."""
    found: list[Stretch] = []
    end = None
    for box in sorted(boxes):
        if end is not None and box.x0 - end >= least:
            found.append((end, box.x0))
        end = box.x1 if end is None else max(end, box.x1)
    return found


def columns_of(pieces: Sequence[Piece], gutters: Sequence[Stretch]) -> list[list[Piece]]:
    columns: list[list[Piece]] = [[] for _ in range(len(gutters) + 1)]
    for piece in pieces:
        columns[_column(piece.box.centre[0], gutters)].append(piece)
    return columns


def _column(x: float, gutters: Sequence[Stretch]) -> int:
    return sum(1 for left, right in gutters if x > (left + right) / 2)


def is_running_text(column: Sequence[Piece]) -> bool:
    """Whether its lines are as full and long as those of a column of text."""
    lines = rows_of(column)
    if len(lines) < 3:
        return False
    box = around([piece.box for piece in column])
    # Justified lines have wide gaps.
    fill = median([(line[-1].box.x1 - line[0].box.x0) / max(box.width, 1.0) for line in lines])
    letters = median([sum(2 if wide(c) else 1 for piece in line for c in piece.text) for line in lines])
    return fill >= _FULL and letters >= _LONG_LETTERS


def borderless_table(
    pieces: Sequence[Piece], rulings: Sequence[Ruling], gutters: Sequence[Stretch]
) -> Found | None:
    """The table that these pieces make, or nothing.

    rulings: the horizontal ones of the page, merged.
    """
    lines = rows_of(pieces)
    before, lines, after = _trimmed(lines, gutters)
    own = [piece for line in lines for piece in line]
    if not own:
        return None
    box = around([piece.box for piece in own])
    rules = rules_in(rulings, box)
    full = sum(1 for line in lines if len({_column(p.box.centre[0], gutters) for p in line}) >= 2)
    if full < (2 if len(rules) >= 2 else 3) or (2 * full < len(lines) and len(rules) < 3):
        return None
    columns = [column for column in columns_of(own, gutters) if column]
    if len(columns) < 2 or (len(rules) < 3 and _is_text_or_code(own, columns)):
        return None
    rows = _rows(lines, rules, gutters)
    if len(rows) < 2:
        return None
    return Found(_table(rows, box, gutters, rules), before, after)


def _is_text_or_code(own: Sequence[Piece], columns: Sequence[list[Piece]]) -> bool:
    """Whether these are columns of text, of text beside code, or code with gaps in it."""
    if sum(piece.fixed for piece in own) > _CODE * len(own):
        return True
    running = [is_running_text(column) for column in columns]
    code = [len(column) > 2 and sum(p.fixed for p in column) > _CODE * len(column) for column in columns]
    long = [_letters(column) >= _BESIDE_LETTERS and len(column) >= _BESIDE_LINES for column in columns]
    return any(running) and (sum(running) >= 2 or any(code) or sum(long) >= 2)


def _letters(column: Sequence[Piece]) -> float:
    """How long its pieces are, as most of them are."""
    return median([sum(2 if wide(c) else 1 for c in piece.text) for piece in column])


def rules_in(rulings: Sequence[Ruling], box: Box) -> list[float]:
    """Where lines part this stretch of the page from side to side, from the top, its edges included."""
    slack = 1.5 * _NEAR
    places: list[float] = []
    for ruling in sorted(rulings, key=lambda r: r.at):
        common = min(ruling.end, box.x1) - max(ruling.start, box.x0)
        if not box.y0 - slack <= ruling.at <= box.y1 + slack or common < _SPANS * box.width:
            continue
        if not places or ruling.at - places[-1] > _NEAR / 2:
            places.append(ruling.at)
    return places


def _trimmed(
    lines: list[list[Piece]], gutters: Sequence[Stretch]
) -> tuple[list[Piece], list[list[Piece]], list[Piece]]:
    """Without the lines of text above and below that only reach the first column."""

    def alone(line: list[Piece]) -> bool:
        return {_column(p.box.centre[0], gutters) for p in line} == {0}

    before: list[Piece] = []
    while lines and alone(lines[0]):
        before.extend(lines[0])
        lines = lines[1:]
    tail: list[list[Piece]] = []
    while lines and alone(lines[-1]):
        tail.insert(0, lines[-1])
        lines = lines[:-1]
    # The last row may go on in its first column alone.
    while tail and lines and tail[0][0].box.y0 - lines[-1][0].box.y1 < 0.3 * lines[-1][0].size:
        lines = [*lines, tail.pop(0)]
    return before, lines, [piece for line in tail for piece in line]


def _rows(
    lines: Sequence[list[Piece]], rules: Sequence[float], gutters: Sequence[Stretch]
) -> list[list[list[Piece]]]:
    """Each row as its lines."""
    top, bottom = lines[0][0].box.centre[1], lines[-1][0].box.centre[1]
    inner = [at for at in rules if top < at < bottom]
    if len(inner) >= 2:
        rows: list[list[list[Piece]]] = []
        for upper, lower in pairwise([float("-inf"), *inner, float("inf")]):
            held = [line for line in lines if upper < line[0].box.centre[1] <= lower]
            if len(held) >= 3 and all(_starts(line, gutters) and len(line) >= 2 for line in held):
                rows.extend([line] for line in held)
            elif held:
                rows.append(held)
        return rows
    rows = []
    for upper, lower in pairwise([float("-inf"), *inner, float("inf")]):
        rows.extend(_by_pitch([line for line in lines if upper < line[0].box.centre[1] <= lower], gutters))
    return rows


def _starts(line: Sequence[Piece], gutters: Sequence[Stretch]) -> bool:
    return any(_column(piece.box.centre[0], gutters) == 0 for piece in line)


def _by_pitch(lines: list[list[Piece]], gutters: Sequence[Stretch]) -> list[list[list[Piece]]]:
    if len(lines) < 2:
        return [[line] for line in lines]
    filled = [{_column(piece.box.centre[0], gutters) for piece in line} for line in lines]
    whole = max(len(columns) for columns in filled)
    if all(len(columns) == whole for columns in filled):
        return [[line] for line in lines]
    size = line_height([piece for line in lines for piece in line])
    places = [median([piece.box.centre[1] for piece in line]) for line in lines]
    pitches = [lower - upper for upper, lower in pairwise(places)]
    apart = [pitch for pitch in pitches if pitch >= _LEAST_PITCH * size]
    if not apart:
        return [lines]
    least = min(apart)
    rows: list[list[list[Piece]]] = [[lines[0]]]
    by_gaps = max(apart) >= _APART * least and least <= _SINGLE_PITCH * size and len(apart) == len(pitches)
    for line, columns, pitch in zip(lines[1:], filled[1:], pitches, strict=True):
        if by_gaps:
            goes_on = pitch < _APART * least and len(columns) < whole
        else:
            goes_on = pitch < _LEAST_PITCH * size or (
                0 not in columns and pitch <= _SINGLE_PITCH * size and len(apart) == len(pitches)
            )
        if goes_on:
            rows[-1].append(line)
        else:
            rows.append([line])
    return rows


def _table(
    rows: Sequence[list[list[Piece]]], box: Box, gutters: Sequence[Stretch], rules: Sequence[float]
) -> Table:
    xs = [box.x0, *((left + right) / 2 for left, right in gutters), box.x1]
    bands = [around([piece.box for line in row for piece in line]) for row in rows]
    ys = [box.y0]
    for upper, lower in pairwise(bands):
        parting = [at for at in rules if upper.centre[1] < at < lower.centre[1]]
        ys.append(parting[0] if parting else (upper.y1 + lower.y0) / 2)
    ys.append(box.y1)
    cells: list[Cell] = []
    for index, row in enumerate(rows):
        cells.extend(_cells_of(index, row, xs, ys, gutters))
    return Table("borderless", len(rows), len(xs) - 1, box, cells)


def _cells_of(
    index: int, row: Sequence[list[Piece]], xs: list[float], ys: list[float], gutters: Sequence[Stretch]
) -> list[Cell]:
    """A piece that crosses a gutter spans the columns on both of its sides."""
    count = len(xs) - 1
    owner = list(range(count))
    for line in row:
        for piece in line:
            first, last = _reach(piece, gutters)
            for column in range(first, last + 1):
                owner[column] = min(owner[column], owner[first])
    cells: list[Cell] = []
    column = 0
    while column < count:
        end = column
        while end + 1 < count and owner[end + 1] == owner[column]:
            end += 1
        lines = [
            joined([word for piece in held for word in piece.words])
            for line in row
            if (held := [p for p in line if column <= _reach(p, gutters)[0] <= end])
        ]
        box = Box(xs[column], ys[index], xs[end + 1], ys[index + 1])
        cells.append(Cell(index, column, 1, end - column + 1, box, lines))
        column = end + 1
    return cells


def _reach(piece: Piece, gutters: Sequence[Stretch]) -> tuple[int, int]:
    middles = [(left + right) / 2 for left, right in gutters]
    first = sum(1 for x in middles if piece.box.x0 > x)
    return first, max(first, sum(1 for x in middles if piece.box.x1 > x))
