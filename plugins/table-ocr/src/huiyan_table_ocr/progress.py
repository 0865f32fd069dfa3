"""How far a call is, as one number that only grows."""

from __future__ import annotations

from typing import Final

TOTAL: Final = 100.0
#: Each step's part of the whole, from the first to the second number; rough.
_PARTS: Final = {
    "warming": (0.0, 4.0),
    "reading": (5.0, 85.0),
    "turning": (20.0, 20.0),
    "lines": (85.0, 88.0),
    "small": (88.0, 99.0),
}
_TEXTS: Final = {
    "warming": "Loading the models · 正在加载模型",
    "reading": "Reading the text · 正在识别文字",
    "turning": "The picture lies on its side: turning it · 图片方向不正，正在旋转",
    "lines": "Finding lines and cells · 正在还原表格",
    "small": "Reading small cells · 正在识别小单元格",
}
#: MCP wants each number to be larger than the one before, also where it is only a sign of life.
_BEAT: Final = 0.001


class Progress:
    """`at` from the thread that works, `told` from the one that tells; each is one assignment."""

    def __init__(self) -> None:
        self._at = ("warming", 0.0)
        self._last = 0.0

    def at(self, step: str, done: int = 0, total: int = 0) -> None:
        """Of a step, `done` of `total` parts are done; 0 of 0 where it has none."""
        begin, end = _PARTS[step]
        self._at = step, begin + (end - begin) * (min(done, total) / total if total else 0.0)

    def told(self) -> tuple[float, str]:
        """What to say now, larger than what was said before; at most TOTAL."""
        step, reached = self._at
        self._last = min(TOTAL, max(reached, self._last + _BEAT))
        return self._last, _TEXTS[step]
