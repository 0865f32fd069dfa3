"""Sets of byte ranges, half-open: [start, stop)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class Ranges:
    """Disjoint, sorted, joined where they touch."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for start, stop in ranges:
            self.add(start, stop)

    def add(self, start: int, stop: int) -> None:
        if start >= stop:
            return
        first = bisect_left(self._stops, start)
        last = bisect_right(self._starts, stop)
        if first < last:
            start = min(start, self._starts[first])
            stop = max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]

    def missing(self, end: int, begin: int = 0) -> list[tuple[int, int]]:
        """What of [begin, end) is not in it."""
        gaps, at = [], begin
        for start, stop in self:
            if start > at:
                gaps.append((at, min(start, end)))
            at = max(at, stop)
            if at >= end:
                break
        if at < end:
            gaps.append((at, end))
        return gaps

    @property
    def prefix(self) -> int:
        """How far it reaches from 0 without a gap."""
        return self._stops[0] if self._starts and self._starts[0] == 0 else 0

    @property
    def total(self) -> int:
        return sum(self._stops) - sum(self._starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._starts, self._stops, strict=True)))
