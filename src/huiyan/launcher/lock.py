"""One launcher to a data directory: an advisory lock that the kernel lets go of when its holder dies."""

from __future__ import annotations

import fcntl
import os
from types import TracebackType
from typing import Any

from huiyan.errors import AlreadyRunningError
from huiyan.launcher.state import DataDir, read_info
from huiyan.messages import refusal


class DataDirLock:
    """Held from `__init__` until `release` or the end of the process."""

    def __init__(self, data_dir: DataDir, *, adopted: int | None = None) -> None:
        """adopted: a descriptor of it that holds the lock already. Raises: AlreadyRunningError, OSError."""
        if adopted is not None:
            self._fd = adopted
            return
        # Not inherited: a child that outlives the launcher by its few seconds must not hold it.
        self._fd = os.open(data_dir.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            info = read_info(data_dir)
            words: dict[str, Any] = {} if info is None else {"pid": info.pid, "url": info.url}
            raise refusal(
                AlreadyRunningError,
                "lock.running" if info is None else "lock.running_as",
                path=data_dir.root,
                **words,
            ) from None

    def fileno(self) -> int:
        return self._fd

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> DataDirLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_held(data_dir: DataDir) -> bool:
    """Whether a launcher lives on this data directory."""
    try:
        fd = os.open(data_dir.lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)
