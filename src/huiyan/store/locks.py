"""Locks between processes that die with their holder: flock on empty files.

The kernel lets go of them however a process ends, so none is ever stale. A lock file may be removed by
whoever holds it exclusively; that is why `acquire` looks again whether what it locked is still the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from huiyan.store.durable import failures_of

_POLL_S = 0.05
_SAY_EVERY_S = 0.5


class FileLock:
    """Held from `acquire` (or `with`) until `release` or the process ends. Threads exclude each other."""

    def __init__(
        self, path: Path, *, shared: bool = False, on_wait: Callable[[], None] | None = None
    ) -> None:
        """on_wait: called at once and twice a second while another holds it; what it raises ends the wait."""
        self._path = path
        self._how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        self._on_wait = on_wait
        self._fd = -1

    def acquire(self) -> None:
        """Wait for it. Raises: StoreError, and what `on_wait` raises."""
        next_word_s = 0.0
        while not self.try_acquire():
            if self._on_wait is not None and time.monotonic() >= next_word_s:
                self._on_wait()
                next_word_s = time.monotonic() + _SAY_EVERY_S
            time.sleep(_POLL_S)

    def try_acquire(self) -> bool:
        """Raises: StoreError."""
        with failures_of(self._path):
            while True:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
                try:
                    fcntl.flock(fd, self._how | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(fd)
                    return False
                except OSError:
                    os.close(fd)
                    raise
                if _is_still(fd, self._path):
                    self._fd = fd
                    return True
                # The one who held it removed it; locking the removed file would exclude nobody.
                os.close(fd)

    def release(self, *, remove: bool = False) -> None:
        """remove: the file, too; only for a lock that is held exclusively."""
        if self._fd < 0:
            return
        if remove:
            with contextlib.suppress(OSError):
                self._path.unlink()
        os.close(self._fd)
        self._fd = -1

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _is_still(fd: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(fd)
    return (opened.st_ino, opened.st_dev) == (named.st_ino, named.st_dev)
