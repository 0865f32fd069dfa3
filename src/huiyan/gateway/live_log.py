"""The log as it is written, for administrators: `/api/admin/logs`. The launcher writes the file.

Bounded on every side: streams at the same time, bytes read and lines sent a turn; a reader that cannot
keep up is told how much it missed instead of holding memory.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from huiyan.errors import NotFoundError, QueueFullError
from huiyan.gateway import sse
from huiyan.log.choice import Choice
from huiyan.log.follow import LogFollower, open_end

MAX_STREAMS: Final = 8
#: What is looked through for the lines that come first.
_HISTORY_BYTES: Final = 4 << 20
_TURN_S: Final = 0.25
_TURN_BYTES: Final = 1 << 20
_TURN_LINES: Final = 50  # 200 a second
_BACKLOG_BYTES: Final = 4 << 20
_KEEP_ALIVE_S: Final = 15.0


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """`event: skipped`. lines: that were chosen and not sent; bytes: of the log that nobody looked at."""

    lines: int = 0
    bytes: int = 0


class LiveLog:
    """path: of the file that the launcher writes; None where there is no launcher."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._closed = asyncio.Event()
        self.streams = 0

    def close(self) -> None:
        """End every stream: none of them would end by itself."""
        self._closed.set()

    async def open(self, choice: Choice, *, lines: int) -> AsyncIterator[bytes]:
        """The last `lines` chosen records, then what comes, as SSE. Raises: NotFoundError, QueueFullError."""
        if self._path is None:
            raise NotFoundError(
                "This gateway has no log file: it was not started by the launcher.",
                hint="Its log goes to stderr, wherever that was sent to.",
            )
        if self.streams >= MAX_STREAMS:
            raise QueueFullError(
                "The log is being watched too often.", retry_after_s=30.0, hint="Close some of the pages."
            )
        try:
            follower = await asyncio.to_thread(open_end, self._path, _HISTORY_BYTES)
        except OSError:
            raise NotFoundError(
                "The log file is not there, or not readable.", hint="Run `huiyan doctor`."
            ) from None
        return self._stream(_Reader(follower, choice), lines)

    async def _stream(self, reader: _Reader, lines: int) -> AsyncIterator[bytes]:
        self.streams += 1
        loop = asyncio.get_running_loop()
        try:
            for event in await asyncio.to_thread(reader.history, lines):
                yield event
            yield sse.event(b"{}", name="live")
            sent_s = loop.time()
            while not self._closed.is_set():
                events = await asyncio.to_thread(reader.turn)
                if events:
                    yield b"".join(events)
                    sent_s = loop.time()
                elif loop.time() - sent_s > _KEEP_ALIVE_S:
                    yield sse.KEEP_ALIVE
                    sent_s = loop.time()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closed.wait(), _TURN_S)
        finally:
            self.streams -= 1
            reader.close()


class _Reader:
    """Reads and chooses, in threads, one at a time."""

    def __init__(self, follower: LogFollower, choice: Choice) -> None:
        self._follower = follower
        self._choice = choice

    def history(self, lines: int) -> list[bytes]:
        kept: list[bytes] = []
        while read := self._follower.read(_TURN_BYTES):
            kept = (kept + self._chosen(read))[-lines:] if lines else []
        return [_log_event(line) for line in kept]

    def turn(self) -> list[bytes]:
        """What is new, at most what a turn may send."""
        try:
            missed_bytes = 0
            if self._follower.backlog_bytes() > _BACKLOG_BYTES:
                missed_bytes = self._follower.skip_to_end(_TURN_BYTES)
            chosen = self._chosen(self._follower.read(_TURN_BYTES))
        except OSError:
            # The disk is gone or the file was taken away; it may come back.
            return []
        # The newest are the ones that somebody who watches wants.
        missed_lines = max(0, len(chosen) - _TURN_LINES)
        events = [_log_event(line) for line in chosen[missed_lines:]]
        if missed_lines or missed_bytes:
            skipped = Skipped(lines=missed_lines, bytes=missed_bytes)
            events.insert(0, sse.event(msgspec.json.encode(skipped), name="skipped"))
        return events

    def close(self) -> None:
        self._follower.close()

    def _chosen(self, lines: list[bytes]) -> list[bytes]:
        return [line for line in lines if self._takes(line)]

    def _takes(self, line: bytes) -> bool:
        try:
            record = msgspec.json.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        return isinstance(record, dict) and self._choice.takes(record)


def _log_event(line: bytes) -> bytes:
    return sse.event(line, name="log")
