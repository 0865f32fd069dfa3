"""A port in front of a server that counts what clients send through it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

_START_TIMEOUT_S = 10.0
_PIECE_BYTES = 65_536


class CountedPort:
    """sent_bytes: from clients to the server so far, heads and bodies of all requests."""

    def __init__(self) -> None:
        self.port = 0
        self.sent_bytes = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def counted_port(server_port: int) -> Iterator[CountedPort]:
    """Pass connections on to `server_port` of this machine, whoever listens there at that moment."""
    counted = CountedPort()
    loop = asyncio.new_event_loop()
    ready, done = threading.Event(), asyncio.Event()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, count: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_PIECE_BYTES):
                if count:
                    counted.sent_bytes += len(piece)
                writer.write(piece)
                await writer.drain()
            writer.write_eof()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            there, back = await asyncio.open_connection("127.0.0.1", server_port)
            writers.append(back)
            await asyncio.gather(copy(reader, back, count=True), copy(there, writer, count=False))
        except (OSError, asyncio.CancelledError):
            pass  # nobody listens just now, or the test is over
        finally:
            for each in writers:
                each.close()
            with contextlib.suppress(OSError):
                await asyncio.gather(*(each.wait_closed() for each in writers))

    async def serve() -> None:
        server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
        counted.port = server.sockets[0].getsockname()[1]
        ready.set()
        await done.wait()
        server.close()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    thread = threading.Thread(
        target=lambda: loop.run_until_complete(serve()), name="counted-port", daemon=True
    )
    thread.start()
    assert ready.wait(_START_TIMEOUT_S), "the port does not listen"
    try:
        yield counted
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(_START_TIMEOUT_S)
        loop.close()
