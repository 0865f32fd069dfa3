"""What is left of a range that one thread has taken."""

from __future__ import annotations

from collections.abc import Iterable

from huiyan.sources.transfer import ranges
from huiyan.sources.transfer.ranges import Range


class Gaps:
    """In order; filled from the front, as bytes come."""

    def __init__(self, gaps: Iterable[Range]) -> None:
        self._gaps = list(gaps)

    def __bool__(self) -> bool:
        return bool(self._gaps)

    @property
    def first(self) -> Range:
        return self._gaps[0]

    @property
    def left_bytes(self) -> int:
        return ranges.total(self._gaps)

    def within(self, start: int, stop: int) -> list[Range]:
        return ranges.within(self._gaps, start, stop)

    def fill(self, start: int, stop: int) -> None:
        self._gaps = [
            part
            for begin, end in self._gaps
            for part in ((begin, min(end, start)), (max(begin, stop), end))
            if part[0] < part[1]
        ]

    def become(self, gaps: Iterable[Range]) -> None:
        """The task is another one now: a server sends all where a part was asked for."""
        self._gaps = list(gaps)
