"""A clock that the test moves, and the timers that hang on it: as much of an event loop as callbacks need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast


class FakeTimer:
    """Stands in for asyncio.TimerHandle."""

    def __init__(self, when_s: float, act: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._when_s = when_s
        self.act = act
        self.args = args
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def when(self) -> float:
        return self._when_s


class FakeLoop:
    """`time`, `call_at` and `call_later` of a loop; `advance` runs what is due, in its order."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._timers: list[FakeTimer] = []

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return cast("asyncio.AbstractEventLoop", self)

    @property
    def armed(self) -> int:
        """Timers that would still fire."""
        return sum(not timer.cancelled for timer in self._timers)

    def time(self) -> float:
        return self.now_s

    def call_at(self, when_s: float, act: Callable[..., Any], *args: Any) -> FakeTimer:
        timer = FakeTimer(when_s, act, args)
        self._timers.append(timer)
        return timer

    def call_later(self, delay_s: float, act: Callable[..., Any], *args: Any) -> FakeTimer:
        return self.call_at(self.now_s + delay_s, act, *args)

    def advance(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while True:
            self._timers = [timer for timer in self._timers if not timer.cancelled]
            due = [timer for timer in self._timers if timer.when() <= end_s]
            if not due:
                break
            timer = min(due, key=FakeTimer.when)
            self._timers.remove(timer)
            self.now_s = max(self.now_s, timer.when())
            timer.act(*timer.args)
        self.now_s = end_s
