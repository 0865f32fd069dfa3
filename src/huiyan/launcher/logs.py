"""`logs/huiyan.jsonl`: one file for the records of all processes, rotated by size.

Rotation renames: huiyan.jsonl is the newest, huiyan.jsonl.1 the one before. Only the launcher writes.
"""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from huiyan import log
from huiyan.launcher.engine_lines import EngineLines
from huiyan.log.follow import rotated

#: No record is longer; what follows is cut off its message.
_MAX_RECORD_BYTES = 64 * 1024


class LogSink:
    """Takes lines from children and from the launcher's own logging; safe from any thread."""

    def __init__(self, path: Path, *, max_bytes: int, files: int) -> None:
        """Raises: OSError when the directory cannot be made or the file not opened."""
        self._path = path
        self._max_bytes = max_bytes
        self._files = files
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")

    def writer(self, source: str) -> Callable[[str], None]:
        """For one life of a child: takes its lines, JSON objects or plain text."""
        if source == "engine":
            engine = EngineLines()
            return lambda line: self.write(engine.record(line))
        return lambda line: self.write(record_of(source, line))

    def write(self, record: dict[str, Any]) -> None:
        """Append one record. A full disk loses lines, and nothing else."""
        line = msgspec.json.encode(record) + b"\n"
        if len(line) > _MAX_RECORD_BYTES:
            line = msgspec.json.encode(_cut(record)) + b"\n"
        with self._lock, contextlib.suppress(OSError, ValueError):
            if self._file.tell() + len(line) > self._max_bytes and self._file.tell() > 0:
                self._rotate()
            self._file.write(line)
            self._file.flush()

    def close(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._files - 1, 0, -1):
            older = rotated(self._path, number)
            newer = rotated(self._path, number - 1)
            with contextlib.suppress(FileNotFoundError):
                newer.replace(older)
        if self._files == 1:
            self._path.unlink(missing_ok=True)
        self._file = self._path.open("ab")


class SinkStream(io.StringIO):
    """Lets `log.configure` write into a sink."""

    def __init__(self, sink: LogSink, source: str) -> None:
        super().__init__()
        self._sink = sink
        self._source = source

    def write(self, text: str, /) -> int:
        for line in text.splitlines():
            if line:
                self._sink.write(record_of(self._source, line))
        return len(text)


def record_of(source: str, line: str) -> dict[str, Any]:
    """A line of `source`, a process of ours, as a record: its own JSON object, or one around the text."""
    if line.startswith("{"):
        with contextlib.suppress(msgspec.MsgspecError):
            record = msgspec.json.decode(line, type=dict[str, Any])
            return {"ts": log.timestamp(time.time()), **record, "source": source}
    level = "error" if line.startswith("Traceback ") else "info"
    return {"ts": log.timestamp(time.time()), "level": level, "source": source, "message": log.redact(line)}


def _cut(record: dict[str, Any]) -> dict[str, Any]:
    """The fields that every record has, and as much of its message as may be kept."""
    kept = {
        name: record[name] for name in ("ts", "level", "source", "logger", "request_id") if name in record
    }
    # A character takes up to six bytes in JSON.
    return kept | {"message": str(record.get("message", ""))[: _MAX_RECORD_BYTES // 8], "cut": True}
