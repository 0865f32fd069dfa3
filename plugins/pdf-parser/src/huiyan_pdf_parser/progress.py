"""How far a call is: pages done, as a number that only grows."""

from __future__ import annotations

from typing import Final

#: MCP wants each number to be larger than the one before, also where it is only a sign of life.
_BEAT: Final = 0.000_1


class Progress:
    """Told by the reading, asked by the beat; both in one thread."""

    def __init__(self) -> None:
        self._total = 0
        self._done = 0
        self._page = 0
        self._last = 0.0

    def open(self, total: int) -> None:
        """total: pages that will be read."""
        self._total = total

    def at(self, page: int) -> None:
        self._page = page

    def done(self) -> None:
        self._done += 1

    def told(self) -> tuple[float, float | None, str]:
        """What to say now: pages done, of how many, in words."""
        self._last = max(float(self._done), self._last + _BEAT)
        if not self._total:
            return self._last, None, "Opening · 正在打开"
        reached = min(self._last, float(self._total))
        return reached, float(self._total), f"Page {self._page} · 第 {self._page} 页"
