"""How near an answer is to the expected one."""

from __future__ import annotations

import json
from collections.abc import Sequence

LabelledBox = tuple[str, list[float]]


def edit_distance(a: str, b: str) -> int:
    """Levenshtein: insertions, deletions and replacements of one character."""
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        current = [i]
        for j, y in enumerate(b, 1):
            current.append(min(previous[j] + 1, current[-1] + 1, previous[j - 1] + (x != y)))
        previous = current
    return previous[-1]


def parse_boxes(answer: str) -> list[LabelledBox] | None:
    """(label, box) pairs of an answer in Qwen3-VL's JSON; None if it is not that."""
    try:
        return [(item["label"], item["bbox_2d"]) for item in json.loads(answer)]
    except (ValueError, KeyError, TypeError):
        return None


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes (left, top, right, bottom), 0..1."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union > 0 else 0.0


def best_overlaps(wanted: list[LabelledBox], given: list[LabelledBox] | None) -> list[float]:
    """For each wanted box the overlap with the best given one of its label; each is taken once."""
    free = list(given or [])
    found: list[float] = []
    for label, box in wanted:
        candidates = [
            (overlap(box, other), i)
            for i, (other_label, other) in enumerate(free)
            if other_label == label and len(other) == 4
        ]
        best, i = max(candidates, default=(0.0, -1))
        if i >= 0:
            free.pop(i)
        found.append(best)
    return found
