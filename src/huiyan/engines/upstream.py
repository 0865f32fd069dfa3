"""HTTP/1.1 client to one engine: pooled connections, callbacks instead of a task per request.

Own code because it stands on the gateway's hot path: httpx looks at every pooled connection on
every request (encode/httpx issue 3215), and aiohttp's client alone costs more than the rest of a
proxied request. Parsing is httptools' (llhttp).
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import httptools
import msgspec

from huiyan.engines import lost_host
from huiyan.engines.known_head import KnownHead, known_head
from huiyan.engines.status import EngineEndpoint
from huiyan.errors import EngineDiedError, EngineError, EngineProtocolError, EngineTimeoutError

Headers = list[tuple[bytes, bytes]]

_UNANNOUNCED_KEEP_ALIVE_S = 4.0

#: Up to here, one copy is cheaper than a list for the system to gather.
_SMALL_BYTES = 16 * 1024

#: Of a body of megabytes: what may be left to be sent while the rest of it is let go of.
_TAIL_BYTES = 512 * 1024


class Listener(Protocol):
    """Told what comes back. After `on_end` or `on_error` nothing more is called."""

    def on_head(self, status: int, headers: Headers) -> None:
        """Status and headers (names in lower case), not to be changed. Interim 1xx answers are not reported.

        Content-Length is not among them: it is the call's `length`.
        """

    def on_body(self, data: bytes) -> None:
        """Bytes of the body, without transfer coding, as they arrive."""

    def on_end(self) -> None: ...

    def on_error(self, error: EngineError) -> None: ...


class Call:
    """One request under way: what its owner may do to it.

    length: bytes of the answer's body where the engine has said so; known from `on_head` on.
    """

    __slots__ = (
        "_connection",
        "_done",
        "_last_activity_s",
        "_pool",
        "_when_sent",
        "length",
        "listener",
        "request",
        "small",
    )

    def __init__(
        self,
        pool: Pool,
        request: list[bytes],
        listener: Listener,
        *,
        small: bool,
        when_sent: Callable[[], None] | None = None,
    ) -> None:
        self._pool = pool
        self._when_sent = when_sent
        self.request = request
        self.small = small
        self.listener = listener
        self._connection: _Connection | None = None
        self._done = False
        self._last_activity_s = pool.loop.time()
        self.length: int | None = None

    def cancel(self) -> None:
        """Drop the request: the connection is closed, which is how engines learn of it."""
        if self._done:
            return
        self._finish()
        if self._connection is not None:
            self._connection.abort()

    def pause(self) -> None:
        """Stop reading from the engine until `resume` (the client is slower than the engine)."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        if self._connection is not None:
            self._connection.resume()

    @property
    def done(self) -> bool:
        return self._done

    @property
    def sent(self) -> bool:
        """Whether the engine may have seen it: a connection was there to write it to."""
        return self._connection is not None

    # What the connection reports.

    def started(self, connection: _Connection) -> None:
        self._connection = connection

    def sent_whole(self) -> None:
        """The system has taken the request's last byte, or nobody will send it any more."""
        when_sent, self._when_sent = self._when_sent, None
        if when_sent is not None:
            when_sent()

    def head(self, status: int, headers: Headers, length: int | None) -> None:
        if not self._done:
            self.length = length
            self.listener.on_head(status, headers)

    def body(self, data: bytes) -> None:
        if not self._done:
            self.listener.on_body(data)

    def touch(self) -> None:
        self._last_activity_s = self._pool.loop.time()

    def ended(self) -> None:
        if not self._done:
            self._finish()
            self.listener.on_end()

    def failed(self, error: EngineError) -> None:
        if not self._done:
            self._finish()
            self.listener.on_error(error)

    def _finish(self) -> None:
        self._done = True
        self.request = []
        self.sent_whole()

    def check_silence(self, now_s: float) -> None:
        """Give the call up if the engine has been silent for too long, or its host did not take it."""
        if self._done:
            return
        silent_s, connection = now_s - self._last_activity_s, self._connection
        error: EngineError
        if silent_s >= self._pool.idle_timeout_s:
            error = EngineTimeoutError(f"The engine said nothing for {self._pool.idle_timeout_s:.0f} s.")
        elif (
            silent_s >= lost_host.UNCONFIRMED_S
            and connection is not None
            and connection.remote is not None
            and lost_host.is_unconfirmed(connection.remote)
        ):
            error = EngineDiedError("The engine's host does not answer.")
        else:
            return
        self.failed(error)
        if connection is not None:
            connection.abort()


