"""Several gateway processes on one port: to a client they are one gateway, also when one of them dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from huiyan.engines.status import EngineState
from huiyan.gateway.access.options import REVEAL
from huiyan.gateway.options import GatewayOptions
from huiyan.gateway.workers.front import Front
from huiyan.state.database import Database
from huiyan.state.issue import issue_key
from huiyan.testing import FakeEngine, Reply
from tests.support.gateway import CARD, CHAT, assert_refusal, chat_request, status
from tests.support.tool_loop import Reading, asking, calls, told
from tests.support.tools import install_scripted, running_host
from tests.support.wait import eventually
from tests.support.wire import Response, Wire, ask

_WORKERS = 3
#: Enough that all of them go to one worker once in some hundred thousand runs; then a test proves less.
_MANY = 12
_START_S = 60.0


@dataclass
class Several:
    front: Front
    engine: FakeEngine
    port: int
    data_dir: Path

    def key(self, **limits: Any) -> str:
        database = Database(self.data_dir / "state")
        try:
            return issue_key(database, name="test", scopes=["chat", "admin"], **limits)[1]
        finally:
            database.close()

    async def chat(
        self, content: str = "你好", headers: dict[str, str] | None = None, **more: Any
    ) -> Response:
        """Over a connection of its own, so that any worker may get it."""
        return await ask(self.port, "POST", CHAT, headers, json=chat_request(content, **more))

    async def boots(self) -> set[str]:
        """Ids of the workers that answer."""
        answers = await asyncio.gather(*(ask(self.port, "GET", "/api/info") for _ in range(_MANY)))
        return {answer.json()["boot_id"] for answer in answers}

    @property
    def pids(self) -> list[int]:
        assert self.front._group is not None
        return [found.pid for found in self.front._group.statuses if found.pid is not None]

    def chats(self) -> int:
        return sum(request.path == CHAT for request in self.engine.requests)


@pytest.fixture
async def several(tmp_path: Path) -> AsyncIterator[Several]:
    options = GatewayOptions.model_validate({"traffic": {"workers": _WORKERS, "max_running": 4}})
    async with FakeEngine() as engine:
        listener = socket.create_server(("127.0.0.1", 0))
        front = Front(
            options,
            module="huiyan.app",
            boot={
                "type": "boot",
                "options": options.model_dump(mode="json", context=REVEAL),
                "model": CARD,
                "endpoint": engine.endpoint,
                "engine": status(EngineState.READY),
                "data_dir": str(tmp_path),
            },
            listener=listener,
            engine_slots=None,
            environment={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        serving = asyncio.Event()
        running = asyncio.get_running_loop().create_task(front.run(serving.set))
        try:
            async with asyncio.timeout(_START_S):
                await serving.wait()
            yield Several(front, engine, listener.getsockname()[1], tmp_path)
        finally:
            front.stop()
            async with asyncio.timeout(_START_S):
                assert await running
            listener.close()
    assert not (tmp_path / "run" / "gateway.sock").exists()


async def test_all_serve_the_one_port(several: Several) -> None:
    async def all_have_answered() -> bool:
        seen.update(await several.boots())
        return len(seen) == _WORKERS

    seen: set[str] = set()
    if sys.platform.startswith("linux"):
        await eventually(all_have_answered, _START_S)
    answers = await asyncio.gather(*(several.chat() for _ in range(_MANY)))
    assert [answer.status for answer in answers] == [200] * _MANY


async def test_a_keys_streams_are_counted_over_all(several: Several) -> None:
    """Two at once are promised: two come in, whichever workers they get to."""
    several.engine.default_reply = Reply.endless()
    key = {"Authorization": f"Bearer {several.key(streams=2, requests_per_min=1000)}"}

    async def is_known() -> bool:
        answers = [await ask(several.port, "GET", "/v1/models", key) for _ in range(_MANY)]
        wrong = {"Authorization": "Bearer hy-wrong"}
        refused = [await ask(several.port, "GET", "/v1/models", wrong) for _ in range(_MANY)]
        return all(a.status == 200 for a in answers) and all(r.status == 401 for r in refused)

    await eventually(is_known, _START_S)
    async with contextlib.AsyncExitStack() as open_:
        wires = [await open_.enter_async_context(Wire.open(several.port)) for _ in range(_MANY)]
        for wire in wires:
            await wire.send(wire.request_bytes("POST", CHAT, key, json=chat_request(stream=True)))
        heads = await asyncio.gather(*(wire.head() for wire in wires))
        assert sorted(head.status for head in heads) == [200] * 2 + [429] * (_MANY - 2)
        for head in heads:
            assert head.header("x-ratelimit-limit-requests") == "1000"
        refused = next(head for head in heads if head.status == 429)
        assert int(refused.header("retry-after") or 0) > 0
        for wire in wires:
            wire.abort()

    async def one_comes_in() -> bool:
        """Those who left gave their places back."""
        async with Wire.open(several.port) as wire:
            await wire.send(wire.request_bytes("POST", CHAT, key, json=chat_request(stream=True)))
            return (await wire.head()).status == 200

    await eventually(one_comes_in, _START_S)


async def test_an_idempotency_key_runs_once_whichever_worker_hears_it(several: Several) -> None:
    several.engine.default_reply = Reply(text="只有一个答案。", first_delay_s=0.3)
    headers = {"Idempotency-Key": "one"}
    together = await asyncio.gather(*(several.chat("一", headers) for _ in range(_MANY)))
    later = [await several.chat("一", headers) for _ in range(_MANY)]
    assert {answer.status for answer in (*together, *later)} == {200}
    assert len({bytes(answer.body) for answer in (*together, *later)}) == 1
    assert several.chats() == 1
    for other in [await several.chat("二", headers) for _ in range(_MANY)]:
        assert_refusal(other, 409, "idempotency_conflict")
    assert several.chats() == 1


async def test_a_stream_is_read_again_from_any_worker(several: Several) -> None:
    several.engine.default_reply = Reply(text="一二三四五六七八九十", chunk_chars=1, delay_s=0.02)
    headers = {"Idempotency-Key": "stream"}
    async with Wire.open(several.port) as first:
        await first.send(first.request_bytes("POST", CHAT, headers, json=chat_request(stream=True)))
        await first.body_until("一".encode())
        first.abort()
    answers = await asyncio.gather(*(several.chat(headers=headers, stream=True) for _ in range(_MANY)))
    assert len({bytes(answer.body) for answer in answers}) == 1
    assert b"[DONE]" in answers[0].body
    assert several.chats() == 1


async def test_what_the_engine_refuses_may_be_tried_again(several: Several) -> None:
    """An answer that failed is not kept, nor who owned it."""
    headers = {"Idempotency-Key": "again"}
    await several.engine.stop()
    assert (await several.chat(headers=headers)).status >= 500
    await several.engine.start(several.engine.port)

    async def works() -> bool:
        return (await several.chat(headers=headers)).status == 200

    await eventually(works, _START_S)


async def test_stop_reaches_the_worker_that_writes(several: Several) -> None:
    several.engine.default_reply = Reply.endless()
    headers = {"Idempotency-Key": "stop"}
    async with Wire.open(several.port) as wire:
        await wire.send(wire.request_bytes("POST", CHAT, headers, json=chat_request(stream=True)))
        await wire.body_until(b"data:")
        for _ in range(_MANY):
            await ask(several.port, "DELETE", "/api/answers/stop")
        await several.engine.requests[-1].was_cancelled()
        assert (await wire.rest()).ended


async def test_a_killed_worker_takes_nobody_elses_place_along(several: Several) -> None:
    """Its slots are given back, it comes back, and no connection is refused meanwhile."""
    several.engine.default_reply = Reply.endless()
    async with contextlib.AsyncExitStack() as open_:
        wires = [await open_.enter_async_context(Wire.open(several.port)) for _ in range(4)]
        for wire in wires:
            await wire.send(wire.request_bytes("POST", CHAT, json=chat_request(stream=True)))
            await wire.body_until(b"data:")
        killed = several.pids[0]
        os.kill(killed, signal.SIGKILL)

        async def is_back() -> bool:
            return killed not in several.pids and len(several.pids) == _WORKERS

        await eventually(is_back, _START_S)
        for wire in wires:
            wire.abort()
    several.engine.default_reply = Reply()
    answers = await asyncio.gather(*(several.chat() for _ in range(_MANY)))
    assert [answer.status for answer in answers] == [200] * _MANY


async def test_news_reach_all(several: Several) -> None:
    async def all_say(state: int) -> bool:
        answers = [await ask(several.port, "GET", "/health/ready") for _ in range(_MANY)]
        return all(answer.status == state for answer in answers)

    loading = msgspec.to_builtins(status(EngineState.LOADING))
    several.front.tell({"type": "engine", "status": loading})
    await eventually(lambda: all_say(503), _START_S)
    assert_refusal(await several.chat(), 503, "engine_starting")
    several.front.tell({"type": "pause"})
    waiting = [asyncio.create_task(several.chat()) for _ in range(_MANY)]
    ready = msgspec.to_builtins(status(EngineState.READY))
    several.front.tell({"type": "engine", "status": ready})

    async def all_wait() -> bool:
        return several.front._queue.waiting == _MANY

    await eventually(all_wait, _START_S)
    assert several.chats() == 0
    several.front.tell({"type": "resume"})
    answers = await asyncio.gather(*waiting)
    assert [answer.status for answer in answers] == [200] * _MANY


async def _counted(several: Several) -> int:
    """Chats that were answered, by the metrics of whichever worker is asked."""
    answer = await ask(several.port, "GET", "/metrics")
    assert answer.status == 200
    pattern = r'^huiyan_requests_total\{path="/v1/chat/completions".*\} (\S+)$'
    return int(sum(float(value) for value in re.findall(pattern, answer.text, re.MULTILINE)))


async def test_metrics_are_those_of_all_whichever_is_asked(several: Several) -> None:
    await asyncio.gather(*(several.chat() for _ in range(_MANY)))
    assert [await _counted(several) for _ in range(_MANY)] == [_MANY] * _MANY


async def test_metrics_of_a_worker_that_dies_stay_in_the_sum(several: Several) -> None:
    await asyncio.gather(*(several.chat() for _ in range(_MANY)))
    assert await _counted(several) == _MANY
    os.kill(several.pids[0], signal.SIGKILL)

    async def is_back() -> bool:
        """Its connections wait in its socket's backlog until its successor serves them."""
        return len(several.pids) == _WORKERS and len(await several.boots()) > 1

    await eventually(is_back, _START_S)
    for _ in range(3):
        assert await _counted(several) == _MANY
    await several.chat()
    assert await _counted(several) == _MANY + 1


async def test_a_question_of_one_worker_is_answered_through_any(several: Several) -> None:
    """The answer to a model's tool call may arrive where nobody has asked."""
    await install_scripted(several.data_dir, "scripted", "die")
    async with running_host(several.data_dir):

        async def offered() -> bool:
            lists = [(await ask(several.port, "GET", "/api/tools")).json() for _ in range(_MANY)]
            return all(each["available"] and each["plugins"] for each in lists)

        await eventually(offered, _START_S)
        for _ in range(4):
            several.engine.script(calls(("die", {})), Reply(text="好。"))
            async with Wire.open(several.port) as wire:
                await wire.send(wire.request_bytes("POST", CHAT, {}, json=asking()))
                call = (await Reading(wire).until("confirm"))["id"]
                decided = await ask(several.port, "POST", f"/api/tool-calls/{call}", json={"allow": False})
                assert decided.status == 204
                events = told(await Reading(wire).rest())
            assert [each["by"] for each in events if each["type"] == "decided"] == ["user"]
