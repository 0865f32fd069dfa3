"""An engine that costs next to nothing: fixed JSON, or a stream whose chunks say when they were written.

It shares one event loop with the load generator (load.py), so that no scheduler decides between the two,
and reads HTTP by hand: only what the gateways in this benchmark send.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream" *: *true')

_ANSWER = (
    b'{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench","choices":'
    b'[{"index":0,"message":{"role":"assistant","content":"A short answer of a dozen words or so."},'
    b'"logprobs":null,"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":24,"completion_tokens":12,"total_tokens":36}}'
)
_MODELS = b'{"object":"list","data":[{"id":"bench","object":"model","created":1,"owned_by":"bench"}]}'

_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
)
_CHUNK = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench",'
    b'"choices":[{"index":0,"delta":{"content":"@%d@"},"logprobs":null,"finish_reason":null}]}\n\n'
)
_LAST = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench",'
    b'"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
_END = b"0\r\n\r\n"


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_JSON = _answer(_ANSWER)
_GET = _answer(_MODELS)
_LAST_FRAMED = _framed(_LAST) + _END


@dataclass
class Plan:
    """How streams are written. idle: after the first chunk nothing more comes until the client leaves."""

    chunks: int = 50
    interval_s: float = 0.02
    idle: bool = False


class EngineProtocol(asyncio.Protocol):
    def __init__(self, engine: MockEngine) -> None:
        self._engine = engine
        self._loop = engine.loop
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._left = 0  # bytes of a body still to come
        self._chunked = False
        self._tail = b""
        self._streams = False
        self._sent = 0
        self._next_s = 0.0

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._engine.connections += 1

    def connection_lost(self, exc) -> None:
        self._transport = None
        self._engine.connections -= 1

    def data_received(self, data: bytes) -> None:
        if self._chunked:
            self._tail = (self._tail + data)[-5:]
            if self._tail == _END:
                self._chunked = False
                self._respond()
        elif self._left:
            self._streams = self._streams or (len(data) < 4096 and _STREAM.search(data) is not None)
            self._left -= len(data)
            if self._left <= 0:
                self._left = 0
                self._respond()
        else:
            self._begin(self._head + data if self._head else data)

    def _begin(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._head = data
            return
        self._head = b""
        if data.startswith(b"GET"):
            self._transport.write(_GET)
            return
        # Whoever asks for a stream says so near the beginning or the end of the body.
        self._streams = _STREAM.search(data) is not None
        length = _LENGTH.search(data, 0, end)
        if length is None:
            self._chunked = True
            self._tail = data[-5:]
            if self._tail == _END:
                self._chunked = False
                self._respond()
            return
        if data[:end].lower().find(b"\r\nexpect:") >= 0:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._left = int(length[1]) - (len(data) - end - 4)
        if self._left <= 0:
            self._left = 0
            self._respond()

    def _respond(self) -> None:
        self._engine.requests += 1
        if not self._streams:
            self._transport.write(_JSON)
            return
        self._sent = 0
        self._next_s = self._loop.time()
        self._transport.write(_STREAM_HEAD)
        self._chunk()

    def _chunk(self) -> None:
        if self._transport is None:
            return
        plan = self._engine.plan
        self._sent += 1
        self._transport.write(_framed(_CHUNK % time.monotonic_ns()))
        if plan.idle:
            return
        if self._sent >= plan.chunks:
            self._transport.write(_LAST_FRAMED)
            return
        # From the plan, not from now: what is late once is not late for ever.
        self._next_s += plan.interval_s
        self._loop.call_at(self._next_s, self._chunk)


class MockEngine:
    """`plan` may be changed between measurements."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.plan = Plan()
        self.port = 0
        self.requests = 0
        self.connections = 0
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> int:
        self._server = await self.loop.create_server(
            lambda: EngineProtocol(self), "127.0.0.1", port, backlog=2048
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    def stop(self) -> None:
        self._server.close()
