"""One JSON line for each request on the hot path, written in batches.

The standard logging module costs more than proxying a small request; lines are gathered here and
written together. Nothing of a request but its method, path, status and id gets in; of those, only what
a client chose itself can hold a secret that was put in the wrong place.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from typing import TextIO

import msgspec

from huiyan.log import MASK, redact, timestamp

#: Paths that hold nothing a client chose: nothing to redact on the hot path.
_FIXED_PATHS = frozenset({"/v1/chat/completions", "/v1/completions"})
#: In a path, that long is a digest, or nothing that belongs there.
_LONG = re.compile(r"(?<![\w%+=-])(?!(?:[0-9a-f]{64}|[0-9a-f-]{36})(?![\w%+=-]))[\w%+=-]{33,}")
_LOOKS_LIKE_KEY = ("hy-", "sk-", "hf_", "hy_", "sk_", "hf-")

_FLUSH_AFTER_S = 0.2


class _Line(msgspec.Struct, gc=False):
    """Named as log.JsonFormatter names them."""

    ts: str
    message: str
    request_id: str
    status: int
    duration_ms: float
    sent_bytes: int
    note: str | msgspec.UnsetType = msgspec.UNSET
    level: str = "info"
    source: str = "gateway"
    logger: str = "huiyan.access"


class AccessLog:
    """`stream` is the process's log (stderr under the launcher)."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[_Line] = []
        self._timer: asyncio.TimerHandle | None = None
        self._encoder = msgspec.json.Encoder()
        self._second = 0
        self._second_text = ""

    def write(
        self,
        method: str,
        path: str,
        status: int,
        request_id: str,
        duration_s: float,
        sent_bytes: int,
        note: str = "",
    ) -> None:
        """note: why an answer was cut short, or that it was read from the buffer."""
        if path not in _FIXED_PATHS:
            path = _LONG.sub(MASK, redact(path))
        if request_id.startswith(_LOOKS_LIKE_KEY):
            request_id = MASK
        now_s = time.time()
        second = int(now_s)
        if second != self._second:
            # The whole date is formatted once a second.
            self._second, self._second_text = second, timestamp(second)[: -len("000Z")]
        self._lines.append(
            _Line(
                f"{self._second_text}{int((now_s - second) * 1000):03d}Z",
                f"{method} {path} {status}",
                request_id,
                status,
                int(duration_s * 10_000 + 0.5) / 10,  # `round` takes 0.4 µs
                sent_bytes,
                note or msgspec.UNSET,
            )
        )
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_AFTER_S, self.flush)

    def flush(self) -> None:
        self._timer = None
        lines, self._lines = self._lines, []
        if lines:
            # A log that cannot be written must not take the service along.
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(self._encoder.encode_lines(lines).decode())
                self._stream.flush()
