"""Which ranges of a file that is being fetched are safely on disk: lines that are only ever appended.

Each line is written after its data was synced, and carries a checksum: a torn line counts for nothing.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from pathlib import Path

from huiyan.store.durable import new_file, temporary, write_all
from huiyan.store.ranges import Ranges

_MAX_BYTES = 4 * 1024 * 1024
#: More lines than this are joined into fewer when the file is opened again.
_MANY_LINES = 256


class Journal:
    def __init__(self, path: Path, size_bytes: int, data_bytes: int) -> None:
        """Open or make it. size_bytes: of the whole file; data_bytes: of the data file as it is now.

        Raises: OSError.
        """
        self._path = path
        self._clipped = False
        self._head = _line(f"huiyan-partial-1 {size_bytes}")
        if not self._read(data_bytes):
            self._write_anew()
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def _read(self, data_bytes: int) -> bool:
        """Fill `done`; False where the file has to be written anew before anything is appended."""
        self.done = Ranges()
        try:
            with self._path.open("rb") as file:
                text = file.read(_MAX_BYTES)
        except FileNotFoundError:
            return False
        head, *lines = text.splitlines(keepends=True) or [b""]
        if head != self._head:
            return False
        for line in lines:
            words = line.split()
            if len(words) != 3 or line != _line(b" ".join(words[:2]).decode("ascii", "replace")):
                # What is appended to a torn line would be lost with it.
                return False
            start, stop = int(words[0]), int(words[1])
            if stop > data_bytes:
                # The data was cut since. A later write beyond the cut would make the claim look right again.
                self.done.add(start, data_bytes)
                self._clipped = True
            else:
                self.done.add(start, stop)
        return len(lines) <= _MANY_LINES and not self._clipped

    def _write_anew(self) -> None:
        made = temporary(self._path.parent, "journal-")
        data = b"".join([self._head, *(_line(f"{start} {stop}") for start, stop in self.done)])
        try:
            new_file(made, data)
            made.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                made.unlink()
            raise

    def append(self, ranges: Ranges) -> None:
        """Ranges whose data has been synced. Raises: OSError."""
        data = b"".join(_line(f"{start} {stop}") for start, stop in ranges)
        if data:
            write_all(self._fd, data)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _line(text: str) -> bytes:
    return f"{text} {zlib.crc32(text.encode()):08x}\n".encode()
