"""uvicorn's httptools protocol with the hot routes taken out of ASGI's way.

`POST /v1/chat/completions` and `/v1/completions` become an `Exchange`; everything else goes to the
ASGI app as ever. Why: bare ASGI ends at 0.27 x nginx before any feature, a protocol at 0.86
(docs/decisions/0004-hot-path.md).
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from huiyan.engines.upstream import Headers
from huiyan.gateway.access_log import AccessLog
from huiyan.gateway.exchange import CHAT, COMPLETION, Exchange
from huiyan.gateway.service import Gateway

_HOT = {CHAT.encode("ascii"): CHAT, COMPLETION.encode("ascii"): COMPLETION}

_MAX_HEADER_BYTES = 64 * 1024


class GatewayProtocol(HttpToolsProtocol):
    """Made by `bind`, which sets `gateway` and `access_log`."""

    gateway: Gateway
    access_log: AccessLog  # type: ignore[assignment]  # uvicorn has a flag of this name; its own access log is off

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # Any: ASGI's lifespan state
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        bound = type(self).access_log
        super().__init__(config, server_state, app_state, _loop)
        self.access_log = bound
        self._current: Exchange | None = None
        self._waiting: list[Exchange] = []
        self._header_bytes = 0
        self._header_timer: asyncio.TimerHandle | None = None

    def default_headers(self) -> Headers:
        return self.server_state.default_headers

    def exchange_done(self, exchange: Exchange) -> None:
        if self._current is exchange:
            self._current = None
        self.on_response_complete()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._arm_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_header_timer()
        exchanges = [self._current, *self._waiting] if self._current else self._waiting
        self._current, self._waiting = None, []
        for exchange in exchanges:
            exchange.lost()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._current is not None:
            self._current.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._current is not None:
            self._current.resume()

    # httptools callbacks

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_bytes = 0
        if self._header_timer is None:
            self._arm_header_timer()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._cancel_header_timer()
        path = _HOT.get(self.url.partition(b"?")[0]) if self.parser.get_method() == b"POST" else None
        if path is None:
            super().on_headers_complete()
            return
        previous: RequestResponseCycle | Exchange | None = self.cycle
        exchange = Exchange(
            self,
            path=path,
            headers=self.headers,
            http_version=self.parser.get_http_version(),
            keep_alive=self.parser.should_keep_alive(),
            expect_continue=self.expect_100_continue,
        )
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
        cycle: object = self.cycle
        if isinstance(cycle, Exchange):
            cycle.complete()
        else:
            super().on_message_complete()

    # uvicorn

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # Any: an ASGI app
        queued: object = cycle
        if isinstance(queued, Exchange):
            self._waiting.remove(queued)
            self._begin(queued)
        else:
            super()._start_asgi_task(cycle, app)

    def _begin(self, exchange: Exchange) -> None:
        self._current = exchange
        exchange.start()

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > _MAX_HEADER_BYTES and not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
                b"content-length: 0\r\nconnection: close\r\n\r\n"
            )
            self.transport.close()

    def _arm_header_timer(self) -> None:
        self._header_timer = self.loop.call_later(
            self.gateway.options.header_timeout_s, self._headers_timed_out
        )

    def _cancel_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _headers_timed_out(self) -> None:
        """A connection that never finishes its headers holds a slot for nothing (slow loris)."""
        self._header_timer = None
        if not self.transport.is_closing():
            self.transport.close()


def bind(gateway: Gateway, access_log: AccessLog) -> type[GatewayProtocol]:
    """The protocol class for one gateway, as `uvicorn.Config(http=…)` wants it."""
    return type("BoundGatewayProtocol", (GatewayProtocol,), {"gateway": gateway, "access_log": access_log})
