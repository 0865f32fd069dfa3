"""The gateway's own work for one small request, without sockets: microseconds, and where they go.

    python -m bench.gateway.hot_path [--profile] [--stream CHUNKS]

Both ends are stand-ins that call the protocols directly, so that the figure holds still on a noisy
machine: processor time of Python and of the C below it, no system calls but the log's.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import io
import pstats
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvloop

from bench.gateway.columns import small_chat
from bench.gateway.engine import _ANSWER, _CHUNK, _LAST, _answer, _framed
from huiyan.app import build, tame_garbage_collection
from huiyan.engines import upstream
from huiyan.engines.status import EngineEndpoint, EngineState, EngineStatus, ModelCard
from huiyan.gateway.options import GatewayOptions
from huiyan.state.database import Database
from huiyan.state.issue import issue_key

_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Transport:
    """Swallows what is written; `written` is told."""

    def __init__(self, written: Any) -> None:
        self._written = written

    def write(self, data: bytes) -> None:
        self._written()

    def writelines(self, pieces: list[bytes]) -> None:
        self._written()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 50000) if name in ("peername", "sockname") else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...

    def abort(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def key_in(folder: Path) -> str:
    database = Database(folder / "state")
    try:
        _, secret = issue_key(
            database,
            name="bench",
            scopes=["chat"],
            origin="cli",
            requests_per_min=10**9,
            tokens_per_min=10**9,
            streams=10**6,
            bytes_per_day=10**12,
        )
    finally:
        database.close()
    return secret


async def measure(*, chunks: int, requests: int, rounds: int, profile: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        secret = key_in(folder)
        card = ModelCard(id="bench", name="bench", context_tokens=1 << 20)
        app = build(
            GatewayOptions(),
            model=card,
            engine=EngineStatus(state=EngineState.READY, engine="bench", model="bench"),
            endpoint=EngineEndpoint(host="127.0.0.1", port=1),
            data_dir=folder,
        )
        await app.gateway.access.loaded()
        app.access_log._stream = io.StringIO()  # noqa: SLF001 - a bench may look inside
        tame_garbage_collection()
        body = small_chat(stream=bool(chunks))
        request = (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:8000\r\nauthorization: Bearer %b\r\n"
            b"content-type: application/json\r\nuser-agent: bench\r\naccept: */*\r\n"
            b"content-length: %d\r\n\r\n%b" % (secret.encode(), len(body), body)
        )
        if chunks:
            answer = [_STREAM_HEAD, *[_framed(_CHUNK % 1)] * chunks, _framed(_LAST) + b"0\r\n\r\n"]
        else:
            answer = [_answer(_ANSWER)]
        pool = app.gateway.pool
        engine = upstream._Connection(pool)  # noqa: SLF001 - as above
        asked = False

        def on_engine_write() -> None:
            nonlocal asked
            asked = True

        engine.connection_made(Transport(on_engine_write))
        engine.fresh_until_s = float("inf")
        pool._open.add(engine)  # noqa: SLF001 - as above
        pool._idle.append(engine)  # noqa: SLF001 - as above
        config = app.server.config
        config.load()
        state = SimpleNamespace(connections=set(), tasks=set(), total_requests=0, default_headers=[])
        client = config.http_protocol_class(config, state, {}, asyncio.get_running_loop())
        client.connection_made(Transport(lambda: None))

        def once() -> None:
            nonlocal asked
            asked = False
            client.data_received(request)
            assert asked, "the request went to the engine at once"
            for piece in answer:
                engine.data_received(piece)

        for _ in range(200):
            once()
        best = float("inf")
        for _ in range(rounds):
            before = time.process_time()
            for _ in range(requests):
                once()
            best = min(best, (time.process_time() - before) / requests)
            await asyncio.sleep(0)
        per = f", {best * 1e6 / chunks:.2f} µs a chunk" if chunks else ""
        print(f"{best * 1e6:.1f} µs a request{per}")
        if profile:
            profiler = cProfile.Profile()
            profiler.enable()
            for _ in range(requests):
                once()
            profiler.disable()
            pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(45)
        client.connection_lost(None)
        await app.gateway.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stream", type=int, default=0, metavar="CHUNKS")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--profile", action="store_true")
    words = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            measure(chunks=words.stream, requests=words.requests, rounds=words.rounds, profile=words.profile)
        )


if __name__ == "__main__":
    main()
