"""Tables between horizontal lines alone, as books set them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from huiyan_pdf_parser.document.drawings import Ruling
from huiyan_pdf_parser.geometry import Box
from huiyan_pdf_parser.layout.words import Piece, line_height, rows_of
from huiyan_pdf_parser.tables.borderless import LEAST_GUTTER, Found, Stretch, borderless_table, gutters_of

_SAME_ENDS: Final = 6.0
#: Of the lines of text, those that may reach across a gutter: heads over several columns.
_CROSSING: Final = 0.25


def open_sided_tables(rulings: Sequence[Ruling], pieces: Sequence[Piece]) -> list[tuple[Found, list[Piece]]]:
    """Each with the pieces that it is made of. rulings: merged, none of a drawn grid."""
    across = sorted((r for r in rulings if r.horizontal), key=lambda r: r.at)
    runs: list[list[Ruling]] = []
    for ruling in across:
        for run in runs:
            if abs(run[0].start - ruling.start) <= _SAME_ENDS and abs(run[0].end - ruling.end) <= _SAME_ENDS:
                run.append(ruling)
                break
        else:
            runs.append([ruling])
    found: list[tuple[Found, list[Piece]]] = []
    for run in runs:
        found.extend(_in_run(run, across, pieces))
    return found


def _in_run(
    run: list[Ruling], across: Sequence[Ruling], pieces: Sequence[Piece]
) -> list[tuple[Found, list[Piece]]]:
    if len(run) < 3:
        return []
    box = Box(run[0].start, run[0].at, run[0].end, run[-1].at)
    own = [piece for piece in pieces if box.holds(*piece.box.centre)]
    gutters = _gutters(own)
    table = borderless_table(own, across, gutters) if gutters else None
    if table is not None and not table.before and not table.after:
        return [(table, own)]
    # Rules of the same length elsewhere on the page: parted where they are farthest from each other.
    widest = max(range(1, len(run)), key=lambda index: run[index].at - run[index - 1].at)
    return [*_in_run(run[:widest], across, pieces), *_in_run(run[widest:], across, pieces)]


def _gutters(pieces: Sequence[Piece]) -> list[Stretch]:
    """As gutters_of, but a few lines may reach across."""
    lines = rows_of(pieces)
    if len(lines) < 2:
        return []
    least = LEAST_GUTTER * line_height(pieces)
    whole = gutters_of([piece.box for piece in pieces], least)
    crossing = int(_CROSSING * len(lines))
    if crossing == 0:
        return whole
    # The lines with the fewest pieces are the heads; those alone are left out.
    ordered = sorted(lines, key=len)
    rest = [piece for line in ordered[crossing:] for piece in line]
    more = gutters_of([piece.box for piece in rest], least)
    return more if len(more) > len(whole) else whole
