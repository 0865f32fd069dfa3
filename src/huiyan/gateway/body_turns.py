"""Large bodies take turns, so that memory holds one and not all that come at once.

Receiving, parsing and handing on a body of megabytes is work for one core: doing so for four at once makes
none of them earlier, and takes four times the memory. So a connection whose body has grown large is not read
while another one's is; what the client sends meanwhile waits in the system's buffers (TCP's own back
pressure). A turn ends when the engine's connection has taken the body, or the body waits for something else.

Nobody can keep others waiting: whoever has the turn loses it as soon as bytes come slower than `_FAST_BYTES`
in `_SLICE_S`, and goes on without it, whether it is a client or an engine that is slow; and nobody waits
longer than `_LONGEST_S`, whatever stands before it. What is bounded for certain is the delay; memory is
bounded where both sides are fast.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, Protocol

#: Smaller bodies are read as they come.
LARGE_BYTES: Final = 128 * 1024

_SLICE_S: Final = 0.1
_FAST_BYTES: Final = 256 * 1024
_LONGEST_S: Final = 0.5


class Receiving(Protocol):
    """A body that is being received."""

    @property
    def received_bytes(self) -> int: ...

    def hold(self) -> None:
        """Stop reading until `go_on`, which follows in any case."""

    def go_on(self) -> None: ...


class BodyTurns:
    """Of one process; all methods are called from the loop's thread. Costs nothing while nobody waits."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._reading: Receiving | None = None
        self._seen_bytes = 0
        #: With the loop time at which each goes on in any case.
        self._waiting: deque[tuple[Receiving, float]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, body: Receiving) -> None:
        """A body has become large: it is read now, or after those before it. Once for each body."""
        if self._reading is None:
            self._give(body)
            return
        body.hold()
        self._waiting.append((body, self._loop.time() + _LONGEST_S))
        if self._timer is None:
            self._seen_bytes = self._reading.received_bytes
            self._timer = self._loop.call_later(_SLICE_S, self._look)

    def leave(self, body: Receiving) -> None:
        """It is through, refused, or its client is gone. Harmless for one that has left."""
        if self._reading is body:
            self._next()
            return
        for entry in self._waiting:
            if entry[0] is body:
                self._waiting.remove(entry)
                # What follows it on the connection, its end above all, is to be seen.
                body.go_on()
                return

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def _give(self, body: Receiving) -> None:
        self._reading = body
        self._seen_bytes = body.received_bytes

    def _next(self) -> None:
        self._reading = None
        if self._waiting:
            body, _ = self._waiting.popleft()
            self._give(body)
            body.go_on()

    def _look(self) -> None:
        """Whoever reads slowly loses the turn; whoever has waited long enough goes on without one."""
        self._timer = None
        reading = self._reading
        if reading is not None:
            if reading.received_bytes - self._seen_bytes < _FAST_BYTES:
                self._next()
            else:
                self._seen_bytes = reading.received_bytes
        now_s = self._loop.time()
        while self._waiting and self._waiting[0][1] <= now_s:
            self._waiting.popleft()[0].go_on()
        if self._waiting:
            self._timer = self._loop.call_later(_SLICE_S, self._look)
