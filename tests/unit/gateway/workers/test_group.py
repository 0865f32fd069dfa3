"""Worker processes on one port: all serve, a killed one is replaced, no connection is refused."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import huiyan
from huiyan.errors import StartFailedError
from huiyan.gateway.workers.group import WorkerGroup
from huiyan.gateway.workers.listeners import listeners
from tests.support.wait import eventually

_TIMEOUT_S = 60.0


@asynccontextmanager
async def _group(count: int, boot: dict[str, object] | None = None) -> AsyncIterator[tuple[WorkerGroup, int]]:
    first = socket.socket()
    first.bind(("127.0.0.1", 0))
    port = first.getsockname()[1]
    sockets = listeners(first, count)
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(huiyan.__file__).parents[1])])
    group = WorkerGroup(
        "listening_worker",
        sockets,
        boot=lambda number: boot or {},
        on_line=lambda line: None,
        environment={**os.environ, "PYTHONPATH": path},
        start_timeout_s=_TIMEOUT_S,
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            group.start(tasks)
            try:
                yield group, port
            finally:
                await group.stop()
    finally:
        for opened in set(sockets):
            opened.close()


async def _ask(port: int) -> list[str]:
    async with asyncio.timeout(_TIMEOUT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer = (await reader.read()).decode().split()
        writer.close()
    return answer


async def test_all_serve_hear_the_news_and_a_killed_one_is_replaced() -> None:
    async with _group(2) as (group, port):
        await group.wait_ready()
        answers = [await _ask(port) for _ in range(40)]
        assert {answer[0] for answer in answers} == {"0", "1"}
        group.send({"type": "engine"})

        async def all_heard() -> bool:
            return {(await _ask(port))[2] for _ in range(20)} == {"engine"}

        await eventually(all_heard, timeout_s=_TIMEOUT_S)
        victim = next(answer[1] for answer in answers if answer[0] == "0")
        os.kill(int(victim), signal.SIGKILL)
        await eventually(lambda: _is(group.statuses[0].restarts == 1), timeout_s=_TIMEOUT_S)
        # Those that the kernel gives to the dead one's socket wait there for its successor.
        after = [await _ask(port) for _ in range(40)]
        assert {answer[0] for answer in after} == {"0", "1"}
        assert victim not in {answer[1] for answer in after}
        assert not group.lost.is_set()


async def test_a_group_that_cannot_start_says_so() -> None:
    async with _group(1, {"fails": True}) as (group, _):
        with pytest.raises(StartFailedError):
            await group.wait_ready()
        assert group.lost.is_set()


async def _is(value: bool) -> bool:
    return value
