"""How near a table that was read is to the true one.

TEDS: 1 - EditDistance(A, B) / max(|A|, |B|) of the tables as trees. Inserting or deleting a node costs 1;
changing a cell costs 1 if its spans differ, else the edit distance of its text over the longer text's length.
Source: Zhong, ShafieiBavani, Jimeno Yepes, "Image-based table recognition: data, model, and evaluation"
(2019), section 4. Here a table's rows are its children, without thead and tbody.

Cell F1: a cell is right if its place, its spans and its text are. Boxes: of the true cells with text, the
part whose middle lies in the box that was given for a cell with that place.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from apted import APTED, Config

from benchmark.truth import TrueTable


@dataclass(frozen=True)
class Score:
    """Each from 0 to 1. structure: TEDS where all texts count as the same."""

    teds: float
    structure: float
    cell_f1: float
    boxes: float


@dataclass
class _Node:
    tag: str
    spans: tuple[int, int] = (1, 1)
    text: str = ""
    children: list[_Node] = field(default_factory=list)

    @property
    def size(self) -> int:
        return 1 + sum(child.size for child in self.children)


class _Costs(Config):  # type: ignore[misc]  # apted has no types
    def __init__(self, *, texts: bool) -> None:
        self._texts = texts

    def rename(self, node1: _Node, node2: _Node) -> float:
        if node1.tag != node2.tag or node1.spans != node2.spans:
            return 1.0
        if not self._texts or node1.text == node2.text:
            return 0.0
        return edits(node1.text, node2.text) / max(len(node1.text), len(node2.text))

    def children(self, node: _Node) -> list[_Node]:
        return node.children


def edits(a: str, b: str) -> int:
    """The Levenshtein distance."""
    before = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        now = [i]
        for j, other in enumerate(b, 1):
            now.append(min(before[j] + 1, now[j - 1] + 1, before[j - 1] + (char != other)))
        before = now
    return before[-1]


def _tree(table: TrueTable) -> _Node:
    rows = [
        _Node("tr", children=[_Node("td", (cell.row_span, cell.column_span), cell.text) for cell in cells])
        for _, cells in itertools.groupby(table, key=lambda cell: cell.row)
    ]
    return _Node("table", children=rows)


def teds(a: TrueTable, b: TrueTable, *, texts: bool = True) -> float:
    """1 for the same table, 0 for nothing in common."""
    first, second = _tree(a), _tree(b)
    distance: Any = APTED(first, second, _Costs(texts=texts)).compute_edit_distance()
    return 1.0 - float(distance) / max(first.size, second.size)


def cell_f1(true: TrueTable, read: TrueTable) -> float:
    """Of the cells' places, spans and texts together."""
    wanted = {(cell.place, cell.text) for cell in true}
    right = len(wanted & {(cell.place, cell.text) for cell in read})
    return 2 * right / (len(true) + len(read)) if true or read else 1.0


def boxes(true: TrueTable, read: TrueTable) -> float:
    """Part of the true cells with text whose middle is in the box of the cell that was read there."""
    given = {(cell.row, cell.column): cell.box for cell in read}
    asked = [cell for cell in true if cell.text and cell.box is not None]
    hits = 0
    for cell in asked:
        box = given.get((cell.row, cell.column))
        if box is not None and cell.box is not None:
            x, y = (cell.box[0] + cell.box[2]) / 2, (cell.box[1] + cell.box[3]) / 2
            hits += box[0] <= x <= box[2] and box[1] <= y <= box[3]
    return hits / len(asked) if asked else 1.0


def score(true: Sequence[TrueTable], read: Sequence[TrueTable]) -> Score:
    """Of a picture: each true table with the one most like it; one too many counts as one missed."""
    left, totals = list(read), [0.0, 0.0, 0.0, 0.0]
    for table in true:
        if not left:
            break
        best = max(left, key=lambda other: teds(table, other)) if len(left) > 1 else left[0]
        left.remove(best)
        for index, part in enumerate(
            (teds(table, best), teds(table, best, texts=False), cell_f1(table, best), boxes(table, best))
        ):
            totals[index] += part
    count = max(len(true), len(read), 1)
    return Score(*(total / count for total in totals))
