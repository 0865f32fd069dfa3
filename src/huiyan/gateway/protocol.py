"""uvicorn's httptools protocol with the hot routes taken out of ASGI's way.

`POST /v1/chat/completions` and `/v1/completions` become an `Exchange`; everything else goes to the
ASGI app as ever. Why: bare ASGI ends at 0.27 x nginx before any feature, a protocol at 0.86
(docs/decisions/0004-hot-path.md).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from huiyan.engines.known_head import KnownHead, known_head
from huiyan.errors import RequestError
from huiyan.gateway import headers as http
from huiyan.gateway.access_log import AccessLog
from huiyan.gateway.errors import body_of
from huiyan.gateway.exchange import Exchange
from huiyan.gateway.relay import CHAT, COMPLETION
from huiyan.gateway.request_head import RequestHead, read_head
from huiyan.gateway.service import Gateway

_HOT = {CHAT.encode("ascii"): CHAT, COMPLETION.encode("ascii"): COMPLETION}

_quiet = logging.getLogger("huiyan.gateway.quiet")
_quiet.setLevel(logging.ERROR)

_MAX_HEADER_BYTES = 64 * 1024


_NEVER = float("inf")


class Sweep:
    """Looks at all connections now and then for deadlines that have passed.

    Instead of timers of their own: arming and cancelling four of them costs a small request 6 %.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, period_s: float) -> None:
        self._loop = loop
        self._period_s = period_s
        self._connections: set[GatewayProtocol] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: GatewayProtocol) -> None:
        self._connections.add(connection)
        if self._timer is None:
            self._timer = self._loop.call_later(self._period_s, self._look)

    def discard(self, connection: GatewayProtocol) -> None:
        self._connections.discard(connection)

    def _look(self) -> None:
        now_s = self._loop.time()
        for connection in list(self._connections):
            connection.check_deadlines(now_s)
        self._timer = self._loop.call_later(self._period_s, self._look) if self._connections else None


