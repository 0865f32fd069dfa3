"""One of two gateway processes is killed in the middle of sixteen streams: only its own end.

PostgreSQL and Redis are real, the engine is the scriptable one, a small TCP balancer gives both one address.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from huiyan.state.database import Database
from huiyan.state.issue import issue_key
from huiyan.testing import FakeEngine, Reply
from tests.support import servers
from tests.support.gateway import CHAT, chat_request
from tests.support.wait import eventually
from tests.support.wire import Wire, ask

STREAMS = 16


@contextlib.asynccontextmanager
async def balancer(ports: list[int]) -> AsyncIterator[int]:
    """Each connection goes to the next port that accepts it."""
    turn = 0

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal turn
        for _ in ports:
            turn += 1
            try:
                there = await asyncio.open_connection("127.0.0.1", ports[turn % len(ports)])
            except OSError:
                continue
            await asyncio.gather(relay(reader, there[1]), relay(there[0], writer))
            return
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextlib.asynccontextmanager
async def serving(data_dir: Path, engine: FakeEngine, key_file: Path) -> AsyncIterator[tuple[int, int]]:
    """`huiyan serve` as a process of its own: (pid, port)."""
    log = data_dir / "log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "huiyan", "serve", "--json", "--port", "0", "--data-dir", str(data_dir)),
            *("--engine-url", f"http://127.0.0.1:{engine.port}", "--engine-key-file", str(key_file)),
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    assert process.stdout is not None
    try:
        port = None
        async with asyncio.timeout(60):
            while port is None:
                line = await process.stdout.readline()
                assert line, log.read_text()
                found = re.search(r"http://[^/:]+:(\d+)", str(json.loads(line).get("url") or ""))
                port = int(found[1]) if found else None
        yield process.pid, port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.slow
async def test_a_gateway_that_is_killed_takes_only_its_own_streams_along(tmp_path: Path) -> None:
    with servers.postgres() as postgres, servers.redis() as limits:
        url = postgres.format("postgres")
        async with contextlib.AsyncExitStack() as stack:
            engine = await stack.enter_async_context(FakeEngine(api_key="engine-secret-key-0123456789"))
            engine.default_reply = Reply.endless()
            key_file = tmp_path / "engine-key"
            key_file.write_text(engine.api_key)
            gateways: list[tuple[int, int]] = []
            secret = b""
            headers: dict[str, str] = {}
            for name in ("one", "two"):
                data_dir = tmp_path / name
                (data_dir / "state").mkdir(parents=True, mode=0o700)
                if secret:
                    (data_dir / "state" / "secret").write_bytes(secret)
                database = await asyncio.to_thread(Database, data_dir / "state", url=url)
                if not secret:
                    _, shown = issue_key(database, name="a", scopes=["chat"], streams=STREAMS)
                    headers = {"Authorization": f"Bearer {shown}"}
                database.close()
                secret = (data_dir / "state" / "secret").read_bytes()
                (data_dir / "huiyan.toml").write_text(
                    f'[gateway.access]\ndatabase_url = "{url}"\nlimits_url = "{limits}"\n'
                )
                gateways.append(await stack.enter_async_context(serving(data_dir, engine, key_file)))
            for _, gateway_port in gateways:

                async def knows(at: int = gateway_port) -> bool:
                    return (await ask(at, "GET", "/v1/models", headers)).status == 200

                await eventually(knows, timeout_s=60)
            port = await stack.enter_async_context(balancer([port for _, port in gateways]))

            async def begin() -> Wire:
                wire = await stack.enter_async_context(Wire.open(port))
                await wire.send(wire.request_bytes("POST", CHAT, headers, json=chat_request(stream=True)))
                assert (await wire.head()).status == 200
                return wire

            wires = await asyncio.gather(*(begin() for _ in range(STREAMS)))
            over = await ask(port, "POST", CHAT, headers, json=chat_request())
            assert over.status == 429, "both together are full"
            os.kill(gateways[0][0], signal.SIGKILL)

            async def alive(wire: Wire) -> bool:
                """Whether much more comes than could have been on its way."""
                had = len((await wire.head()).body)
                try:
                    await wire.body_of(had + 4_000)
                except (AssertionError, ConnectionResetError):
                    return False
                return True

            lived = await asyncio.gather(*(alive(wire) for wire in wires))
            assert sum(lived) == STREAMS // 2, "the other gateway's streams go on"
            # A re-asked question reaches the other gateway. The dead one's places are held until its leases
            # end, so a limit of sixteen is never exceeded; the answer is then 429, not a broken connection.
            again = await ask(port, "POST", CHAT, headers, json=chat_request())
            assert again.status == 429
            assert (await ask(port, "GET", "/health/live")).status == 200
