"""Reads the log file through its rotations, without ever waiting: the caller asks again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

#: A rotation between two looks at the directory is seen and looked at again.
_TRIES = 8


def rotated(path: Path, number: int) -> Path:
    """Name of the file `number` rotations old; 0 is the file itself."""
    return path if number == 0 else path.with_name(f"{path.name}.{number}")


def rotations(path: Path) -> int:
    """How old the oldest file is. Not counted one by one: a rotation under way leaves a gap for a moment."""
    suffixes = (entry.name.removeprefix(f"{path.name}.") for entry in path.parent.glob(f"{path.name}.*"))
    return max((int(suffix) for suffix in suffixes if suffix.isdigit()), default=0)


class LogFollower:
    """Complete lines of the log, oldest first, each once. Not for several threads at the same time."""

    def __init__(self, path: Path, *, oldest: int = 0) -> None:
        """oldest: begin with the file that is so many rotations old, or the oldest there is.

        Raises: OSError, FileNotFoundError where there is no log.
        """
        self._path = path
        self._file = rotated(path, min(oldest, rotations(path))).open("rb")
        self._pending = b""

    def read(self, max_bytes: int) -> list[bytes]:
        """Lines that are there and were not handed out yet, about `max_bytes` of them at most.

        An empty list: nothing new now. Raises: OSError.
        """
        lines: list[bytes] = []
        left = max_bytes
        while left > 0:
            piece = self._file.read(left)
            if piece:
                left -= len(piece)
                *complete, self._pending = (self._pending + piece).split(b"\n")
                lines += [line for line in complete if line]
            elif not self._go_on():
                break
        return lines

    def backlog_bytes(self) -> int:
        """What is in the newest file and was not read yet; more than its size after a rotation."""
        with contextlib.suppress(OSError):
            size = self._path.stat().st_size
            if self._number() == 0:
                return max(0, size - self._file.tell())
            return size + max(0, os.fstat(self._file.fileno()).st_size - self._file.tell())
        return 0

    def skip_to_end(self, keep_bytes: int = 0) -> int:
        """Go to the last `keep_bytes` of the newest file, at the start of a line. Returns the bytes left out.

        Raises: OSError.
        """
        before = self.backlog_bytes()
        newest = self._path.open("rb")
        self._file.close()
        self._file, self._pending = newest, b""
        size = os.fstat(newest.fileno()).st_size
        start = max(0, size - keep_bytes)
        if start > 0:
            # One byte early: a line that begins right there is whole.
            newest.seek(start - 1)
            newest.readline()
        return max(0, before - (size - newest.tell()))

    def close(self) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        """Every line up to the present end."""
        while lines := self.read(1 << 20):
            yield from lines

    def _go_on(self) -> bool:
        """At the end of a file: open the one that came after it, if it was rotated away."""
        for _ in range(_TRIES):
            number = self._number()
            if number == 0:
                return False
            if os.fstat(self._file.fileno()).st_size > self._file.tell():
                # Written between our last read and the rotation.
                return True
            target = rotations(self._path) if number is None else number - 1
            try:
                following = rotated(self._path, target).open("rb")
            except FileNotFoundError:
                return False
            if self._number() == number:
                self._file.close()
                self._file, self._pending = following, b""
                return True
            following.close()
        return False

    def _number(self) -> int | None:
        """How many rotations old the open file is by now; None: it was thrown away."""
        own = os.fstat(self._file.fileno())
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(self._path.stat(), own):
                return 0
        for number in range(1, rotations(self._path) + 1):
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(rotated(self._path, number).stat(), own):
                    return number
        return None


def open_end(path: Path, keep_bytes: int) -> LogFollower:
    """A follower at the last `keep_bytes` of the log, the file before the newest included.

    Raises: OSError.
    """
    follower = LogFollower(path, oldest=1)
    if follower.backlog_bytes() > keep_bytes:
        follower.skip_to_end(keep_bytes)
    return follower
