"""The numbers of all workers in one answer of `/metrics`, whichever of them is asked.

The worker that is asked sends its own numbers to the coordinator, which asks the others. The coordinator
keeps what it saw last of each worker: the counts of one that ends stay in the sum, since a counter that goes
down would be taken for a restart of all.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import msgspec

from huiyan.gateway.metrics import Snapshot
from huiyan.gateway.workers import frames as f

if TYPE_CHECKING:
    from huiyan.gateway.metrics import Metrics
    from huiyan.gateway.workers.client import CoordinatorClient

#: Who has not answered by then is left out this time: a scrape must not wait for a worker that hangs.
_WAIT_S: Final = 2.0

_decoder = msgspec.msgpack.Decoder(Snapshot)


class ScrapeDesk:
    """In a worker: asks for the others' numbers, and tells its own. Made with the connection."""

    def __init__(self, client: CoordinatorClient, metrics: Metrics, *, wait_s: float = _WAIT_S) -> None:
        self._client = client
        self._metrics = metrics
        self._wait_s = wait_s
        self._open: dict[int, _Scrape] = {}

    async def others(self) -> list[Snapshot]:
        """The numbers of all other workers, and of those that have ended."""
        if not self._client.connected:
            return []
        number = self._client.next_number()
        scrape = self._open[number] = _Scrape()
        try:
            self._client.send(f.Scrape(number, self._own()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s):
                    await scrape.whole.wait()
        finally:
            del self._open[number]
        return scrape.found

    def received(self, frame: f.Scraping | f.Tell | f.Told) -> None:
        if isinstance(frame, f.Tell):
            self._client.send(f.Told(frame.number, frame.worker, self._own()))
            return
        scrape = self._open.get(frame.number)
        if scrape is not None:
            scrape.add(frame)

    def _own(self) -> bytes:
        return msgspec.msgpack.encode(self._metrics.snapshot())


class _Scrape:
    def __init__(self) -> None:
        self.found: list[Snapshot] = []
        self.whole = asyncio.Event()
        self._told = 0
        self._expected: int | None = None

    def add(self, frame: f.Scraping | f.Told) -> None:
        if isinstance(frame, f.Scraping):
            self._expected = frame.others
            if frame.ended:
                self.found.append(_decoder.decode(frame.ended))
        else:
            self._told += 1
            self.found.append(_decoder.decode(frame.numbers))
        if self._told == self._expected:
            self.whole.set()


class ScrapeLedger:
    """In the coordinator: what each worker said last, and what those said that have ended."""

    def __init__(self) -> None:
        self._last: dict[int, bytes] = {}
        self._ended: Snapshot | None = None

    def told(self, worker: int, numbers: bytes) -> None:
        self._last[worker] = numbers

    def lost(self, worker: int) -> None:
        """Its counts stay in the sum; its gauges measured what is no more."""
        numbers = self._last.pop(worker, None)
        if numbers is None:
            return
        try:
            last = _decoder.decode(numbers)
        except msgspec.DecodeError:  # it was going wrong before it ended
            return
        last.gauges = {}
        if self._ended is None:
            self._ended = last
        else:
            self._ended.add(last)

    @property
    def ended(self) -> bytes:
        return b"" if self._ended is None else msgspec.msgpack.encode(self._ended)
