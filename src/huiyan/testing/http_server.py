"""A small HTTP/1.1 server with full control over bytes and connections, for stand-ins.

It has llama.cpp's habits (cpp-httplib's): keep-alive with a limit in idle time and in requests,
`Connection: close` after every error.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import httptools

from huiyan.testing.recording import RecordedRequest

Handler = Callable[["Connection", RecordedRequest], Awaitable[None]]


class Connection(asyncio.Protocol):
    """One client's connection; requests are handled one after the other."""

    def __init__(self, server: HttpServer, number: int) -> None:
        self.server = server
        self.number = number
        self.transport: asyncio.Transport | None = None
        self.gone = asyncio.Event()
        self.served = 0
        self._on_gone: Callable[[], None] | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[RecordedRequest] = deque()
        self._task: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._target, self._headers, self._body = b"", list[tuple[str, str]](), bytearray()

    # asyncio.Protocol
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self.server.receive_buffer_bytes is not None:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.server.receive_buffer_bytes)
        self.server.connections.add(self)
        self._start_idle_timer()

    def data_received(self, data: bytes) -> None:
        self._stop_idle_timer()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()
            return
        if self.server.read_pause_s > 0 and self.transport is not None:
            self.transport.pause_reading()
            self._loop.call_later(self.server.read_pause_s, self._resume)

    def _resume(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_idle_timer()
        self.gone.set()
        self._writable.set()
        if self._on_gone is not None:
            self._on_gone()
        self.server.connections.discard(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # httptools callbacks
    def on_message_begin(self) -> None:
        self._target, self._headers, self._body = b"", [], bytearray()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if ("expect", "100-continue") in self._headers and self.transport is not None:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        request = RecordedRequest(
            method=self._parser.get_method().decode("ascii"),
            target=self._target.decode("latin-1"),
            headers=tuple(self._headers),
            body=bytes(self._body),
            connection=self.number,
            received_s=self._loop.time(),
        )
        self._waiting.append(request)
        if self._task is None:
            self._task = self._loop.create_task(self._serve())

    # serving
    async def _serve(self) -> None:
        try:
            while self._waiting and not self.gone.is_set():
                self.served += 1
                await self.server.handler(self, self._waiting.popleft())
        except ConnectionError:
            self.abort()
        finally:
            self._task = None
            self._start_idle_timer()

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the connection ends; it takes the place of the one before."""
        self._on_gone = callback

    @property
    def is_idle(self) -> bool:
        return self._task is None and not self._waiting

    def _start_idle_timer(self) -> None:
        if self.server.keep_alive_s is not None and not self.gone.is_set():
            self._idle = self._loop.call_later(self.server.keep_alive_s, self.close)

    def _stop_idle_timer(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    async def write(self, data: bytes) -> None:
        """Send, waiting for a slow client. Raises: ConnectionResetError once the client is gone."""
        if self.gone.is_set() or self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the client is gone")
        self.transport.write(data)
        await self._writable.wait()

    async def write_head(self, status: int, headers: dict[str, str], *, closes: bool) -> None:
        ended = "Connection: close" if closes else f"Keep-Alive: timeout=5, max={self.server.max_requests}"
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Server: llama.cpp"]
        lines += [f"{name}: {value}" for name, value in headers.items()] + [ended, "", ""]
        await self.write("\r\n".join(lines).encode("latin-1"))

    async def write_body(
        self, status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None
    ) -> None:
        """A whole response. Errors, and the last request that a connection may bring, close it."""
        closes = status >= 400 or self.served >= self.server.max_requests
        sizes = {"Content-Type": content_type, "Content-Length": str(len(body))}
        await self.write_head(status, sizes | (headers or {}), closes=closes)
        await self.write(body)
        if closes:
            self.close()

    async def write_chunk(self, data: bytes) -> None:
        await self.write(b"%x\r\n%b\r\n" % (len(data), data))

    def close(self) -> None:
        """End of stream after what is queued."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """At once; what is queued is lost."""
        if self.transport is not None:
            self.transport.abort()

    def reset(self) -> None:
        """TCP reset instead of an end of stream."""
        if self.transport is not None:
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()

    async def cancel_task(self) -> None:
        if self._task is not None:
            task = self._task
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class HttpServer:
    """Listens on loopback and hands every request to `handler`.

    keep_alive_s: idle connections are closed after it; None keeps them. max_requests: on one connection.
    read_pause_s: wait after each piece of a request that arrives (a slow reader);
    receive_buffer_bytes: the kernel's buffer for it, so that a slow reader is felt by the sender.
    """

    def __init__(
        self, handler: Handler, *, keep_alive_s: float | None = 5.0, max_requests: int = 100
    ) -> None:
        self.handler = handler
        self.keep_alive_s = keep_alive_s
        self.max_requests = max_requests
        self.read_pause_s = 0.0
        self.receive_buffer_bytes: int | None = None
        self.connections: set[Connection] = set()
        self.accepted = 0
        self._server: asyncio.Server | None = None

    def _connect(self) -> Connection:
        self.accepted += 1
        return Connection(self, self.accepted)

    async def start(self, port: int = 0) -> int:
        """Listen; returns the port. Raises: OSError if it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def start_on(self, listening: socket.socket) -> int:
        """Listen on a TCP socket that was made elsewhere; returns its port."""
        self._server = await asyncio.get_running_loop().create_server(self._connect, sock=listening)
        return int(listening.getsockname()[1])

    async def start_unix(self, path: str) -> None:
        """Listen on a unix socket. Raises: OSError."""
        self._server = await asyncio.get_running_loop().create_unix_server(self._connect, path)

    async def stop(self) -> None:
        """Close the port and drop every connection, as the end of the process would."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self.connections):
            connection.abort()
        for connection in list(self.connections):
            await connection.cancel_task()

    def close_idle_connections(self) -> int:
        """Close the kept-alive connections that wait for a request; returns how many."""
        idle = [connection for connection in self.connections if connection.is_idle]
        for connection in idle:
            connection.close()
        return len(idle)
