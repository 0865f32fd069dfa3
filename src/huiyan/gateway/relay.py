"""One run of a request on the engine: pictures decoded, body sent, bytes handed on as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Protocol

import msgspec

from huiyan.engines.upstream import Call, Headers, Pool
from huiyan.errors import (
    ContextExceededError,
    EngineError,
    EngineProtocolError,
    EngineRefusedError,
    EngineStartingError,
    HuiyanError,
)
from huiyan.gateway.admission import Admitted, decode_images
from huiyan.gateway.errors import unexpected
from huiyan.gateway.headers import relayed
from huiyan.gateway.intake import ImageLimits
from huiyan.log import get_logger

_log = get_logger("huiyan.gateway.relay")

#: An engine's error body is read up to here for its message.
_MAX_ERROR_BYTES = 64 * 1024


class Sink(Protocol):
    """Where an answer goes. After `on_end` or `on_error` nothing more comes."""

    def on_head(self, status: int, headers: Headers, length: int | None) -> None:
        """status: below 400. length: bytes of the body where the engine said so; None for a stream."""

    def on_body(self, data: bytes) -> None: ...

    def on_end(self) -> None: ...

    def on_error(self, error: HuiyanError) -> None: ...


class Run:
    """Owns one request from admission to the last byte."""

    __slots__ = (
        "_admitted",
        "_call",
        "_cancelled",
        "_error_body",
        "_error_status",
        "_path",
        "_pool",
        "_sink",
    )

    def __init__(self, pool: Pool, path: str, admitted: Admitted, sink: Sink) -> None:
        self._pool = pool
        self._path = path
        self._admitted = admitted
        self._sink = sink
        self._call: Call | None = None
        self._cancelled = False
        self._error_status = 0
        self._error_body = bytearray()

    def start(self) -> None:
        """Send a request without pictures. `sink` hears of everything else, never from within this call."""
        self._send(self._admitted.body)

    def start_decoding(self, executor: Executor, limits: ImageLimits, decoded: Callable[[], None]) -> None:
        """Have the pictures decoded first; `decoded` is called once that is over, also when it failed."""
        future = self._pool.loop.run_in_executor(executor, decode_images, self._admitted, limits)

        def done(result: asyncio.Future[bytes]) -> None:
            decoded()
            self._decoded(result)

        future.add_done_callback(done)

    def cancel(self) -> None:
        """Stop the engine's work on it; the sink hears nothing more."""
        self._cancelled = True
        if self._call is not None:
            self._call.cancel()

    def pause(self) -> None:
        if self._call is not None:
            self._call.pause()

    def resume(self) -> None:
        if self._call is not None:
            self._call.resume()

    def _decoded(self, future: asyncio.Future[bytes]) -> None:
        if future.cancelled():
            self._fail(EngineError("The gateway is shutting down."))
            return
        error = future.exception()
        if self._cancelled:
            return
        if isinstance(error, HuiyanError):
            self._fail(error)
        elif error is not None:
            _log.error("picture intake failed", exc_info=error)
            self._fail(unexpected())
        else:
            self._send(future.result())

    def _send(self, body: bytes) -> None:
        self._admitted.body = b""  # megabytes, not needed any more
        self._admitted.images = []
        self._call = self._pool.send("POST", self._path, self, body=(body,))

    # Listener: what the engine answers.

    def on_head(self, status: int, headers: Headers) -> None:
        if status >= 400:
            self._error_status = status
            return
        length = next(
            (int(value) for name, value in headers if name == b"content-length" and value.isdigit()), None
        )
        self._sink.on_head(status, relayed(headers), length)

    def on_body(self, data: bytes) -> None:
        if not self._error_status:
            self._sink.on_body(data)
        elif len(self._error_body) < _MAX_ERROR_BYTES:
            self._error_body += data[: _MAX_ERROR_BYTES - len(self._error_body)]

    def on_end(self) -> None:
        if self._error_status:
            self._fail(error_from(self._error_status, bytes(self._error_body)))
        else:
            self._sink.on_end()

    def on_error(self, error: EngineError) -> None:
        self._fail(error)

    def _fail(self, error: HuiyanError) -> None:
        if not self._cancelled:
            self._sink.on_error(error)


class _ErrorObject(msgspec.Struct):
    message: str = ""
    type: str | None = None
    param: str | None = None


class _ErrorBody(msgspec.Struct):
    error: _ErrorObject | str | None = None
    message: str | None = None


def error_from(status: int, body: bytes) -> EngineError | ContextExceededError:
    """An engine's error answer as one of ours. 4xx keep their status and message."""
    message, kind = "", ""
    try:
        parsed = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.DecodeError, RecursionError):
        pass
    else:
        if isinstance(parsed.error, _ErrorObject):
            message, kind = parsed.error.message, parsed.error.type or ""
        else:
            message = parsed.error or parsed.message or ""
    if status == 400 and (kind == "exceed_context_size_error" or "maximum context length" in message):
        return ContextExceededError(message, param="messages")
    if status in (401, 403):
        # The gateway's own key was refused: nothing that a client could mend.
        return EngineProtocolError(
            "The engine refused the gateway's key.", hint="Restart huiyan: `huiyan stop`, `huiyan start`."
        )
    if status < 500:
        return EngineRefusedError(message or f"The engine refused the request ({status}).", status=status)
    if status == 503:
        return EngineStartingError(message or "The engine is not ready.")
    return EngineError(message or f"The engine failed ({status}).")
