"""What workers and the coordinator say to each other: msgpack with a length of four bytes in front.

A worker's `number` for a call is its own; the other side repeats it in whatever belongs to that call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import msgspec

from huiyan.errors import (
    EngineRefusedError,
    EngineStartingError,
    HuiyanError,
    ImageMissingError,
    QueueFullError,
)
from huiyan.gateway.access.principal import Principal

#: The largest frame is one read from an engine's socket; anything above is no frame of ours.
MAX_FRAME_BYTES = 64 * 1024 * 1024
_LENGTH_BYTES = 4


class Frame(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Base of all messages."""


class Hello(Frame, frozen=True):
    """The first of a worker."""

    worker: int


# The queue.


class Enter(Frame, frozen=True):
    number: int
    principal: Principal
    deadline_s: float | None


class Leave(Frame, frozen=True):
    number: int


class Queued(Frame, frozen=True):
    number: int
    position: int


class Granted(Frame, frozen=True):
    number: int


class Refused(Frame, frozen=True):
    number: int
    error: WireError


# The limits of keys.


class Begin(Frame, frozen=True):
    number: int
    principal: Principal
    body_bytes: int


class Begun(Frame, frozen=True):
    number: int
    headers: list[tuple[bytes, bytes]]


class Finish(Frame, frozen=True):
    number: int
    prompt_tokens: int
    completion_tokens: int


# Answers behind an Idempotency-Key.


class Claim(Frame, frozen=True):
    number: int
    key: str


class Claimed(Frame, frozen=True):
    number: int
    owner: int


class Release(Frame, frozen=True):
    key: str


class Attach(Frame, frozen=True):
    """To the owner: a client of `worker` wants to read. `worker` is set by the coordinator."""

    number: int
    worker: int
    key: str
    fingerprint: bytes


class Detach(Frame, frozen=True):
    number: int
    worker: int


class Flow(Frame, frozen=True):
    """To the owner: the client is too slow, or catches up."""

    number: int
    worker: int
    paused: bool


class Stop(Frame, frozen=True):
    """To the owner: the user stopped this answer."""

    key: str


class Decide(Frame, frozen=True):
    """To all other workers: `owner` has answered whether a model's tool call may be made."""

    call: str
    owner: str
    allow: bool


class Head(Frame, frozen=True):
    """To the reader's worker, as the three below."""

    number: int
    worker: int
    status: int
    block: bytes
    length: int | None


class Chunk(Frame, frozen=True):
    number: int
    worker: int
    data: bytes


class End(Frame, frozen=True):
    """error: None for a clean end. missing: the answer is not there (any more): claim again."""

    number: int
    worker: int
    error: WireError | None = None
    missing: bool = False


# The numbers of /metrics (`scrape`).


class Scrape(Frame, frozen=True):
    """A worker was asked for everybody's numbers. numbers: its own, a Snapshot in msgpack."""

    number: int
    numbers: bytes


class Scraping(Frame, frozen=True):
    """To that worker. others: so many will tell. ended: the numbers of workers that are no more, or b""."""

    number: int
    others: int
    ended: bytes


class Tell(Frame, frozen=True):
    """To another worker: tell `worker` your numbers."""

    number: int
    worker: int


class Told(Frame, frozen=True):
    number: int
    worker: int
    numbers: bytes


class WireError(msgspec.Struct, frozen=True, array_like=True):
    """An exception of ours on its way to another process."""

    code: str
    message: str
    hint: str
    param: str | None
    retry_after_s: float | None
    status: int | None
    #: What a limit says of itself (x-ratelimit-*).
    headers: list[tuple[bytes, bytes]] = []


FromWorker = (
    Hello
    | Enter
    | Leave
    | Begin
    | Finish
    | Claim
    | Release
    | Attach
    | Detach
    | Flow
    | Stop
    | Decide
    | Head
    | Chunk
    | End
    | Scrape
    | Told
)
ToWorker = (
    Queued
    | Granted
    | Refused
    | Begun
    | Claimed
    | Attach
    | Detach
    | Flow
    | Stop
    | Decide
    | Head
    | Chunk
    | End
    | Scraping
    | Tell
    | Told
)


def pack_error(error: HuiyanError) -> WireError:
    return WireError(
        code=error.code,
        message=error.message,
        hint=error.hint,
        param=error.param,
        retry_after_s=getattr(error, "retry_after_s", None),
        status=getattr(error, "status", None),
        headers=getattr(error, "headers", []),
    )


def unpack_error(wire: WireError) -> HuiyanError:
    """The same kind of exception; HuiyanError itself where the code is none of ours."""
    kind = _KINDS.get(wire.code, HuiyanError)
    if issubclass(kind, (QueueFullError, EngineStartingError)):
        error = kind(wire.message, retry_after_s=wire.retry_after_s or 1.0, hint=wire.hint, param=wire.param)
        if isinstance(error, QueueFullError):
            error.headers = wire.headers
        return error
    if issubclass(kind, EngineRefusedError):
        return kind(wire.message, status=wire.status or 400, hint=wire.hint, param=wire.param)
    if issubclass(kind, ImageMissingError):
        return kind(wire.message, hashes=(wire.param or "").split(",") if wire.param else (), hint=wire.hint)
    return kind(wire.message, hint=wire.hint, param=wire.param)


def _kinds(kind: type[HuiyanError]) -> dict[str, type[HuiyanError]]:
    found = {kind.code: kind}
    for sub in kind.__subclasses__():
        found = {**_kinds(sub), **found}
    return found


_KINDS = _kinds(HuiyanError)
_encoder = msgspec.msgpack.Encoder()


class FrameProtocol(asyncio.Protocol):
    """One end of a connection. kinds: what may arrive; anything else closes it."""

    def __init__(self, kinds: object, *, received: Callable[[Frame], None], lost: Callable[[], None]) -> None:
        self._decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(cast("type[Frame]", kinds))
        self._received = received
        self._lost = lost
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def send(self, frame: Frame) -> None:
        """Nothing happens once the other side is gone."""
        if self._transport is not None and not self._transport.is_closing():
            data = _encoder.encode(frame)
            self._transport.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while len(buffer) - start >= _LENGTH_BYTES:
                body = start + _LENGTH_BYTES
                size = int.from_bytes(buffer[start:body], "big")
                if size > MAX_FRAME_BYTES:
                    self.close()
                    start = len(buffer)
                    break
                if len(buffer) - body < size:
                    break
                frame = self._decoder.decode(bytes(buffer[body : body + size]))
                start = body + size
                self._received(frame)
        except msgspec.DecodeError:
            self.close()
            start = len(buffer)
        del buffer[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost()
