"""Tables whose cells are drawn: a grid of lines, where places without a line between them are one cell."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from huiyan_pdf_parser.document.drawings import Ruling
from huiyan_pdf_parser.geometry import Box
from huiyan_pdf_parser.layout.words import Word, joined, pieces_of, rows_of
from huiyan_pdf_parser.tables.model import Cell, Table

#: Lines this near to each other are one; a line that ends this far before another meets it. Points.
_NEAR: Final = 3.0
_MEETS: Final = 4.0
_LEAST_SIDE: Final = 5.0
_MOST_PLACES: Final = 20_000
#: Of the edge of a place, the part that has to be drawn.
_DRAWN: Final = 0.6


def merged(rulings: Sequence[Ruling]) -> list[Ruling]:
    """Pieces of one line, put together."""
    found: list[Ruling] = []
    for horizontal in (True, False):
        group: list[Ruling] = []
        rows: list[list[Ruling]] = []
        for ruling in sorted((r for r in rulings if r.horizontal == horizontal), key=lambda r: r.at):
            if group and ruling.at - group[0].at > _NEAR:
                rows.append(group)
                group = []
            group.append(ruling)
        if group:
            rows.append(group)
        for row in rows:
            at = sum(r.at for r in row) / len(row)
            start, end = None, 0.0
            for ruling in sorted(row, key=lambda r: r.start):
                if start is None:
                    start, end = ruling.start, ruling.end
                elif ruling.start - end > _MEETS:
                    found.append(Ruling(horizontal, at, start, end))
                    start, end = ruling.start, ruling.end
                else:
                    end = max(end, ruling.end)
            if start is not None:
                found.append(Ruling(horizontal, at, start, end))
    return found


def grids(rulings: Sequence[Ruling]) -> list[list[Ruling]]:
    """Lines that hang together. rulings: merged."""
    parent = list(range(len(rulings)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    uprights = sorted((r.at, i) for i, r in enumerate(rulings) if not r.horizontal)
    places = [at for at, _ in uprights]
    for i, ruling in enumerate(rulings):
        if not ruling.horizontal:
            continue
        first = bisect_left(places, ruling.start - _MEETS)
        for at, j in uprights[first:]:
            if at > ruling.end + _MEETS:
                break
            if rulings[j].start - _MEETS <= ruling.at <= rulings[j].end + _MEETS:
                parent[root(i)] = root(j)
    groups: dict[int, list[Ruling]] = {}
    for i, ruling in enumerate(rulings):
        groups.setdefault(root(i), []).append(ruling)
    return [group for group in groups.values() if len(group) >= 4]


def _lines(values: list[float]) -> list[float]:
    places: list[float] = []
    for value in sorted(values):
        if not places or value - places[-1] > _NEAR:
            places.append(value)
    return places


def ruled_table(rulings: Sequence[Ruling], words: Sequence[Word]) -> tuple[Table, list[Word]] | None:
    """The table of one grid and the words that are in it; nothing where it is none (a frame, a chart)."""
    ys = _lines([r.at for r in rulings if r.horizontal])
    xs = _lines([r.at for r in rulings if not r.horizontal])
    ys, xs = _open_sides(rulings, xs, ys)
    rows, columns = len(ys) - 1, len(xs) - 1
    if rows < 1 or columns < 1 or rows * columns < 2 or rows * columns > _MOST_PLACES:
        return None
    box = Box(xs[0], ys[0], xs[-1], ys[-1])
    own = [word for word in words if box.holds(*word.box.centre)]
    cells = _cells(rulings, xs, ys)
    if len(cells) < 2:
        return None
    _fill(cells, own)
    written = sum(1 for cell in cells if cell.lines)
    # Charts and forms of empty boxes are drawings; one written cell is a frame.
    if written < 2 or written * 8 < len(cells) or _least_side(cells) < _LEAST_SIDE:
        return None
    return _without_empty(Table("ruled", rows, columns, box, cells)), own


def _open_sides(
    rulings: Sequence[Ruling], xs: list[float], ys: list[float]
) -> tuple[list[float], list[float]]:
    """A table without lines at its left and right has its edges where the other lines end."""
    across = [r for r in rulings if r.horizontal]
    upright = [r for r in rulings if not r.horizontal]
    if across and xs:
        left, right = min(r.start for r in across), max(r.end for r in across)
        xs = ([left] if xs[0] - left > 2 * _MEETS else []) + xs
        xs = xs + ([right] if right - xs[-1] > 2 * _MEETS else [])
    if upright and ys:
        top, bottom = min(r.start for r in upright), max(r.end for r in upright)
        ys = ([top] if ys[0] - top > 2 * _MEETS else []) + ys
        ys = ys + ([bottom] if bottom - ys[-1] > 2 * _MEETS else [])
    return ys, xs


def _least_side(cells: Sequence[Cell]) -> float:
    sides = sorted(min(cell.box.width, cell.box.height) for cell in cells)
    return sides[len(sides) // 2]


def _covers(rulings: Sequence[Ruling], at: float, start: float, end: float) -> bool:
    length = sum(
        max(0.0, min(r.end, end) - max(r.start, start)) for r in rulings if abs(r.at - at) <= _NEAR + 0.5
    )
    return length >= _DRAWN * (end - start)


def _cells(rulings: Sequence[Ruling], xs: list[float], ys: list[float]) -> list[Cell]:
    across = [r for r in rulings if r.horizontal]
    upright = [r for r in rulings if not r.horizontal]
    rows, columns = len(ys) - 1, len(xs) - 1
    right = [[_covers(upright, xs[c + 1], ys[r], ys[r + 1]) for c in range(columns)] for r in range(rows)]
    below = [[_covers(across, ys[r + 1], xs[c], xs[c + 1]) for c in range(columns)] for r in range(rows)]
    taken = [[False] * columns for _ in range(rows)]
    cells: list[Cell] = []
    for r in range(rows):
        for c in range(columns):
            if taken[r][c]:
                continue
            c1 = c
            while c1 + 1 < columns and not right[r][c1] and not taken[r][c1 + 1]:
                c1 += 1
            r1 = r
            while (
                r1 + 1 < rows
                and not any(below[r1][k] for k in range(c, c1 + 1))
                and not any(right[r1 + 1][k] for k in range(c, c1))
                and not any(taken[r1 + 1][k] for k in range(c, c1 + 1))
            ):
                r1 += 1
            for i in range(r, r1 + 1):
                for k in range(c, c1 + 1):
                    taken[i][k] = True
            cells.append(Cell(r, c, r1 - r + 1, c1 - c + 1, Box(xs[c], ys[r], xs[c1 + 1], ys[r1 + 1])))
    return cells


def _fill(cells: Sequence[Cell], words: Sequence[Word]) -> None:
    inside: dict[int, list[Word]] = {}
    for word in words:
        x, y = word.box.centre
        for index, cell in enumerate(cells):
            if cell.box.holds(x, y):
                inside.setdefault(index, []).append(word)
                break
    for index, own in inside.items():
        cells[index].lines = lines_in(own)


def lines_in(words: Sequence[Word]) -> list[str]:
    """The lines of a cell, gaps and all."""
    return [joined([word for piece in row for word in piece.words]) for row in rows_of(pieces_of(words, 3.0))]


def _without_empty(table: Table) -> Table:
    """Thin rows and columns with nothing in them are double lines and shadows."""
    for by_row in (True, False):
        count = table.rows if by_row else table.columns
        for index in reversed(range(count)):
            own = [
                c
                for c in table.cells
                if (c.row if by_row else c.column) == index and (c.row_span if by_row else c.column_span) == 1
            ]
            side = min((c.box.height if by_row else c.box.width for c in own), default=_LEAST_SIDE * 2)
            if any(c.lines for c in own) or side >= 1.2 * _LEAST_SIDE or not own:
                continue
            table.cells = [c for c in table.cells if c not in own]
            for cell in table.cells:
                place, span = (cell.row, cell.row_span) if by_row else (cell.column, cell.column_span)
                if place > index:
                    place -= 1
                elif place + span > index:
                    span -= 1
                if by_row:
                    cell.row, cell.row_span = place, span
                else:
                    cell.column, cell.column_span = place, span
            if by_row:
                table.rows -= 1
            else:
                table.columns -= 1
    return table
