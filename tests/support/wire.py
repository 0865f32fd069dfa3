"""One HTTP/1.1 connection whose bytes a test decides itself, with a strict reading of what comes back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import httptools
import msgspec

Json = Any  # a decoded JSON body; the tests look at what they expect in it

#: Every wait in the tests ends; nothing they wait for takes this long.
WAIT_S = 30.0


@dataclass
class Response:
    """headers: names in lower case, in their order. body: without transfer coding, as far as it came.

    ended: the message is whole as HTTP counts (length reached, or the last chunk seen).
    """

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False
    keep_alive: bool = True

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> Json:
        return msgspec.json.decode(bytes(self.body))

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")


class Wire:
    """`send` bytes, `request` in one call, or read piece by piece with `head` and `chunks`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str) -> None:
        self._reader = reader
        self._writer = writer
        self.authority = authority
        self._parser = httptools.HttpResponseParser(self)
        self._now = Response()
        self._head_done = False
        self._done: list[Response] = []
        self.closed = False

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, port: int, host: str = "127.0.0.1") -> AsyncIterator[Self]:
        reader, writer = await asyncio.open_connection(host, port)
        wire = cls(reader, writer, f"{host}:{port}")
        try:
            yield wire
        finally:
            writer.transport.abort()

    # sending
    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def head_bytes(
        self, method: str, target: str, headers: Sequence[tuple[str, str]] | Mapping[str, str] = ()
    ) -> bytes:
        """A request's head. Host is added unless given."""
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        if not any(name.lower() == "host" for name, _ in pairs):
            pairs.insert(0, ("Host", self.authority))
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in pairs), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def request_bytes(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        json: Json = None,
    ) -> bytes:
        """A whole request; a body brings its length, JSON its type."""
        given = dict(headers or {})
        if json is not None:
            body = msgspec.json.encode(json)
            given.setdefault("Content-Type", "application/json")
        if body is not None:
            given.setdefault("Content-Length", str(len(body)))
        return self.head_bytes(method, target, given) + (body or b"")

    async def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        json: Json = None,
    ) -> Response:
        """Send a request and read its whole response."""
        await self.send(self.request_bytes(method, target, headers, body=body, json=json))
        return await self.response()

    # reading
    async def _read_more(self) -> None:
        async with asyncio.timeout(WAIT_S):
            data = await self._reader.read(64 * 1024)
        if data:
            self._parser.feed_data(data)
            return
        self.closed = True
        self._writer.transport.abort()

    async def head(self) -> Response:
        """Wait for the status and the headers of the next response."""
        while not self._done and not self._head_done:
            if self.closed:
                raise ConnectionResetError("closed before the head of the response")
            await self._read_more()
        return self._done[0] if self._done else self._now

    async def response(self) -> Response:
        """Wait for the whole next response. Raises: ConnectionResetError if it does not become whole."""
        while not self._done:
            if self.closed:
                raise ConnectionResetError(f"closed within the response: {bytes(self._now.body)!r}")
            await self._read_more()
        return self._done.pop(0)

    async def body_until(self, marker: bytes) -> bytes:
        """Read on until `marker` has come; returns the body so far."""
        response = await self.head()
        while marker not in response.body:
            if response.ended or self.closed:
                raise AssertionError(f"{marker!r} never came: {bytes(response.body)!r}")
            await self._read_more()
        return bytes(response.body)

    async def body_of(self, size_bytes: int) -> bytes:
        """Read on until this much of the body has come; returns the body so far."""
        response = await self.head()
        while len(response.body) < size_bytes:
            if response.ended or self.closed:
                raise AssertionError(f"only {len(response.body)} bytes came: {bytes(response.body)!r}")
            await self._read_more()
        return bytes(response.body)

    async def rest(self) -> Response:
        """Everything until the message or the connection ends, whichever is first; see `Response.ended`."""
        response = await self.head()
        while not response.ended and not self.closed:
            with contextlib.suppress(ConnectionResetError):
                await self._read_more()
                continue
            self.closed = True
        if self._done:
            self._done.pop(0)
        return response

    async def until_closed(self) -> None:
        """Wait for the other side's end of stream (or its reset)."""
        with contextlib.suppress(ConnectionResetError):
            while not self.closed:
                await self._read_more()

    def abort(self) -> None:
        """Leave at once, as a closed browser tab does."""
        self._writer.transport.abort()

    # httptools callbacks
    def on_message_begin(self) -> None:
        self._now = Response()
        self._head_done = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self._now.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._now.status = self._parser.get_status_code()
        self._now.keep_alive = self._parser.should_keep_alive()
        self._head_done = self._now.status >= 200

    def on_body(self, body: bytes) -> None:
        self._now.body += body

    def on_message_complete(self) -> None:
        self._now.ended = True
        self._done.append(self._now)
        self._head_done = False


async def ask(
    port: int,
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    *,
    body: bytes | None = None,
    json: Json = None,
) -> Response:
    """One request on a connection of its own."""
    async with Wire.open(port) as wire:
        return await wire.ask(method, target, headers, body=body, json=json)
