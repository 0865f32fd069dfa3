"""Counts what came, and from that rate and time left."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from huiyan.sources.protocol import Progress

#: The rate is that of the last seconds: long enough to be calm, short enough to show a stall.
_WINDOW_S: Final = 5.0


class Meter:
    """Thread-safe. total_bytes: of all files, with what is here already."""

    def __init__(self, total_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._moved_bytes = 0
        self._file = ""
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])

    def here_already(self, size_bytes: int) -> None:
        with self._lock:
            self._done_bytes += size_bytes

    def moved(self, file: str, size_bytes: int) -> None:
        with self._lock:
            self._done_bytes += size_bytes
            self._moved_bytes += size_bytes
            self._file = file

    def lost(self, size_bytes: int) -> None:
        """Bytes that came and were thrown away: they will have to come again."""
        with self._lock:
            self._done_bytes = max(0, self._done_bytes - size_bytes)

    @property
    def moved_bytes(self) -> int:
        return self._moved_bytes

    def look(self) -> Progress:
        with self._lock:
            now_s = self._clock()
            self._samples.append((now_s, self._moved_bytes))
            while len(self._samples) > 2 and now_s - self._samples[0][0] > _WINDOW_S:
                self._samples.popleft()
            then_s, then_bytes = self._samples[0]
            rate = (self._moved_bytes - then_bytes) / (now_s - then_s) if now_s > then_s else 0.0
            left_bytes = max(0, self._total_bytes - self._done_bytes)
            return Progress(
                phase="fetching",
                file=self._file,
                done_bytes=min(self._done_bytes, self._total_bytes),
                total_bytes=self._total_bytes,
                moved_bytes=self._moved_bytes,
                rate_bytes_per_s=rate,
                eta_s=left_bytes / rate if rate > 0 else None,
            )
