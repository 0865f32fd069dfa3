"""Where an answer goes, and what an engine's head and its errors become on the way."""

from __future__ import annotations

from typing import Protocol

import msgspec

from huiyan.engines.upstream import Headers
from huiyan.errors import (
    ContextExceededError,
    EngineError,
    EngineProtocolError,
    EngineRefusedError,
    EngineStartingError,
    HuiyanError,
)
from huiyan.gateway.headers import block, relayed

CHAT = "/v1/chat/completions"
COMPLETION = "/v1/completions"

#: An engine's error body is read up to here for its message.
MAX_ERROR_BYTES = 64 * 1024


class Sink(Protocol):
    """Where an answer goes. After `on_end` or `on_error` nothing more comes."""

    def on_head(self, status: int, block: bytes, length: int | None) -> None:
        """status: below 400. block: the lines of the answer's headers, framing and our own ones apart.

        length: bytes of the body where the engine said so; None for a stream.
        """

    def on_body(self, data: bytes) -> None: ...

    def on_end(self) -> None: ...

    def on_error(self, error: HuiyanError) -> None: ...


class RelayedHeads:
    """What clients may see of engines' heads. One for a gateway: engines repeat their heads."""

    def __init__(self) -> None:
        self._headers: Headers = []
        self._block = b""

    def of(self, headers: Headers) -> bytes:
        """The lines that a client may see. The same list again is not read again."""
        if headers is not self._headers:
            self._headers, self._block = headers, block(relayed(headers))
        return self._block


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
