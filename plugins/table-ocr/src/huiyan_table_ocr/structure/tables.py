"""All tables on one picture or page: first the drawn ones, then those among the words that are left."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from huiyan_table_ocr.structure.borderless import find_borderless
from huiyan_table_ocr.structure.model import Box, Ruling, Table, Word, around, in_lines
from huiyan_table_ocr.structure.ruled import Grid, fill, find_grids

#: A block of words ends at a space of this many heights of a line.
_BLOCK_GAP = 2.5


def find_tables(words: Sequence[Word], rulings: Sequence[Ruling], tolerance: float) -> list[Table]:
    """From top to bottom. tolerance: how far apart lines that mean the same may lie."""
    tables: list[Table] = []
    left = list(words)
    used: list[Ruling] = []
    for grid in find_grids(rulings, tolerance):
        inside = [w for w in left if grid.box.holds(w.box.middle_x, w.box.middle_y)]
        if not inside:
            continue
        table = _either(grid, inside, rulings)
        if table is None:
            continue
        tables.append(table)
        left = [w for w in left if w not in inside]
        used += [r for r in rulings if _within(r, grid)]
    free = [r for r in rulings if r.horizontal and r not in used]
    for block in _blocks(left, free):
        table = find_borderless(block, [r for r in free if _near(r, block)])
        if table is not None:
            tables.append(table)
    return sorted(tables, key=lambda table: (table.box.y0, table.box.x0))


def _either(grid: Grid, words: Sequence[Word], rulings: Sequence[Ruling]) -> Table | None:
    """The drawn grid, unless its cells plainly hold several columns or rows of words each."""
    drawn = fill(grid, words)
    filled = sum(bool(cell.text) for cell in drawn.cells)
    across = [r for r in rulings if r.horizontal and _within(r, grid)]
    if len(words) > 2.2 * max(filled, 1):
        aligned = find_borderless(words, across)
        if aligned is not None and len(aligned.cells) > 1.8 * len(drawn.cells):
            return aligned
    return drawn if len(drawn.cells) > 1 and filled > 1 else None


def _within(ruling: Ruling, grid: Grid) -> bool:
    box = grid.box.widened(4)
    middle = (ruling.start + ruling.end) / 2
    return box.holds(middle, ruling.at) if ruling.horizontal else box.holds(ruling.at, middle)


def _near(ruling: Ruling, words: Sequence[Word]) -> bool:
    box = around(word.box for word in words)
    margin = 2 * statistics.median(word.box.height for word in words)
    return box.y0 - margin < ruling.at < box.y1 + margin and ruling.end > box.x0 and ruling.start < box.x1


def _blocks(words: Sequence[Word], rulings: Sequence[Ruling]) -> list[list[Word]]:
    """Words by block: lines with no great space between them, without captions at their ends."""
    if not words:
        return []
    height = statistics.median(word.box.height for word in words)
    blocks: list[list[list[Word]]] = [[]]
    bottom: float | None = None
    for line in in_lines(words):
        box = around(word.box for word in line)
        if bottom is not None and box.y0 - bottom > _BLOCK_GAP * height:
            ruled = any(bottom - height < r.at < box.y1 + height for r in rulings)
            if not ruled:
                blocks.append([])
        blocks[-1].append(line)
        bottom = box.y1 if bottom is None else max(bottom, box.y1)
    return [[word for line in trimmed for word in line] for block in blocks if (trimmed := _trimmed(block))]


def _trimmed(lines: list[list[Word]]) -> list[list[Word]]:
    """Without lines of a single piece at either end: captions, notes.

    A piece that stands within the columns but the first stays: above, it heads several; below, it goes on.
    """
    first, last = 0, len(lines)
    while first < last and len(lines[first]) == 1:
        first += 1
    while last > first and len(lines[last - 1]) == 1:
        last -= 1
    if first == last:
        return []
    body = around(word.box for line in lines[first:last] for word in line)
    fullest = max(lines[first:last], key=len)
    if first > 0 and _within_columns(lines[first - 1][0].box, fullest, body):
        first -= 1
    if last < len(lines) and _within_columns(lines[last][0].box, fullest, body):
        last += 1
    return lines[first:last]


def _within_columns(box: Box, line: Sequence[Word], body: Box) -> bool:
    starts = sorted(word.box.x0 for word in line)
    return len(starts) > 2 and box.x0 > (starts[0] + starts[1]) / 2 and box.x1 < body.x1 + box.height
