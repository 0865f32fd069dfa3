"""Reading order: the page is parted into bands that share their columns, each column is read in turn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from huiyan_pdf_parser.document.drawings import Ruling
from huiyan_pdf_parser.geometry import Box, around
from huiyan_pdf_parser.layout.blocks import Block
from huiyan_pdf_parser.layout.words import Piece, line_height, rows_of
from huiyan_pdf_parser.tables.borderless import (
    LEAST_GUTTER,
    Stretch,
    borderless_table,
    gutters_of,
)

_MAX_DEPTH: Final = 8
#: Of a line's height at its top and bottom, what may lie in the next line's box.
_SLACK: Final = 0.22
_MARK: Final = re.compile(
    r"[•‣◦▪●○■□◆◇★☆·–—*-]|\(?[0-9０-９]{1,3}[.)、．）]|\(?[a-zA-Z][.)]|\(?[ivxIVX]{1,5}[.)]|"
    r"[（(][一二三四五六七八九十0-9]{1,3}[）)]|[一二三四五六七八九十]{1,3}、|[①-⑳]"
)
_MARK_GAP: Final = 4.0


@dataclass
class Lines:
    """Text of one column, line by line."""

    rows: list[list[Piece]]


@dataclass
class _Group:
    """Bands that share at least one gutter, or have none."""

    items: list[Piece | Block] = field(default_factory=list)
    free: list[Stretch] = field(default_factory=list)


Region = Lines | Block


def is_mark(text: str) -> bool:
    """Whether it only begins an item of a list."""
    return _MARK.fullmatch(text) is not None


def with_marks(pieces: Sequence[Piece]) -> list[Piece]:
    """The marks of lists put to what they begin."""
    found: list[Piece] = []
    for row in rows_of(pieces):
        before: Piece | None = None
        for piece in row:
            if (
                before is not None
                and is_mark(before.text)
                and piece.box.x0 - before.box.x1 <= _MARK_GAP * piece.size
            ):
                before.words[-1].begins_item = True
                for word in piece.words:
                    before.add(word)
                before = None
                continue
            found.append(piece)
            before = piece
    return found


def flow(items: Sequence[Piece | Block], rulings: Sequence[Ruling], depth: int = 0) -> list[Region]:
    """Regions in reading order. rulings: the horizontal ones, merged; they part the rows of tables."""
    regions: list[Region] = []
    for group in _groups(items):
        pieces = [item for item in group.items if isinstance(item, Piece)]
        boxes = [item.box for item in group.items]
        gutters = gutters_of(boxes, LEAST_GUTTER * line_height(pieces))
        if not gutters or depth >= _MAX_DEPTH or _is_code(pieces, group.items):
            regions.extend(_stacked(group.items))
            continue
        found = borderless_table(pieces, rulings, gutters) if len(pieces) == len(group.items) else None
        if found is not None:
            if found.before:
                regions.extend(flow(found.before, rulings, depth + 1))
            regions.append(Block("table", found.table.box, table=found.table))
            if found.after:
                regions.extend(flow(found.after, rulings, depth + 1))
            continue
        parted = _parted(group.items, gutters)
        if parted is None:
            regions.extend(_stacked(group.items))
            continue
        for column in parted:
            regions.extend(flow(column, rulings, depth + 1))
    return regions


def _is_code(pieces: Sequence[Piece], items: Sequence[Piece | Block]) -> bool:
    """Gaps in code are the author's."""
    return len(pieces) == len(items) and all(piece.fixed for piece in pieces)


def _core(item: Piece | Block) -> tuple[float, float]:
    slack = _SLACK * item.box.height if isinstance(item, Piece) else min(2.0, item.box.height / 4)
    return item.box.y0 + slack, item.box.y1 - slack


def _bands(items: Sequence[Piece | Block]) -> list[list[Piece | Block]]:
    bands: list[list[Piece | Block]] = []
    bottom = float("-inf")
    for item in sorted(items, key=lambda item: _core(item)[0]):
        top, low = _core(item)
        if bands and top < bottom:
            bands[-1].append(item)
        else:
            bands.append([item])
        bottom = max(bottom, low) if len(bands[-1]) > 1 else low
    return bands


def _groups(items: Sequence[Piece | Block]) -> list[_Group]:
    if not items:
        return []
    whole = around([item.box for item in items])
    least = LEAST_GUTTER * line_height([item for item in items if isinstance(item, Piece)])
    groups: list[_Group] = []
    for band in _bands(items):
        free = _free(band, whole, least)
        inner = _inner(band, free)
        if groups:
            group = groups[-1]
            shared = _common(group.free, free, least)
            had = bool(_inner(group.items, group.free))
            keeps = bool(_inner([*group.items, *band], shared))
            if keeps or (not had and not inner):
                group.items.extend(band)
                group.free = shared
                continue
        groups.append(_Group(list(band), free))
    return groups


def _free(items: Sequence[Piece | Block], whole: Box, least: float) -> list[Stretch]:
    """What of the width no item reaches into."""
    free: list[Stretch] = []
    end = whole.x0 - least
    for item in sorted(items, key=lambda item: item.box.x0):
        if item.box.x0 - end >= least:
            free.append((end, item.box.x0))
        end = max(end, item.box.x1)
    free.append((end, whole.x1 + least))
    return free


def _common(one: Sequence[Stretch], other: Sequence[Stretch], least: float) -> list[Stretch]:
    return [
        (max(a0, b0), min(a1, b1)) for a0, a1 in one for b0, b1 in other if min(a1, b1) - max(a0, b0) >= least
    ]


def _inner(items: Sequence[Piece | Block], free: Sequence[Stretch]) -> list[Stretch]:
    """Of the free stretches, those with something on both sides."""
    left = min(item.box.x0 for item in items)
    right = max(item.box.x1 for item in items)
    return [stretch for stretch in free if left < stretch[1] <= right and left <= stretch[0] < right]


def _parted(items: Sequence[Piece | Block], gutters: Sequence[Stretch]) -> list[list[Piece | Block]] | None:
    """Columns to be read one after the other; nothing where they are no more than gaps in lines."""
    pieces = [item for item in items if isinstance(item, Piece)]
    if len(rows_of(pieces)) < 2 and len(pieces) == len(items):
        return None
    edges = [(left + right) / 2 for left, right in gutters]

    def column(item: Piece | Block) -> int:
        return sum(1 for edge in edges if item.box.centre[0] > edge)

    if not any(len({column(item) for item in band}) > 1 for band in _bands(items)):
        return None  # one below the other, no two of them side by side
    columns: list[list[Piece | Block]] = [[] for _ in range(len(edges) + 1)]
    for item in items:
        columns[column(item)].append(item)
    return [column for column in columns if column]


def _stacked(items: Sequence[Piece | Block]) -> list[Region]:
    """One below the other: lines of text, and what stands between them."""
    regions: list[Region] = []
    waiting: list[Piece] = []
    for item in sorted(items, key=lambda item: item.box.centre[1]):
        if isinstance(item, Piece):
            waiting.append(item)
            continue
        if waiting:
            regions.append(Lines(rows_of(waiting)))
            waiting = []
        regions.append(item)
    if waiting:
        regions.append(Lines(rows_of(waiting)))
    return regions
