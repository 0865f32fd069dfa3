"""The SHA-256 of a file that is still being written, in any order: hashed in order as its prefix grows.

A thread reads behind the writers, out of the page cache, so that the digest is there a moment after the
last byte. Small files are hashed at the end, without a thread.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from typing import Final

_PIECE_BYTES: Final = 1024 * 1024
_SMALL_BYTES: Final = 4 * 1024 * 1024


class PrefixHash:
    def __init__(self, fd: int, size_bytes: int, prefix: Callable[[], int]) -> None:
        """fd: open for reading for as long as this lives. prefix: how much is there without a gap."""
        self._fd = fd
        self._size_bytes = size_bytes
        self._prefix = prefix
        self._digest = hashlib.sha256()
        self._hashed = 0
        self._wake = threading.Event()
        self._stop = False
        self._failure: OSError | None = None
        self._buffer = bytearray(min(_PIECE_BYTES, max(size_bytes, 1)))
        self._thread: threading.Thread | None = None
        if size_bytes > _SMALL_BYTES:
            self._thread = threading.Thread(target=self._follow, name="huiyan-hash", daemon=True)
            self._thread.start()

    def grew(self) -> None:
        """Called after a write."""
        self._wake.set()

    def finish(self) -> str:
        """The digest, once everything is there. Raises: OSError."""
        if self._thread is not None:
            self._wake.set()
            self._thread.join()
        else:
            self._catch_up()
        if self._failure is not None:
            raise self._failure
        return self._digest.hexdigest()

    def close(self) -> None:
        """Stop reading; the descriptor may be closed after it."""
        self._stop = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        try:
            while not self._stop and self._hashed < self._size_bytes:
                self._wake.wait()
                self._wake.clear()
                self._catch_up()
        except OSError as error:
            self._failure = error

    def _catch_up(self) -> None:
        view = memoryview(self._buffer)
        while not self._stop and self._hashed < (stop := self._prefix()):
            count = os.preadv(self._fd, [view[: min(len(view), stop - self._hashed)]], self._hashed)
            if count == 0:
                raise OSError(5, "the file was cut while it was being written")
            self._digest.update(view[:count])
            self._hashed += count
