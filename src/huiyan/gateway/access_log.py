"""One JSON line for each request on the hot path, written in batches.

The standard logging module costs more than proxying a small request; lines are gathered here and
written together. Nothing of a request but its method, path, status and id gets in, so that there is
nothing to redact.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TextIO

import msgspec

from huiyan.log import timestamp

_FLUSH_AFTER_S = 0.2


class AccessLog:
    """`stream` is the process's log (stderr under the launcher)."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def write(
        self,
        *,
        method: str,
        path: str,
        status: int,
        request_id: str,
        duration_s: float,
        sent_bytes: int,
        note: str = "",
    ) -> None:
        """note: why an answer was cut short, or that it was read from the buffer."""
        line = {
            "ts": timestamp(time.time()),
            "level": "info",
            "source": "gateway",
            "logger": "huiyan.access",
            "message": f"{method} {path} {status}",
            "request_id": request_id,
            "status": status,
            "duration_ms": round(duration_s * 1000, 1),
            "sent_bytes": sent_bytes,
        }
        if note:
            line["note"] = note
        self._lines.append(msgspec.json.encode(line))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_AFTER_S, self.flush)

    def flush(self) -> None:
        self._timer = None
        lines, self._lines = self._lines, []
        if lines:
            # A log that cannot be written must not take the service along.
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(b"\n".join(lines).decode() + "\n")
                self._stream.flush()
