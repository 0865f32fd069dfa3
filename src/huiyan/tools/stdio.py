"""MCP over a jailed process's pipes, as a transport for the official SDK's client.

The SDK has one of its own; this one keeps rubbish away from the session. A line that is no JSON-RPC message
is the tool's chatter and goes to its log, and a line that never ends is cut, so that neither fills our
memory nor our log.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

import anyio
import mcp_types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from huiyan.tools.process import ToolProcess

#: JSON takes up to a third more than the bytes of a picture in it, and some for itself.
_OVERHEAD: Final = 1.4
_MIN_LINE_BYTES: Final = 1024 * 1024
#: Rubbish on stdout beyond this is no accident.
_MAX_RUBBISH_BYTES: Final = 64 * 1024 * 1024

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]


@contextlib.asynccontextmanager
async def over_stdio(
    process: ToolProcess,
    *,
    max_output_bytes: int,
    on_text: Callable[[bytes], None],
    on_too_much: Callable[[], None],
) -> AsyncIterator[Streams]:
    """Streams of messages until the process ends or the context is left; the process stays the caller's.

    on_text: told what is no message. on_too_much: a message was longer than `max_output_bytes` allow, or
    there was too much rubbish.
    """
    to_session, from_tool = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_tool, from_session = anyio.create_memory_object_stream[SessionMessage](0)
    max_line_bytes = max(_MIN_LINE_BYTES, int(max_output_bytes * _OVERHEAD))

    async def read() -> None:
        rubbish_bytes = 0
        async with to_session:
            async for line in process.lines(max_line_bytes):
                if isinstance(line, bytes) and not line.strip():
                    continue
                message = None if isinstance(line, int) else _message(line)
                if message is None:
                    rubbish_bytes += _MAX_RUBBISH_BYTES + 1 if isinstance(line, int) else len(line)
                    on_text(b"(an endless line)\n" if isinstance(line, int) else line[:2000] + b"\n")
                    if rubbish_bytes > _MAX_RUBBISH_BYTES:
                        on_too_much()
                        return
                    continue
                try:
                    await to_session.send(SessionMessage(message))
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    return

    async def write() -> None:
        async with from_session:
            async for sent in from_session:
                line = sent.message.model_dump_json(by_alias=True, exclude_unset=True)
                try:
                    await process.write(line.encode("utf-8") + b"\n")
                except OSError:
                    # It reads no more: the session learns of it as of an end.
                    to_session.close()
                    return

    loop = asyncio.get_running_loop()
    pumps = [loop.create_task(read()), loop.create_task(write())]
    try:
        yield from_tool, to_tool
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for stream in (to_session, from_tool, to_tool, from_session):
            stream.close()


def _message(line: bytes) -> mcp_types.JSONRPCMessage | None:
    try:
        return mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        return None