class _KnownAnswer:
    """A head of 200 that engines repeat (`known_head`): what it said, its length apart."""

    __slots__ = ("head", "headers", "keep_alive_s")

    def __init__(self, head: KnownHead, headers: Headers, keep_alive_s: float) -> None:
        self.head = head
        self.headers = headers
        self.keep_alive_s = keep_alive_s


class _Connection(asyncio.Protocol):
    """A kept-alive connection; serves one call at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._headers: Headers = []
        self._call: Call | None = None
        self._reading_paused = False
        #: The parser has read whole answers only. What it is about to read begins an answer, or b"".
        self._between = True
        self._beginning = b""
        self._known: _KnownAnswer | None = None
        #: Of a connection to another host.
        self.remote: socket.socket | None = None
        #: Loop time at which an unused connection must not be used any more.
        self.fresh_until_s = 0.0

    def send(self, call: Call) -> None:
        assert self._transport is not None, "send() comes after connection_made()"
        self._call = call
        # Not held until the answer is over: it may be megabytes, and an answer takes minutes.
        request, call.request = call.request, []
        if call.small:
            self._transport.write(b"".join(request))
        else:
            self._write_large(request)
        call.started(self)
        # Else `resume_writing` tells, once the buffer is empty: its limit is 0.
        if call.small or self._transport.get_write_buffer_size() <= _TAIL_BYTES:
            call.sent_whole()

    def _write_large(self, request: list[bytes]) -> None:
        """The end apart, as a copy: systems take 4 MiB but for some KiB, which would keep all of a body."""
        assert self._transport is not None, "checked by send()"
        last = request[-1]
        if len(last) <= 2 * _TAIL_BYTES:
            self._transport.writelines(request)
            return
        tail = last[-_TAIL_BYTES:]
        self._transport.writelines([*request[:-1], memoryview(last)[:-_TAIL_BYTES]])
        del last
        request.clear()
        self._transport.write(tail)

    def abort(self) -> None:
        self._call = None
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def pause(self) -> None:
        if self._transport is not None and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()

    @property
    def call(self) -> Call | None:
        return self._call

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        # Written at once, not at the end of the loop's turn: the engine begins while the rest is done here.
        self._transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        call = self._call
        if call is None:
            # Bytes that answer nothing: out of step, never to be used again.
            self.abort()
            return
        known = self._pool.known_answer
        if known is not None and self._between:
            found = known.head.match(data)
            # Whole in one piece, as small answers are; any other is read by the parser.
            if found is not None and found[0] + found[1] == len(data):
                call.head(200, known.headers, found[0])
                if found[0]:
                    call.body(data[found[1] :])
                self._answered(known.keep_alive_s)
                return
        call.touch()
        self._beginning = data if self._between else b""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.abort()
            call.failed(EngineProtocolError(f"The engine's answer is not valid HTTP: {error}."))

    def resume_writing(self) -> None:
        if self._call is not None:
            self._call.sent_whole()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._pool.forget(self)
        call, self._call = self._call, None
        if call is None or call.done:
            return
        # Never sent again by itself, not even on a connection that was reused: the engine may have begun.
        call.failed(EngineDiedError("The engine closed the connection in the middle of its answer."))

    # httptools callbacks

    def on_message_begin(self) -> None:
        self._between = False
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._call is None or status < 200:
            return
        length = None
        headers = []
        for header in self._headers:
            if header[0] == b"content-length":
                length = int(header[1])
            else:
                headers.append(header)
        self._known = None
        if status == 200 and length is not None and self._parser.should_keep_alive():
            head = known_head(self._beginning, self._headers)
            if head is not None:
                self._known = _KnownAnswer(head, headers, _keep_alive_s(headers))
        self._call.head(status, headers, length)

    def on_body(self, data: bytes) -> None:
        if self._call is not None:
            self._call.body(data)

    def on_message_complete(self) -> None:
        self._beginning = b""  # what follows in the same bytes begins elsewhere
        keeps_alive = self._parser.should_keep_alive() and not _closes_all_the_same(self._headers)
        self._between = keeps_alive
        if self._parser.get_status_code() < 200:
            return
        if self._known is not None:
            self._pool.known_answer = self._known
        self._answered(_keep_alive_s(self._headers) if keeps_alive else None)

    def _answered(self, keep_alive_s: float | None) -> None:
        """The answer is whole. keep_alive_s: how long the connection may be used again; None: not at all."""
        call, self._call = self._call, None
        if self._reading_paused:
            self.resume()
        if keep_alive_s is not None and self.usable:
            self.fresh_until_s = self._pool.loop.time() + keep_alive_s
            self._pool.release(self)
        else:
            self.close()
        if call is not None:
            call.ended()


def _closes_all_the_same(headers: Headers) -> bool:
    """llama.cpp announces to keep the connection of a streamed answer, and closes it at once.

    A request that is sent in that instant is lost, and must not be repeated: the next has to have a
    connection of its own. (cpp-httplib closes after every answer whose length it did not know.)
    """
    return (b"server", b"llama.cpp") in headers and (b"transfer-encoding", b"chunked") in headers


def _keep_alive_s(headers: Headers) -> float:
    """How long an unused connection may be used again: less than the engine keeps it.

    Source: the Keep-Alive header (RFC 2068, 19.7.1.1), which llama.cpp sends; uvicorn, and so vLLM, closes
    after 5 s without a word.
    """
    for name, value in headers:
        if name == b"keep-alive":
            for parameter in value.split(b","):
                key, _, seconds = parameter.strip().partition(b"=")
                if key.lower() == b"timeout" and seconds.isdigit():
                    return max(0.0, float(seconds) - 1.0)
    return _UNANNOUNCED_KEEP_ALIVE_S


class Pool:
    """Connections to one engine. All methods are called from the loop's thread."""

    def __init__(
        self,
        endpoint: EngineEndpoint,
        *,
        connect_timeout_s: float = 5.0,
        idle_timeout_s: float = 600.0,
        max_idle: int = 64,
    ) -> None:
        self.endpoint = endpoint
        self.connect_timeout_s = connect_timeout_s
        self.idle_timeout_s = idle_timeout_s
        self.loop = asyncio.get_running_loop()
        self._max_idle = max_idle
        self._idle: deque[_Connection] = deque()
        self._open: set[_Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._watch_timer: asyncio.TimerHandle | None = None
        #: The last whole answer's head, to be recognised on all connections.
        self.known_answer: _KnownAnswer | None = None
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        head = f"host: {host}:{endpoint.port}\r\n"
        if endpoint.api_key:
            head += f"authorization: Bearer {endpoint.api_key}\r\n"
        self._common_head = head.encode("ascii")

    def send(
        self,
        method: str,
        path: str,
        listener: Listener,
        *,
        body: Sequence[bytes] = (),
        request_id: str = "",
        when_sent: Callable[[], None] | None = None,
    ) -> Call:
        """Start a request; `listener` hears of everything else, errors included, never from within this call.

        body: JSON in pieces, written as they are, one after another. request_id: for the engine's log.
        when_sent: called once, perhaps from within this call, when the system has taken all of the request,
        or the call is over.
        """
        length = sum(map(len, body))
        known_as = b"x-request-id: %b\r\n" % request_id.encode("ascii") if request_id else b""
        head = b"%b %b HTTP/1.1\r\n%b%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (
            method.encode("ascii"),
            path.encode("ascii"),
            self._common_head,
            known_as,
            length,
        )
        call = Call(self, [head, *body], listener, small=length < _SMALL_BYTES, when_sent=when_sent)
        while self._idle:
            connection = self._idle.pop()  # the freshest
            if connection.usable and connection.fresh_until_s > self.loop.time():
                connection.send(call)
                return call
            connection.close()
        self._connect(call)
        return call

    async def fetch(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        timeout_s: float = 30.0,
        max_bytes: int = 16 * 1024 * 1024,
    ) -> tuple[int, bytes]:
        """A whole small exchange: (status, body). Raises EngineError and its kinds."""
        collector = _Collector(self.loop.create_future(), max_bytes)
        call = self.send(method, path, collector, body=(body,) if body else ())
        try:
            async with asyncio.timeout(timeout_s):
                return await collector.result
        except TimeoutError:
            raise EngineTimeoutError(f"The engine did not answer {path} within {timeout_s:.0f} s.") from None
        finally:
            call.cancel()

    async def fetch_json(
        self, method: str, path: str, payload: object = None, *, timeout_s: float = 30.0
    ) -> tuple[int, object]:
        """`fetch` with JSON both ways. Raises EngineProtocolError when the answer is no JSON."""
        body = b"" if payload is None else msgspec.json.encode(payload)
        status, answer = await self.fetch(method, path, body=body, timeout_s=timeout_s)
        try:
            return status, msgspec.json.decode(answer)
        except msgspec.DecodeError:
            raise EngineProtocolError(f"The engine answered {path} with something that is no JSON.") from None

    def close(self) -> None:
        """Drop all connections; calls under way fail."""
        for task in self._connecting:
            task.cancel()
        for connection in list(self._open):
            connection.close()
        if self._watch_timer is not None:
            self._watch_timer.cancel()

    # What connections report.

    def release(self, connection: _Connection) -> None:
        if len(self._idle) < self._max_idle:
            self._idle.append(connection)
        else:
            connection.close()

    def forget(self, connection: _Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def _connect(self, call: Call) -> None:
        task = self.loop.create_task(self._open_and_send(call))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _open_and_send(self, call: Call) -> None:
        endpoint = self.endpoint
        try:
            async with asyncio.timeout(self.connect_timeout_s):
                if endpoint.socket:
                    transport, connection = await self.loop.create_unix_connection(
                        lambda: _Connection(self), endpoint.socket
                    )
                else:
                    transport, connection = await self.loop.create_connection(
                        lambda: _Connection(self), endpoint.host, endpoint.port
                    )
        except TimeoutError:
            # As if it were refused: it has not seen the request, and another engine may have it.
            call.failed(EngineDiedError(f"The engine took no connection in {self.connect_timeout_s:.0f} s."))
            return
        except OSError:
            call.failed(EngineDiedError("The engine is not reachable."))
            return
        except asyncio.CancelledError:
            call.failed(EngineDiedError("The gateway is shutting down."))
            raise
        except Exception as error:  # a task boundary: the call must hear of whatever happened
            call.failed(EngineProtocolError(f"No connection to the engine could be made: {error}."))
            raise
        if not endpoint.socket:
            connection.remote = lost_host.watch(transport)
        self._open.add(connection)
        if self._watch_timer is None:
            self._watch()
        if call.done:  # cancelled meanwhile
            self.release(connection)
        else:
            connection.send(call)

    def _watch(self) -> None:
        """One timer for the silences of all calls: one for each would cost more than it watches over."""
        now_s = self.loop.time()
        for connection in list(self._open):
            if connection.call is not None:
                connection.call.check_silence(now_s)
        self._watch_timer = (
            self.loop.call_later(min(1.0, self.idle_timeout_s / 4), self._watch) if self._open else None
        )


class _Collector:
    """Gathers a whole answer into a future."""

    def __init__(self, result: asyncio.Future[tuple[int, bytes]], max_bytes: int) -> None:
        self.result = result
        self._max_bytes = max_bytes
        self._status = 0
        self._body = bytearray()

    def on_head(self, status: int, headers: Headers) -> None:
        self._status = status

    def on_body(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > self._max_bytes:
            self.on_error(EngineProtocolError(f"The engine's answer is larger than {self._max_bytes} bytes."))

    def on_end(self) -> None:
        if not self.result.done():
            self.result.set_result((self._status, bytes(self._body)))

    def on_error(self, error: EngineError) -> None:
        if not self.result.done():
            self.result.set_exception(error)
