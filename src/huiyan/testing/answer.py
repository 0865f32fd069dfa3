"""Writing one scripted answer to its client, whole or streamed, with the fault it was given."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from huiyan.testing.http_server import Connection
from huiyan.testing.openai_bodies import Bodies
from huiyan.testing.recording import RecordedRequest
from huiyan.testing.script import Fault, Reply

JSON = "application/json; charset=utf-8"
_DONE = b"data: [DONE]\n\n"
_STREAM_HEADERS = {
    "X-Accel-Buffering": "no",
    "Content-Type": "text/event-stream",
    "Transfer-Encoding": "chunked",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`text` is already cut to what was allowed. used: for the last chunk, None if not asked for."""

    reply: Reply
    bodies: Bodies
    text: str
    finish_reason: str
    used: Mapping[str, Any]


def _event(body: object) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(body)


async def pause(connection: Connection, delay_s: float) -> None:
    """Wait. Raises: ConnectionResetError at once when the client leaves meanwhile."""
    if delay_s > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await connection.gone.wait()
    if connection.gone.is_set():
        raise ConnectionResetError("the client is gone")


async def send_whole(connection: Connection, answer: Answer) -> None:
    await pause(connection, answer.reply.first_delay_s)
    calls = answer.reply.tool_calls
    body = answer.bodies.whole(answer.text, answer.finish_reason, answer.used, calls)
    await connection.write_body(200, msgspec.json.encode(body), JSON)


async def send_stream(
    connection: Connection, request: RecordedRequest, answer: Answer, *, with_usage: bool
) -> None:
    """Send the answer as server-sent events, each in a chunk of its own."""
    reply = answer.reply
    await pause(connection, reply.first_delay_s)
    await connection.write_head(200, _STREAM_HEADERS, closes=False)
    for body in answer.bodies.first():
        await connection.write_chunk(_event(body))
    if await _breaks(connection, request, reply):
        return
    for body in answer.bodies.contents(answer.text, reply.chunk_chars):
        if request.chunks_sent:
            await pause(connection, reply.delay_s)
        await connection.write_chunk(_event(body))
        request.chunks_sent += 1
        if await _breaks(connection, request, reply):
            return
    for body in answer.bodies.tool_calls(reply.tool_calls, reply.chunk_chars):
        await connection.write_chunk(_event(body))
    for body in answer.bodies.last(answer.finish_reason, answer.used if with_usage else None):
        await connection.write_chunk(_event(body))
    await connection.write_chunk(_DONE)
    await connection.write(b"0\r\n\r\n")
    # As llama.cpp does, whatever its head announced: cpp-httplib ends every body of unknown length so.
    request.finish()
    connection.close()


async def _breaks(connection: Connection, request: RecordedRequest, reply: Reply) -> bool:
    """Do what the reply's fault says if it is time; True when nothing of the answer may follow."""
    if reply.fault is None or reply.fault_after_chunks != request.chunks_sent:
        return False
    match reply.fault:
        case Fault.NOT_JSON:
            await connection.write_chunk(b"data: {this is no JSON\n\n")
            return False
        case Fault.NOT_UTF8:
            await connection.write_chunk(
                b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe"}}]}\n\n'
            )
            return False
        case Fault.STALL:
            await connection.gone.wait()
            raise ConnectionResetError("the client gave up waiting")
        case Fault.NO_DONE:
            await connection.write(b"0\r\n\r\n")
            return True
        case Fault.PARTIAL_EVENT:
            await connection.write_chunk(b'data: {"choices":[{"index":0,"del')
    request.finish()  # from here on it is the engine that leaves, not the client
    if reply.fault is Fault.RESET:
        connection.reset()
    else:
        connection.close()
    return True
