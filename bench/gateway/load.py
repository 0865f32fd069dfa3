"""The load: kept-alive connections that ask, read the whole answer and ask again.

Latencies are nanoseconds of CLOCK_MONOTONIC, which the mock engine stamps its chunks with as well.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_STAMP = re.compile(rb"@(\d+)@")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def request(
    port: int,
    body: bytes | Sequence[bytes],
    *,
    key: str = "bench-key",
    content_type: str = "application/json",
    path: str = "/v1/chat/completions",
) -> bytes:
    """A whole request as bytes. body: joined here, once."""
    whole = body if isinstance(body, bytes) else b"".join(body)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: {content_type}\r\ncontent-length: {len(whole)}\r\n\r\n"
    )
    return head.encode("ascii") + whole


class LoadError(RuntimeError):
    """A gateway answered with something that is no success."""


@dataclass
class Sample:
    """latencies_ns: one a request. transits_ns: one a chunk. wall_s: of the whole measurement."""

    latencies_ns: list[int] = field(default_factory=list)
    transits_ns: list[int] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def requests(self) -> int:
        return len(self.latencies_ns)

    @property
    def per_s(self) -> float:
        return self.requests / self.wall_s


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Client(asyncio.Protocol):
    """One connection. `done` is called when an answer is whole; it calls `ask` for the next one."""

    def __init__(self, sample: Sample, done: Callable[[Client], None], failed: Callable[[str], None]) -> None:
        self._sample = sample
        self._done = done
        self._failed = failed
        self._transport: asyncio.Transport | None = None
        self._asked_ns = 0
        self._head = b""
        self._left = -1  # bytes of a body with a length; -1: not in such a body
        self._chunked = False
        self._tail = b""
        self._busy = False
        self.chunks = 0

    def connection_made(self, transport) -> None:
        self._transport = transport

    def connection_lost(self, exc) -> None:
        if self._busy:
            self._failed("the connection was closed within an answer")

    def ask(self, data: bytes) -> None:
        self._busy = True
        self.chunks = 0
        self._asked_ns = time.monotonic_ns()
        self._transport.write(data)

    def close(self) -> None:
        self._busy = False
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._chunked:
            self._read_chunked(data)
        elif self._left >= 0:
            self._left -= len(data)
            if self._left <= 0:
                self._whole()
        else:
            self._read_head(self._head + data if self._head else data)

    def _read_head(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._head = data
            return
        self._head = b""
        if data[9:12] != b"200":
            if data[9:12] == b"100":
                self._read_head(data[end + 4 :])
                return
            self._busy = False
            self._failed(data[:600].decode("utf-8", "replace"))
            return
        length = _LENGTH.search(data, 0, end)
        if length is not None:
            self._left = int(length[1]) - (len(data) - end - 4)
            if self._left <= 0:
                self._whole()
            return
        self._chunked = True
        self._tail = b""
        self._read_chunked(data[end + 4 :])

    def _read_chunked(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        joined = self._tail + data
        position = 0
        for stamp in _STAMP.finditer(joined):
            self._sample.transits_ns.append(now_ns - int(stamp[1]))
            self.chunks += 1
            position = stamp.end()
        if joined.endswith(b"0\r\n\r\n") and joined[-7:-5] in (b"\r\n", b""):
            self._chunked = False
            self._tail = b""
            self._whole()
        else:
            # A stamp may be cut in two; one that was read must not be read again.
            self._tail = joined[max(position, len(joined) - 64) :]

    def _whole(self) -> None:
        self._left = -1
        self._busy = False
        self._sample.latencies_ns.append(time.monotonic_ns() - self._asked_ns)
        self._done(self)


async def connect(
    port: int, sample: Sample, done: Callable[[Client], None], failed: Callable[[str], None]
) -> Client:
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(sample, done, failed), "127.0.0.1", port)
    return client


async def closed_loop(
    port: int, data: bytes, *, at_once: int, total: int, stagger_s: float = 0.0, limit_s: float = 300.0
) -> Sample:
    """`total` requests over `at_once` connections, each asking again when it has its answer.

    stagger_s: between the first requests, so that streams do not tick together.
    Raises LoadError, TimeoutError.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    sample = Sample()
    asked = 0

    def next_one(client: Client) -> None:
        nonlocal asked
        if asked < total:
            asked += 1
            client.ask(data)
        elif sample.requests >= total and not over.done():
            over.set_result(None)

    def failed(why: str) -> None:
        if not over.done():
            over.set_exception(LoadError(why))

    clients = [await connect(port, sample, next_one, failed) for _ in range(at_once)]
    began_s = loop.time()
    try:
        for client in clients:
            next_one(client)
            if stagger_s:
                await asyncio.sleep(stagger_s)
        async with asyncio.timeout(limit_s):
            await over
        sample.wall_s = loop.time() - began_s
    finally:
        for client in clients:
            client.close()
    return sample
