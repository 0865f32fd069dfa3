"""`/api/events`: what changed, to every open page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from huiyan.gateway import sse

#: A page that does not read for this many events is cut off; it reconnects and gets the whole state.
_MAX_WAITING = 256

KEEP_ALIVE_S = 15.0


class EventHub:
    """Hands each event to every subscriber without ever waiting for one."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[bytes | None]] = set()
        #: Of administrators: they hear what is only theirs, too.
        self._admins: set[asyncio.Queue[bytes | None]] = set()
        self._closed = False

    def publish(self, name: str, payload: msgspec.Struct, *, admins_only: bool = False) -> None:
        data = sse.event(msgspec.json.encode(payload), name=name)
        for queue in list(self._queues & self._admins if admins_only else self._queues):
            try:
                queue.put_nowait(data)
            except asyncio.QueueFull:
                self._queues.discard(queue)

    async def subscribe(
        self, *first: tuple[str, msgspec.Struct], admin: bool = False
    ) -> AsyncIterator[bytes]:
        """Yield `first`, then every event, with comments in the silences; ends when the hub is closed."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_MAX_WAITING)
        self._queues.add(queue)
        if admin:
            self._admins.add(queue)
        try:
            for name, payload in first:
                yield sse.event(msgspec.json.encode(payload), name=name)
            while not self._closed and (queue in self._queues or not queue.empty()):
                try:
                    async with asyncio.timeout(KEEP_ALIVE_S):
                        data = await queue.get()
                except TimeoutError:
                    data = sse.KEEP_ALIVE
                if data is None:
                    return
                yield data
        finally:
            self._queues.discard(queue)
            self._admins.discard(queue)

    @property
    def subscribers(self) -> int:
        return len(self._queues)

    def close(self) -> None:
        self._closed = True
        for queue in list(self._queues):
            while queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
