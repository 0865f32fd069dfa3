"""Tables without drawn cells: columns are where few lines reach, rows are lines that belong together."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from huiyan_table_ocr.structure.model import Box, Cell, Ruling, Table, Word, around, in_lines, text_of

#: The narrowest gap between two columns, in heights of a line.
_GAP = 0.45
#: Part of the lines that may reach over a gap: headers that span columns, totals, notes.
_CROSSING = 0.2
#: Part of the lines that may look like a row of their own where rulings say that they are none.
_OWN_ROWS = 0.15


@dataclass
class _Row:
    """Words of one row by first column; spans: columns that the words at a column reach over.

    tall: columns whose cell goes on through the next row.
    """

    words: dict[int, list[Word]] = field(default_factory=dict)
    spans: dict[int, int] = field(default_factory=dict)
    tall: set[int] = field(default_factory=set)

    @property
    def box(self) -> Box:
        return around(word.box for words in self.words.values() for word in words)

    @property
    def own_box(self) -> Box:
        """Without what reaches into the next row."""
        own = [word.box for column, words in self.words.items() for word in words if column not in self.tall]
        return around(own) if own else self.box


def find_borderless(words: Sequence[Word], rulings: Sequence[Ruling] = ()) -> Table | None:
    """A table of all these words, or None where they make none.

    rulings: horizontal lines between rows, if there are any.
    """
    lines = in_lines(words)
    if len(lines) < 2:
        return None
    height = statistics.median(word.box.height for word in words)
    gaps = _gaps(lines, height)
    if not gaps:
        return None
    edges = [min(w.box.x0 for w in words), *((a + b) / 2 for a, b in gaps), max(w.box.x1 for w in words)]
    rows = [_placed(line, edges) for line in lines]
    ats = sorted(r.at for r in rulings if r.horizontal)
    rows = _wrapped(_straddling(rows), ats, height)
    if len(rows) < 2 or sum(len(row.words) > 1 for row in rows) < max(2, len(rows) / 3):
        return None
    return _table(rows, edges, height)


def _gaps(lines: Sequence[Sequence[Word]], height: float) -> list[tuple[float, float]]:
    """Where columns end: ranges of x that hardly any line covers."""
    events: list[tuple[float, int]] = []
    for line in lines:
        for word in line:
            inset = min(0.1 * height, word.box.width / 4)
            events += [(word.box.x0 + inset, 1), (word.box.x1 - inset, -1)]
    events.sort()
    allowed = max(int(_CROSSING * len(lines)), 1 if len(lines) >= 4 else 0)
    gaps: list[tuple[float, float]] = []
    depth, since = 0, None
    first, last = events[0][0], events[-1][0]
    for x, change in events:
        before, depth = depth, depth + change
        if depth <= allowed < before:
            since = x
        elif before <= allowed < depth and since is not None:
            if x - since >= _GAP * height and since > first and x < last:
                gaps.append((since, x))
            since = None
    # Nothing but what crosses a gap on its one side: not a column, but the end of a long line.
    return [gap for gap in gaps if _splits(lines, gap)]


def _splits(lines: Sequence[Sequence[Word]], gap: tuple[float, float]) -> bool:
    """Whether at least two lines have words on both its sides."""
    middle = (gap[0] + gap[1]) / 2
    both = sum(
        any(w.box.x1 < middle for w in line) and any(w.box.x0 > middle for w in line) for line in lines
    )
    return both >= min(2, len(lines))


def _placed(line: Sequence[Word], edges: Sequence[float]) -> _Row:
    row = _Row()
    for word in line:
        reached = [
            column
            for column in range(len(edges) - 1)
            if min(edges[column + 1], word.box.x1) - max(edges[column], word.box.x0)
            > min(0.7 * word.box.height, 0.5 * word.box.width)
        ]
        if not reached:
            reached = [max(0, sum(edge < word.box.middle_x for edge in edges) - 1)]
            reached = [min(reached[0], len(edges) - 2)]
        column = reached[0]
        for known, span in row.spans.items():
            if known <= column < known + span:
                column = known
        row.words.setdefault(column, []).append(word)
        row.spans[column] = max(row.spans.get(column, 1), reached[-1] - column + 1)
    return row


def _straddling(rows: Sequence[_Row]) -> list[_Row]:
    """Without lines that stand at half height between two others: their cells belong to both."""
    left = list(rows)
    place = 1
    while place < len(left) - 1:
        above, row, below = left[place - 1 : place + 2]
        columns = set(row.words)
        apart = below.box.middle_y - above.box.middle_y
        slack = 0.2 * row.box.height
        between = row.box.y0 < above.box.y1 + slack and row.box.y1 > below.box.y0 - slack
        if between and apart < 2.5 * row.box.height and not columns & (_covered(above) | _covered(below)):
            above.words.update(row.words)
            above.spans.update(row.spans)
            above.tall |= columns
            del left[place]
        else:
            place += 1
    return left


def _covered(row: _Row) -> set[int]:
    return {c for column, span in row.spans.items() for c in range(column, column + span)}


def _wrapped(rows: list[_Row], ats: Sequence[float], height: float) -> list[_Row]:
    """Rows with the lines that continue them.

    With a line between all rows, what lies between two lines is a row. Else a line that is nearer to the one
    before it than rows are to each other, and lacks the first column or most of them, continues it.
    """
    bounds = [row.box for row in rows]
    if _one_line_each(rows, ats):
        return _between(rows, ats)
    spaces = [after.y0 - before.y1 for before, after in itertools.pairwise(bounds)]
    # The space above a row that begins in the first column.
    usual = statistics.median([s for s, row in zip(spaces, rows[1:], strict=True) if 0 in row.words] or [0.0])
    merged = [rows[0]]
    for row, before, space in zip(rows[1:], rows[:-1], spaces, strict=True):
        ruled = any(before.box.middle_y < at < row.box.middle_y for at in ats)
        continues = (
            not ruled
            and space < max(usual, 0.0) - 0.25 * height
            and len(row.words) < len(merged[-1].words)
            and set(row.words) <= set(merged[-1].words)
            and 0 not in row.words
            and not merged[-1].tall
        )
        if continues:
            for column, words in row.words.items():
                merged[-1].words[column] = [*merged[-1].words[column], *words]
        else:
            merged.append(row)
    return merged


def _one_line_each(rows: Sequence[_Row], ats: Sequence[float]) -> bool:
    """Whether rulings part the rows: there are several, and between two lies one row and what continues it.

    A line that has the first column and as many others as the one before is a row of its own.
    """
    places = [sum(at < row.box.middle_y for at in ats) for row in rows]
    if len(set(places)) < 4:
        return False
    pairs = [(a, b) for (a, p), (b, q) in itertools.pairwise(zip(rows, places, strict=True)) if p == q]
    own = sum(0 in b.words and len(b.words) >= len(a.words) > 1 for a, b in pairs)
    return own <= _OWN_ROWS * len(rows)


def _between(rows: Sequence[_Row], ats: Sequence[float]) -> list[_Row]:
    groups: dict[int, _Row] = {}
    for row in rows:
        place = sum(at < row.box.middle_y for at in ats)
        whole = groups.setdefault(place, _Row())
        for column, words in row.words.items():
            whole.words.setdefault(column, []).extend(words)
            whole.spans[column] = max(whole.spans.get(column, 1), row.spans[column])
    return [_without_overlap(groups[place]) for place in sorted(groups)]


def _without_overlap(row: _Row) -> _Row:
    """A span ends where the next cell of its row begins."""
    columns = sorted(row.words)
    for column, after in itertools.pairwise(columns):
        row.spans[column] = min(row.spans[column], after - column)
    return row


def _table(rows: Sequence[_Row], edges: Sequence[float], height: float) -> Table:
    columns = len(edges) - 1
    bounds = [row.own_box for row in rows]
    ys = [bounds[0].y0 - 0.2 * height]
    ys += [(before.y1 + after.y0) / 2 for before, after in itertools.pairwise(bounds)]
    ys.append(bounds[-1].y1 + 0.2 * height)
    cells: list[Cell] = []
    for index, row in enumerate(rows):
        _without_overlap(row)
        above = rows[index - 1].tall if index else set()
        column = 0
        while column < columns:
            if column in above:
                column += 1
                continue
            words = row.words.get(column, [])
            span = row.spans.get(column, 1) if words else 1
            down = 2 if column in row.tall and index + 1 < len(rows) else 1
            box = Box(edges[column], ys[index], edges[column + span], ys[index + down])
            least = min((word.confidence for word in words), default=1.0)
            cells.append(Cell(index, column, box, text_of(words), down, span, least))
            column += span
    return Table(Box(edges[0], ys[0], edges[-1], ys[-1]), len(rows), columns, "borderless", cells)
