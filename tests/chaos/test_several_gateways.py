"""Two gateway processes, real PostgreSQL and Redis: each part is killed in the middle of sixteen streams."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from huiyan.testing import FakeEngine, Reply
from tests.support.gateway import CHAT, assert_refusal, chat_request
from tests.support.kills import STREAMS, Cost, System, cost_of, system
from tests.support.wait import eventually
from tests.support.wire import ask

ENGINE_KEY = "engine-secret-key-0123456789"
#: Streams that last about six seconds, so that whatever is killed is killed in their middle.
LONG = Reply(text="。" * 240, chunk_chars=2, delay_s=0.05, ignores_max_tokens=True)


@dataclass
class Two:
    system: System
    engines: list[FakeEngine]


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    async with contextlib.AsyncExitStack() as stack:
        engines = [await stack.enter_async_context(FakeEngine(api_key=ENGINE_KEY)) for _ in range(2)]
        urls = [f"http://127.0.0.1:{engine.port}" for engine in engines]
        on = await stack.enter_async_context(system(urls, ENGINE_KEY, tmp_path))
        for engine in engines:
            engine.default_reply = LONG
        yield Two(on, engines)


async def _nothing() -> None:
    pass


def _bounded(cost: Cost) -> None:
    assert cost.over_admitted == 0, cost
    assert cost.probes > 0, cost


async def test_a_killed_gateway_takes_its_own_streams_along_and_nothing_else(two: Two) -> None:
    victim = two.system.gateways[0]
    cost = await cost_of(victim.kill, victim.start, two.system)
    _bounded(cost)
    assert 0 < cost.streams_failed < STREAMS
    assert cost.probes_failed == 0, "one that starts takes no request before it has read its keys"
    await two.system.key()  # both know it: the killed one is back


async def test_streams_outlive_redis(two: Two) -> None:
    redis = two.system.redis

    async def kill() -> None:
        await asyncio.to_thread(redis.kill)

    async def mend() -> None:
        await asyncio.to_thread(redis.start)

    cost = await cost_of(kill, mend, two.system)
    _bounded(cost)
    assert cost.streams_failed == 0
    assert cost.probes_failed == 0, "a key without limits needs no Redis"


async def test_streams_and_usage_outlive_postgres(two: Two) -> None:
    postgres, (one, other) = two.system.postgres, two.system.gateways
    admin = await two.system.key(("admin", "chat"))
    database = await asyncio.to_thread(two.system.database)
    before = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))

    async def kill() -> None:
        await asyncio.to_thread(postgres.kill)

    cost = await cost_of(kill, _nothing, two.system)
    _bounded(cost)
    assert (cost.streams_failed, cost.probes_failed) == (0, 0)
    headers = {"Authorization": "Bearer hy-never-seen-by-anybody"}
    for gateway in (one, other):
        await two.system.answers(gateway, headers, 503)
        refusal = await ask(gateway.port, "GET", "/v1/models", headers)
        assert_refusal(refusal, 503, "keys_unavailable")
        assert refusal.header("retry-after")
        await two.system.answers(gateway, admin, 200)

    def put_aside() -> list[float]:
        return [file.stat().st_mtime for file in one.data_dir.glob("state/usage/*.usage.json")]

    def left() -> bool:
        return any(any(each.data_dir.glob("state/usage/*.usage.json")) for each in (one, other))

    quiet_s = time.time()

    async def spooled() -> bool:
        # Written again after an attempt that began when everything was over.
        return any(time_s > quiet_s + 4 for time_s in await asyncio.to_thread(put_aside))

    await eventually(spooled, timeout_s=60)
    await one.kill()
    await asyncio.to_thread(postgres.start)
    await one.start()
    await other.stop()
    # What it could not write in the moment of its end is left to its next start.
    await other.start()

    async def written() -> bool:
        return not await asyncio.to_thread(left)

    await eventually(written, timeout_s=30)
    rows = await asyncio.to_thread(lambda: database.usage(since_day=before))
    await asyncio.to_thread(database.close)
    answered = sum(request.path == CHAT for engine in two.engines for request in engine.requests)
    counted = sum(row.counts.requests - row.counts.errors for row in rows)
    # Every answer of an engine went to a client, and is in the table once.
    assert counted == answered


async def test_a_killed_engine_takes_its_own_streams_along(two: Two) -> None:
    victim = two.engines[0]
    port = victim.port

    async def mend() -> None:
        await victim.start(port)

    cost = await cost_of(victim.stop, mend, two.system)
    _bounded(cost)
    assert 0 < cost.streams_failed < STREAMS


async def test_keys_and_sessions_of_one_gateway_count_at_the_other_at_once(two: Two) -> None:
    one, other = two.system.gateways
    admin = await two.system.key(("admin", "chat"))
    made = await ask(one.port, "POST", "/api/admin/keys", admin, json={"name": "b", "scopes": ["chat"]})
    assert made.status == 201, made.text
    key = made.json()
    headers = {"Authorization": f"Bearer {key['secret']}"}
    await two.system.answers(other, headers, 200)
    for engine in two.engines:
        engine.default_reply = Reply()
    assert (await ask(other.port, "POST", CHAT, headers, json=chat_request())).status == 200
    signed_in = await ask(one.port, "POST", "/api/session", json={"key": key["secret"]})
    cookie = {"Cookie": (signed_in.header("set-cookie") or "").partition(";")[0]}
    await two.system.answers(other, cookie, 200)
    assert (await ask(one.port, "DELETE", f"/api/admin/keys/{key['key']['id']}", admin)).status in (200, 204)
    await two.system.answers(other, headers, 401)
    await two.system.answers(other, cookie, 401)
