"""How near an answer is to the truth, from 0 to 1."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rapidfuzz.distance import Levenshtein

_WIDE = re.compile(r"(?<=[　-鿿＀-￯])\s+|\s+(?=[　-鿿＀-￯])")
_MARKS = re.compile(r"[•‣◦▪●○■□◆]\s*")

Cells = Sequence[dict[str, Any]]


def plain(text: str) -> str:
    """Without what says nothing about order: marks of lists, kinds of white space."""
    text = unicodedata.normalize("NFKC", text).replace("\u00ad", "")
    return _WIDE.sub("", re.sub(r"\s+", " ", _MARKS.sub("", text))).strip()


def text_score(read: str, truth: str) -> float:
    """1 less the edit distance in characters, over the longer length: order counts."""
    return float(Levenshtein.normalized_similarity(plain(read), plain(truth)))


def _keys(cells: Cells) -> Counter[tuple[Any, ...]]:
    """Empty cells are not counted."""
    return Counter(
        (
            cell["row"],
            cell["column"],
            cell["row_span"],
            cell["column_span"],
            re.sub(r"\s", "", plain(cell["text"])),
        )
        for cell in cells
        if cell["text"].strip()
    )


def tables_score(read: Sequence[Cells], truth: Sequence[Cells]) -> tuple[int, int, int]:
    """Cells that are right (text, place and span), cells that were read, cells of the truth.

    Each table of the truth is held against the one that shares most cells with it. Cells of tables too many
    count as read.
    """
    left = [_keys(cells) for cells in read]
    total = sum(sum(keys.values()) for keys in left)
    wanted = [_keys(cells) for cells in truth]
    right = 0
    for keys in wanted:
        best = max(left, key=lambda other: sum((keys & other).values()), default=None)
        if best is not None:
            right += sum((keys & best).values())
            left.remove(best)
    return right, total, sum(sum(keys.values()) for keys in wanted)


def f1(right: int, read: int, wanted: int) -> float:
    return 2 * right / (read + wanted) if read + wanted else 1.0
