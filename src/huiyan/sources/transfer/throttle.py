"""A limit on bytes a second that all connections share."""

from __future__ import annotations

import threading
import time


class Throttle:
    """Time is handed out: each piece reserves the moments that it takes, and waits for its end.

    So the mean keeps to the limit whatever the sizes, and no unused time is saved up for a burst.
    """

    def __init__(self, bytes_per_s: int | None, cancel: threading.Event) -> None:
        self._bytes_per_s = bytes_per_s
        self._cancel = cancel
        self._lock = threading.Lock()
        self._free_at_s = 0.0

    def piece_bytes(self, most: int) -> int:
        """How much to read at once, so that a low limit does not come in gulps."""
        if self._bytes_per_s is None:
            return most
        return max(4096, min(most, self._bytes_per_s // 8))

    def take(self, size_bytes: int) -> None:
        """Wait until these bytes may have come."""
        if self._bytes_per_s is None:
            return
        with self._lock:
            now_s = time.monotonic()
            self._free_at_s = max(self._free_at_s, now_s) + size_bytes / self._bytes_per_s
            wait_s = self._free_at_s - now_s
        if wait_s > 0:
            self._cancel.wait(wait_s)
