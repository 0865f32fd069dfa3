"""A process that kills itself at its n-th call of the file system, so that kills are dense and repeatable.

Run in the child, before the work: `die_at(n)`. What counts is every call that changes a file or a directory,
as CPython's audit hooks and the wrapped `os` functions see it: SIGKILL arrives before the call, and for those
that make data durable also right after it. Nothing is raised and nothing is cleaned up.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

#: Changes that audit hooks announce, before they happen.
_AUDITED = frozenset(
    {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.truncate", "os.chmod"}
)
#: Changes that they do not.
_WRAPPED = ("fsync", "fdatasync", "pwrite", "ftruncate", "write")


class _Count:
    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.seen = 0

    def step(self) -> None:
        self.seen += 1
        if self.seen == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


def die_at(point: int) -> Callable[[], int]:
    """Begin to count; 0: never. Returns what tells how many points there have been."""
    count = _Count(point)

    def audited(event: str, arguments: tuple[Any, ...]) -> None:  # Any: of every event there is
        if event in _AUDITED or (event == "open" and _writes(arguments)):
            count.step()

    def wrap(name: str) -> None:
        real = getattr(os, name)

        def wrapped(*arguments: Any, **named: Any) -> Any:  # Any: any function of os
            count.step()
            result = real(*arguments, **named)
            count.step()
            return result

        setattr(os, name, wrapped)

    for name in _WRAPPED:
        if hasattr(os, name):
            wrap(name)
    sys.addaudithook(audited)
    return lambda: count.seen


def _writes(arguments: tuple[Any, ...]) -> bool:  # Any: path, mode, flags
    mode, flags = arguments[1], arguments[2]
    return (isinstance(mode, str) and any(letter in mode for letter in "wxa+")) or bool(
        isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    )
