"""What a fake engine saw of one request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(eq=False)
class RecordedRequest:
    """Times are those of the event loop's clock (`loop.time()`), in seconds.

    headers: in their order, names in lower case. connection: number of the connection it came on.
    cancelled: set when the client left before the answer was out; finished: when the answer was out.
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    connection: int
    received_s: float
    chunks_sent: int = 0
    cancelled_s: float | None = None
    finished_s: float | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """The first value of `name`, in any case; None if it was not sent."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def json(self) -> Any:
        """The body decoded. Raises: msgspec.DecodeError."""
        return msgspec.json.decode(self.body)

    def finish(self) -> None:
        """Note that the engine is done with it (also by dying on purpose)."""
        if not self.finished.is_set() and not self.cancelled.is_set():
            self.finished_s = asyncio.get_running_loop().time()
            self.finished.set()

    def cancel(self) -> None:
        """Note that the client is gone, unless the answer was out before."""
        if not self.finished.is_set() and not self.cancelled.is_set():
            self.cancelled_s = asyncio.get_running_loop().time()
            self.cancelled.set()

    async def was_cancelled(self, timeout_s: float = 5.0) -> float:
        """Wait until the client left; returns when. Raises: TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self.cancelled.wait()
        assert self.cancelled_s is not None
        return self.cancelled_s

    async def was_finished(self, timeout_s: float = 5.0) -> None:
        """Wait until the whole answer was sent. Raises: TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self.finished.wait()
