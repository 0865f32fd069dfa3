"""The SHA-256 of a file that is still being written, in any order: hashed in order as its prefix grows.

Where as many files come at once as there are cores, whoever writes the next bytes hashes them in passing,
while they lie in the core's cache. Where cores are free, a thread reads behind the writers, out of the page
cache, so that a single connection need not wait for the hash; so it does with what came out of order.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from typing import Final

_PIECE_BYTES: Final = 1024 * 1024
#: Smaller files are never worth a thread.
_SMALL_BYTES: Final = 4 * 1024 * 1024


class _Crowd:
    """How many large files this process is writing, beside how many cores it may use."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._files = 0
        self._cores = (
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        )

    def change(self, by: int) -> None:
        with self._guard:
            self._files += by

    @property
    def leaves_no_core(self) -> bool:
        return self._files >= self._cores


_crowd: Final = _Crowd()


class PrefixHash:
    """Thread-safe."""

    def __init__(self, fd: int, size_bytes: int, prefix: Callable[[], int]) -> None:
        """fd: open for reading for as long as this lives. prefix: how much is there without a gap."""
        self._fd = fd
        self._size_bytes = size_bytes
        self._prefix = prefix
        #: Guards the two below it.
        self._guard = threading.Lock()
        self._digest = hashlib.sha256()
        self._hashed = 0
        self._wake = threading.Event()
        self._stop = False
        self._failure: OSError | None = None
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_large = size_bytes > _SMALL_BYTES
        if self._is_large:
            _crowd.change(+1)
        self._look_behind()

    def wrote(self, offset: int, data: memoryview) -> None:
        """Called after each write, with what was written; those bytes never change any more."""
        in_passing = not self._is_large or _crowd.leaves_no_core
        if in_passing and self._guard.acquire(blocking=False):
            try:
                if offset <= self._hashed < offset + len(data):
                    self._digest.update(data[self._hashed - offset :])
                    self._hashed = offset + len(data)
            finally:
                self._guard.release()
        self._look_behind()

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
        """Stop reading; the descriptor may be closed after it. Called once."""
        self._stop = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        if self._is_large:
            _crowd.change(-1)

    def _look_behind(self) -> None:
        """Have the thread hash what is there and was not hashed in passing."""
        if not self._is_large or self._prefix() <= self._hashed:
            return
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    thread = threading.Thread(target=self._follow, name="huiyan-hash", daemon=True)
                    thread.start()
                    self._thread = thread
        self._wake.set()

    def _follow(self) -> None:
        try:
            while not self._stop and self._hashed < self._size_bytes:
                self._wake.wait()
                self._wake.clear()
                self._catch_up()
        except OSError as error:
            self._failure = error

    def _catch_up(self) -> None:
        view: memoryview | None = None
        while not self._stop and self._hashed < (stop := self._prefix()):
            if view is None:
                view = memoryview(bytearray(min(_PIECE_BYTES, self._size_bytes)))
            with self._guard:
                # A writer may have taken some of it meanwhile, or all.
                count = os.preadv(self._fd, [view[: max(0, stop - self._hashed)]], self._hashed)
                if count == 0 and self._hashed < stop:
                    raise OSError(errno.EIO, "the file was cut while it was being written")
                self._digest.update(view[:count])
                self._hashed += count
