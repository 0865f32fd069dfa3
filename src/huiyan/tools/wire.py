"""Between the tool host and the gateway's workers: frames on a unix socket.

A frame is its length (4 bytes, big-endian) and a MessagePack map with `type`. A worker says `call` and
`cancel`; the host says `catalogue` (first, and at every change) and, for each call, `progress`…, then
`result` or `failed`.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Any, Final

import msgspec

from huiyan import errors
from huiyan.errors import HuiyanError, ToolError
from huiyan.tools.catalogue import ToolList, ToolProgress, ToolResult
from huiyan.tools.schema_files import GivenFile

_LENGTH: Final = struct.Struct(">I")
#: The largest result (128 MiB, as base64) or request with files.
MAX_FRAME_BYTES: Final = 192 * 1024 * 1024


class CallFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="call"):
    id: int
    plugin: str
    tool: str
    arguments: dict[str, Any]
    files: dict[str, list[GivenFile]]


class CancelFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="cancel"):
    id: int


class CatalogueFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="catalogue"):
    tools: ToolList


class ProgressFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="progress"):
    id: int
    progress: ToolProgress


class ResultFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="result"):
    id: int
    result: ToolResult


class FailedFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="failed"):
    id: int
    code: str
    message: str
    hint: str
    param: str | None = None


ToHost = CallFrame | CancelFrame
ToGateway = CatalogueFrame | ProgressFrame | ResultFrame | FailedFrame

_encoder = msgspec.msgpack.Encoder()
to_host = msgspec.msgpack.Decoder(ToHost)
to_gateway = msgspec.msgpack.Decoder(ToGateway)


def frame(message: ToHost | ToGateway) -> bytes:
    data = _encoder.encode(message)
    return _LENGTH.pack(len(data)) + data


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next frame's bytes; None at the end, and after a length that nobody of ours sends."""
    try:
        (size_bytes,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return await reader.readexactly(size_bytes) if size_bytes <= MAX_FRAME_BYTES else None
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def failed(call: int, error: HuiyanError) -> FailedFrame:
    return FailedFrame(id=call, code=error.code, message=error.message, hint=error.hint, param=error.param)


_KINDS: Final[dict[str, type[HuiyanError]]] = {
    kind.code: kind
    for kind in (
        errors.ToolNotFoundError,
        errors.ToolArgumentsError,
        errors.ToolFailedError,
        errors.ToolStartError,
        errors.ToolDiedError,
        errors.ToolTimeoutError,
        errors.ToolLimitError,
    )
}


def error_of(sent: FailedFrame) -> HuiyanError:
    """The error as it was raised in the host."""
    return _KINDS.get(sent.code, ToolError)(sent.message, hint=sent.hint, param=sent.param)
