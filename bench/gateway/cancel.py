"""How soon the engine hears that a client is gone.

    python -m bench.gateway.cancel [--cancels 200]

A gateway as a user runs it, in front of the mock engine. Again and again a client asks for a stream, gets its
first chunk and closes the connection (half of them with a reset); told is the time until the engine's
connection is closed, which is how engines learn that they may stop. The goal is 100 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import socket
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench.gateway import load
from bench.gateway.columns import small_chat
from bench.gateway.engine import EngineProtocol, MockEngine, Plan
from bench.gateway.gateways import LAUNCHERS
from bench.gateway.load import percentile
from bench.gateway.processes import Running

_GOAL_MS = 100.0
_WAIT_S = 30.0

#: SO_LINGER with a time of 0: closing sends RST, as a client that was killed does.
_RESET = struct.pack("ii", 1, 0)


class _Engine(MockEngine):
    """Notes when a connection ends on which a stream was running."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = Plan(idle=True)
        self.lost: asyncio.Future[float] = self.loop.create_future()

    def expect(self) -> asyncio.Future[float]:
        self.lost = self.loop.create_future()
        return self.lost

    async def start(self, port: int = 0) -> int:
        self._server = await self.loop.create_server(lambda: _Noted(self), "127.0.0.1", port, backlog=256)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port


class _Noted(EngineProtocol):
    def connection_lost(self, exc) -> None:
        super().connection_lost(exc)
        if self._sent and not self._engine.lost.done():
            self._engine.lost.set_result(time.perf_counter())


async def _cancel(engine: _Engine, port: int, data: bytes, *, reset: bool) -> float:
    """Seconds from closing until the engine has lost its connection."""
    lost = engine.expect()
    client = socket.create_connection(("127.0.0.1", port))
    client.setblocking(False)
    try:
        await engine.loop.sock_sendall(client, data)
        received = b""
        while b"@" not in received:  # the stamp of the first chunk
            received += await engine.loop.sock_recv(client, 65536)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        began_s = time.perf_counter()
    finally:
        client.close()
    async with asyncio.timeout(_WAIT_S):
        return await lost - began_s


async def _measure(cancels: int, folder: Path) -> list[float]:
    engine = _Engine()
    await engine.start()
    launch = LAUNCHERS["huiyan"](engine.port, folder, "")
    gateway = await asyncio.to_thread(Running, launch, folder, None)
    try:
        data = load.request(gateway.port, small_chat(stream=True), key=gateway.key)
        await _cancel(engine, gateway.port, data, reset=False)
        return [
            await _cancel(engine, gateway.port, data, reset=bool(number % 2)) * 1e3
            for number in range(cancels)
        ]
    finally:
        gateway.end()
        engine.stop()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cancels", type=int, default=200)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="huiyan-bench-"))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            taken_ms = runner.run(_measure(given.cancels, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(
        f"{len(taken_ms)} cancels: median {statistics.median(taken_ms):.2f} ms, "
        f"p99 {percentile(taken_ms, 0.99):.2f} ms, max {max(taken_ms):.2f} ms (goal: {_GOAL_MS:.0f} ms)"
    )
    return 0 if max(taken_ms) <= _GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main())
