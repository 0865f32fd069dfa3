"""What a tool says (stderr, rubbish on stdout, its ends), in a bounded file of its own."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Final

_MAX_BYTES: Final = 1024 * 1024


class ToolLog:
    """Two files of at most a mebibyte; a disk that is full costs lines, not calls."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def older(self) -> Path:
        return self._path.with_name(self._path.name + ".1")

    def write(self, data: bytes) -> None:
        """What the tool wrote, as it came."""
        with contextlib.suppress(OSError):
            if self._path.exists() and self._path.stat().st_size + len(data) > _MAX_BYTES:
                self._path.replace(self.older)
            with self._path.open("ab") as file:
                file.write(data[:_MAX_BYTES])

    def note(self, words: str) -> None:
        """What huiyan has to say of it."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        self.write(f"\n[huiyan {stamp}Z] {words}\n".encode("utf-8", "replace"))

    def tail(self, lines: int) -> list[str]:
        """The last so many lines, without what a terminal would obey."""
        data = b""
        for path in (self.older, self._path):
            with contextlib.suppress(OSError):
                data += path.read_bytes()
        text = data.decode("utf-8", "replace").splitlines()[-lines:] if lines else []
        return ["".join(c if c.isprintable() or c == "\t" else "�" for c in line) for line in text]
