"""Tables whose cells are drawn: lines become a grid, places without a line between them one cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from huiyan_table_ocr.structure.model import Box, Cell, Ruling, Table, Word, around, clustered, text_of

#: How much of a side has to be drawn to be a wall.
_WALL = 0.75
#: How far a line may end before the corner that it was drawn to.
_SHORT = 3.0
_MAX_LINES = 400
#: Fewer that hold words each may be chance.
_PARTED_COLUMNS = 3


@dataclass(frozen=True)
class Grid:
    """ys: of the lines between rows, ascending, and xs between columns. spans: row, column, rows, columns."""

    xs: list[float]
    ys: list[float]
    spans: list[tuple[int, int, int, int]]

    @property
    def box(self) -> Box:
        return Box(self.xs[0], self.ys[0], self.xs[-1], self.ys[-1])

    def box_of(self, row: int, column: int, rows: int, columns: int) -> Box:
        return Box(self.xs[column], self.ys[row], self.xs[column + columns], self.ys[row + rows])


def find_grids(rulings: Sequence[Ruling], tolerance: float) -> list[Grid]:
    """Grids of at least two cells. tolerance: lines nearer than this are one."""
    grids = []
    for group in _touching(rulings, tolerance):
        grid = _grid(group, tolerance)
        if grid is not None and len(grid.spans) > 1:
            grids.append(grid)
    return sorted(grids, key=lambda grid: (grid.box.y0, grid.box.x0))


def _touching(rulings: Sequence[Ruling], tolerance: float) -> list[list[Ruling]]:
    """Rulings that cross or meet, together."""
    across = [r for r in rulings if r.horizontal]
    down = [r for r in rulings if not r.horizontal]
    parent = {id(r): id(r) for r in rulings}

    def root(key: int) -> int:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for a in across:
        for d in down:
            meets_x = a.start - tolerance <= d.at <= a.end + tolerance
            if meets_x and d.start - tolerance <= a.at <= d.end + tolerance:
                parent[root(id(a))] = root(id(d))
    groups: dict[int, list[Ruling]] = {}
    for r in rulings:
        groups.setdefault(root(id(r)), []).append(r)
    return [group for group in groups.values() if len(group) > 2]


def _grid(rulings: Sequence[Ruling], tolerance: float) -> Grid | None:
    across = [r for r in rulings if r.horizontal]
    down = [r for r in rulings if not r.horizontal]
    if len(across) < 2 or not down:
        return None
    xs = clustered([r.at for r in down], tolerance)
    ys = clustered([r.at for r in across], tolerance)
    # Tables that are open at their sides end where their lines end.
    left, right = min(r.start for r in across), max(r.end for r in across)
    top, bottom = min(r.start for r in down), max(r.end for r in down)
    xs = [left] * (left < xs[0] - 4 * tolerance) + xs + [right] * (right > xs[-1] + 4 * tolerance)
    ys = [top] * (top < ys[0] - 4 * tolerance) + ys + [bottom] * (bottom > ys[-1] + 4 * tolerance)
    if len(xs) < 2 or len(ys) < 2 or len(xs) > _MAX_LINES or len(ys) > _MAX_LINES:
        return None
    return _needed(Grid(xs, ys, _spans(xs, ys, across, down, tolerance)))


def _needed(grid: Grid) -> Grid:
    """Without lines at which no cell ends: they were drawn beside the table, or twice."""
    row_starts = sorted({row for row, _, _, _ in grid.spans})
    column_starts = sorted({column for _, column, _, _ in grid.spans})
    row_of = {row: place for place, row in enumerate([*row_starts, len(grid.ys) - 1])}
    column_of = {column: place for place, column in enumerate([*column_starts, len(grid.xs) - 1])}
    return Grid(
        [grid.xs[column] for column in column_of],
        [grid.ys[row] for row in row_of],
        [
            (
                row_of[row],
                column_of[column],
                row_of[row + rows] - row_of[row],
                column_of[column + columns] - column_of[column],
            )
            for row, column, rows, columns in grid.spans
        ],
    )


def _spans(
    xs: Sequence[float],
    ys: Sequence[float],
    across: Sequence[Ruling],
    down: Sequence[Ruling],
    tolerance: float,
) -> list[tuple[int, int, int, int]]:
    rows, columns = len(ys) - 1, len(xs) - 1
    area = {(r, c): (r, c, r, c) for r in range(rows) for c in range(columns)}

    def join(a: tuple[int, int], b: tuple[int, int]) -> None:
        """Until what is joined is a rectangle."""
        r0, c0, r1, c1 = (
            f(p) for f, p in zip((min, min, max, max), zip(area[a], area[b], strict=True), strict=True)
        )
        while True:
            parts = {area[r, c] for r in range(r0, r1 + 1) for c in range(c0, c1 + 1)}
            whole = (
                min(p[0] for p in parts),
                min(p[1] for p in parts),
                max(p[2] for p in parts),
                max(p[3] for p in parts),
            )
            if whole == (r0, c0, r1, c1):
                break
            r0, c0, r1, c1 = whole
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                area[r, c] = (r0, c0, r1, c1)

    for column in range(1, columns):
        walls = [r for r in down if abs(r.at - xs[column]) <= 2 * tolerance]
        for row in range(rows):
            if not _drawn(walls, ys[row], ys[row + 1], tolerance):
                join((row, column - 1), (row, column))
    for row in range(1, rows):
        walls = [r for r in across if abs(r.at - ys[row]) <= 2 * tolerance]
        for column in range(columns):
            if not _drawn(walls, xs[column], xs[column + 1], tolerance):
                join((row - 1, column), (row, column))
    return [(r0, c0, r1 - r0 + 1, c1 - c0 + 1) for r0, c0, r1, c1 in sorted(set(area.values()))]


def _drawn(walls: Sequence[Ruling], start: float, end: float, tolerance: float) -> bool:
    short = min(tolerance, _SHORT)
    covered, reached = 0.0, start
    for wall in sorted(walls, key=lambda r: r.start):
        begin, finish = max(wall.start - short, reached), min(wall.end + short, end)
        if finish > begin:
            covered += finish - begin
            reached = finish
    return covered >= _WALL * (end - start)


def _parted(grid: Grid, words: Sequence[Word]) -> Grid:
    """With cells over several columns split where each column has words of its own: the lines between them
    were too faint. A merged cell has its words in one place.
    """
    spans: list[tuple[int, int, int, int]] = []
    for row, column, rows, columns in grid.spans:
        box = grid.box_of(row, column, rows, columns)
        inside = [word.box for word in words if box.holds(word.box.middle_x, word.box.middle_y)]
        between = grid.xs[column + 1 : column + columns]
        slack = 0.2 * min((word.height for word in inside), default=0.0)
        crossed = any(word.x0 + slack < x < word.x1 - slack for word in inside for x in between)
        held = {sum(x < word.middle_x for x in between) for word in inside}
        if columns >= _PARTED_COLUMNS and not crossed and len(held) == columns:
            spans += [(row, column + each, rows, 1) for each in range(columns)]
        else:
            spans.append((row, column, rows, columns))
    return Grid(grid.xs, grid.ys, sorted(spans))


def fill(grid: Grid, words: Sequence[Word]) -> Table:
    """The grid with each word in the cell that holds its middle."""
    grid = _parted(grid, words)
    inside: dict[tuple[int, int, int, int], list[Word]] = {span: [] for span in grid.spans}
    boxes = {span: grid.box_of(*span) for span in grid.spans}
    for word in words:
        for span, box in boxes.items():
            if box.holds(word.box.middle_x, word.box.middle_y):
                inside[span].append(word)
                break
    cells = [
        Cell(
            row,
            column,
            boxes[row, column, rows, columns],
            text_of(inside[row, column, rows, columns]),
            rows,
            columns,
            min((w.confidence for w in inside[row, column, rows, columns]), default=1.0),
        )
        for row, column, rows, columns in grid.spans
    ]
    return Table(around(boxes.values()), len(grid.ys) - 1, len(grid.xs) - 1, "ruled", cells)