class GatewayProtocol(HttpToolsProtocol):
    """Made by `bind`, which sets `gateway`, `access_log` and `sweep`."""

    gateway: Gateway
    access_log: AccessLog  # type: ignore[assignment]  # uvicorn has a flag of this name; its own access log is off
    sweep: Sweep

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # Any: ASGI's lifespan state
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        bound = type(self).access_log
        super().__init__(config, server_state, app_state, _loop)
        # It warns of each request that is no HTTP: a line for whoever wants to fill the log.
        self.logger = _quiet
        self.access_log = bound
        self.peer = ""
        self.secure = False
        self._current: Exchange | None = None
        self._waiting: list[Exchange] = []
        #: The last hot request's head, to be recognised when it comes again, and what it said.
        self._known: KnownHead | None = None
        self._known_says: RequestHead | None = None
        #: The parser has read whole messages only. What it is about to read begins a message, or b"".
        self._between = True
        self._beginning = b""
        #: Bytes of a body that the parser does not see, as its head was a known one.
        self._body_left = 0
        self._defaults: tuple[object, bytes] = (None, b"")
        self._header_bytes = 0
        self._head_deadline_s = _NEVER
        self._body_deadline_s = _NEVER
        self._idle_deadline_s = _NEVER

    def default_block(self) -> bytes:
        """Headers of the server's own on every answer; uvicorn makes a new list of them every second."""
        headers = self.server_state.default_headers
        made_of, lines = self._defaults
        if made_of is not headers:
            lines = http.block(headers)
            self._defaults = headers, lines
        return lines

    def exchange_done(self, exchange: Exchange) -> None:
        if self._current is exchange:
            self._current = None
        self.on_response_complete()

    def expect_body(self, timeout_s: float) -> None:
        """More of the current request's body has to come within this time."""
        self._body_deadline_s = self.loop.time() + timeout_s

    def body_over(self) -> None:
        self._body_deadline_s = _NEVER

    def hold_body(self) -> None:
        """Leave what the client sends in the system's buffers for now."""
        self.flow.pause_reading()

    def go_on_with_body(self) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def check_deadlines(self, now_s: float) -> None:
        if now_s > self._head_deadline_s or now_s > self._idle_deadline_s:
            # Headers that never end hold a place for nothing (slow loris); an idle connection may go.
            self._head_deadline_s = self._idle_deadline_s = _NEVER
            if not self.transport.is_closing():
                self.transport.close()
        elif now_s > self._body_deadline_s:
            self._body_deadline_s = _NEVER
            if self._current is not None:
                self._current.body_timed_out()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            # Not every loop does so for every listener; without it an answer waits 40 ms for an ACK.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peer = self.client[0] if self.client is not None else ""
        self.secure = self.scheme == "https"
        if not self.secure:
            # Written at once, not at the end of the loop's turn: what follows an answer must not delay it.
            # (Over TLS, asyncio takes an empty buffer for one that has reached a limit of 0.)
            transport.set_write_buffer_limits(high=0)
        self._head_deadline_s = self.loop.time() + self.gateway.options.header_timeout_s
        self.sweep.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.sweep.discard(self)
        exchanges = [self._current, *self._waiting] if self._current else self._waiting
        self._current, self._waiting = None, []
        for exchange in exchanges:
            exchange.lost()
        super().connection_lost(exc)
        # The last exchange refers back to its connection: taken apart here, neither waits for the collector.
        cycle: object = self.cycle
        if isinstance(cycle, Exchange):
            self.cycle = None  # type: ignore[assignment]  # as before the first request

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._current is not None:
            self._current.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._current is not None:
            self._current.resume()

    def data_received(self, data: bytes) -> None:
        if self._known is not None:
            data = self._read_known(data)
            if not data:
                return
        # uvicorn's, but for the timer that it stops: `sweep` stands for it.
        self._beginning = data if self._between else b""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._known = None
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade:
            self._known = None
            self._unsupported_upgrade_warning()
        finally:
            self._beginning = b""

    def _read_known(self, data: bytes) -> bytes:
        """Requests with the head that is known, as far as they go; what is left is the parser's to read."""
        while data:
            if self._body_left:
                data = self._read_body(data)
                continue
            known, says = self._known, self._known_says
            found = known.match(data) if known is not None and self._between else None
            if found is None or says is None:
                return data
            gateway = self.gateway
            length, start = found
            if length > gateway.options.max_body_bytes or not says.holds(gateway):
                return data
            if self.transport.is_closing():
                return b""
            end = start + length
            exchange = Exchange(self, says)
            if end <= len(data):
                exchange.feed_whole(data[start:end])
                data = data[end:]
                self._enter(exchange)
            else:
                self._body_left = end - len(data)
                self._enter(exchange)
                if start < len(data):
                    exchange.feed(data[start:])
                return b""
        return b""

    def _read_body(self, data: bytes) -> bytes:
        """More of a body whose head was known. Returns what follows it."""
        exchange: object = self.cycle
        assert isinstance(exchange, Exchange), "only their bodies pass the parser by"
        piece = data if len(data) <= self._body_left else data[: self._body_left]
        self._body_left -= len(piece)
        exchange.feed(piece)
        if not self._body_left:
            exchange.complete()
        return data[len(piece) :]

    # httptools callbacks

    def on_message_begin(self) -> None:
        # uvicorn's builds an ASGI scope, which the hot routes do not need: see on_headers_complete.
        self._between = False
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._header_bytes = 0
        self._idle_deadline_s = _NEVER
        if self._head_deadline_s == _NEVER:
            self._head_deadline_s = self.loop.time() + self.gateway.options.header_timeout_s

    def on_url(self, url: bytes) -> None:
        self._header_bytes += len(url)
        self.url += url
        if self._header_bytes > _MAX_HEADER_BYTES:
            self._head_too_large()

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > _MAX_HEADER_BYTES:
            self._head_too_large()
            return
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._head_deadline_s = _NEVER
        path = _HOT.get(self.url.partition(b"?")[0]) if self.parser.get_method() == b"POST" else None
        if path is None:
            url, headers, expects = self.url, self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.headers, self.expect_100_continue = url, headers, expects
            self.scope["headers"] = headers
            super().on_headers_complete()
            return
        says = read_head(
            self.gateway,
            self.headers,
            path=path,
            http_version=self.parser.get_http_version(),
            keep_alive=self.parser.should_keep_alive(),
            expect_continue=self.expect_100_continue,
            peer=self.peer,
            secure=self.secure,
        )
        # Only of what begins here it is certain which bytes the head was.
        self._known = known_head(self._beginning, self.headers) if says.repeatable else None
        self._known_says = None if self._known is None else says
        self._enter(Exchange(self, says))

    def _enter(self, exchange: Exchange) -> None:
        """A request for the engine: its turn on this connection has come, or comes after those before it."""
        previous: RequestResponseCycle | Exchange | None = self.cycle
        self.cycle = exchange  # type: ignore[assignment]  # stands in for a cycle, see Exchange
        if previous is None or previous.response_complete:
            self._begin(exchange)
        else:
            self.flow.pause_reading()
            self._waiting.append(exchange)
            self.pipeline.appendleft((exchange, self.app))  # type: ignore[arg-type]  # as above

    def on_body(self, body: bytes) -> None:
        cycle: object = self.cycle
        if isinstance(cycle, Exchange):
            cycle.feed(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._between = self.parser.should_keep_alive()
        self._beginning = b""  # what follows in the same bytes begins elsewhere
        cycle: object = self.cycle
        if isinstance(cycle, Exchange):
            cycle.complete()
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        # uvicorn's, but for its timer.
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        else:
            self._idle_deadline_s = self.loop.time() + self.timeout_keep_alive

    # uvicorn

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # Any: an ASGI app
        queued: object = cycle
        if isinstance(queued, Exchange):
            self._waiting.remove(queued)
            self._begin(queued)
        else:
            super()._start_asgi_task(cycle, app)

    def send_400_response(self, msg: str) -> None:
        """What arrives cannot be parsed: one answer, and never on top of another."""
        cycle: RequestResponseCycle | Exchange | None = self.cycle
        error = RequestError("This is not valid HTTP/1.1.", hint="Look at the request's framing and headers.")
        if isinstance(cycle, Exchange) and cycle is self._current and cycle.refuse(error):
            pass  # its body is broken, and nothing was said yet: it is what is wrong
        elif cycle is None or (cycle.response_complete and cycle.keep_alive):
            request_id = self.gateway.new_request_id()
            body = body_of(error, request_id)
            framing = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            own = [(b"x-request-id", request_id.encode("ascii")), (b"connection", b"close")]
            self.transport.write(http.head(400, self.server_state.default_headers, framing, own) + body)
        self.transport.close()

    def _begin(self, exchange: Exchange) -> None:
        self._current = exchange
        exchange.start()

    def _head_too_large(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
                b"content-length: 0\r\nconnection: close\r\n\r\n"
            )
            self.transport.close()


def bind(gateway: Gateway, access_log: AccessLog) -> type[GatewayProtocol]:
    """The protocol class for one gateway, as `uvicorn.Config(http=…)` wants it. Needs a running loop."""
    options = gateway.options
    period_s = min(1.0, options.header_timeout_s / 4, options.body_timeout_s / 4)
    sweep = Sweep(asyncio.get_running_loop(), period_s)
    return type(
        "BoundGatewayProtocol",
        (GatewayProtocol,),
        {"gateway": gateway, "access_log": access_log, "sweep": sweep},
    )
