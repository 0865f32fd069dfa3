"""Two gateways that share PostgreSQL and Redis: whichever is asked, the answer is the same.

Both servers are real, and are taken away in the middle of sixteen streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client

from huiyan.state.database import Database
from huiyan.state.issue import issue_key
from huiyan.testing import FakeEngine, Reply
from tests.support import servers
from tests.support.gateway import CHAT, RunningGateway, assert_refusal, chat_request, running_gateway
from tests.support.wait import eventually
from tests.support.wire import ask

STREAMS = 16


@dataclass
class Shared:
    """Addresses of both servers, and how the one with the limits is paused and emptied."""

    database_url: str
    limits_url: str

    def client(self) -> Any:  # Any: the client types only half of its methods
        return redis_client.from_url(self.limits_url.replace("redis+unix", "unix"))


@pytest.fixture
def shared() -> Iterator[Shared]:
    with servers.postgres() as database, servers.redis() as limits:
        yield Shared(database.format("postgres"), limits)


@dataclass
class Pair:
    one: RunningGateway
    two: RunningGateway
    engine: FakeEngine
    database: Database

    def key(self, scopes: tuple[str, ...] = ("chat",), **limits: Any) -> tuple[str, dict[str, str]]:
        record, secret = issue_key(self.database, name="a", scopes=scopes, **limits)
        return record.id, {"Authorization": f"Bearer {secret}"}

    async def known(self, headers: dict[str, str]) -> None:
        """Wait until both gateways know the key."""
        for gateway in (self.one, self.two):

            async def knows(gateway: RunningGateway = gateway) -> bool:
                return (await gateway.get("/v1/models", headers)).status == 200

            await eventually(knows)


@pytest.fixture
async def pair(shared: Shared, tmp_path: Path) -> AsyncIterator[Pair]:
    async with contextlib.AsyncExitStack() as stack:
        engine = await stack.enter_async_context(FakeEngine(api_key="engine-secret-key-0123456789"))
        # The state directory holds the shared secret alone; on two hosts it is a copy.
        access = {"database_url": shared.database_url, "limits_url": shared.limits_url, "state_dir": tmp_path}
        database = await asyncio.to_thread(Database, tmp_path, url=shared.database_url)
        stack.callback(database.close)
        issue_key(database, name="first", scopes=["admin"])
        one = await stack.enter_async_context(running_gateway(engine.endpoint, access=access))
        two = await stack.enter_async_context(running_gateway(engine.endpoint, access=access))
        yield Pair(one, two, engine, database)


async def _first_byte(
    gateway: RunningGateway, headers: dict[str, str], stack: contextlib.AsyncExitStack
) -> int:
    """Begin a stream and leave it open; the status it began with."""
    wire = await stack.enter_async_context(gateway.wire())
    await wire.send(wire.request_bytes("POST", CHAT, headers, json=chat_request(stream=True)))
    return (await wire.head()).status


async def _sixteen(pair: Pair, headers: dict[str, str], stack: contextlib.AsyncExitStack) -> list[int]:
    gateways = (pair.one, pair.two) * (STREAMS // 2)
    return list(await asyncio.gather(*(_first_byte(gateway, headers, stack) for gateway in gateways)))


async def test_a_key_made_or_revoked_at_one_gateway_counts_at_the_other(pair: Pair) -> None:
    _, admin = pair.key(scopes=("admin", "chat"))
    await pair.known(admin)
    made = (await pair.one.post("/api/admin/keys", {"name": "shop", "scopes": ["chat"]}, admin)).json()
    headers = {"Authorization": f"Bearer {made['secret']}"}
    await pair.known(headers)
    assert (await pair.two.chat(headers=headers)).status == 200
    revoked = await ask(pair.one.port, "DELETE", f"/api/admin/keys/{made['key']['id']}", admin)
    assert revoked.status in {200, 204}, revoked.text

    async def refused() -> bool:
        return (await pair.two.get("/v1/models", headers)).status == 401

    await eventually(refused)


async def test_a_browser_that_signed_in_at_one_gateway_is_known_at_the_other(pair: Pair) -> None:
    _, headers = pair.key()
    await pair.known(headers)
    secret = headers["Authorization"].removeprefix("Bearer ")
    signed_in = await pair.one.post("/api/session", {"key": secret})
    assert signed_in.status == 201, signed_in.text
    cookie = (signed_in.header("set-cookie") or "").partition(";")[0]
    assert (await pair.two.get("/v1/models", {"Cookie": cookie})).status == 200


async def test_streams_of_a_key_are_bounded_over_both_whatever_redis_does(shared: Shared, pair: Pair) -> None:
    """Its limit is four. Sixteen ask, Redis stops, forgets, and comes back: never a fifth."""
    _, headers = pair.key(streams=4)
    await pair.known(headers)
    pair.engine.default_reply = Reply.endless()
    client = shared.client()
    async with contextlib.AsyncExitStack() as stack:
        statuses = await _sixteen(pair, headers, stack)
        assert sorted(statuses) == [200] * 4 + [429] * 12
        client.execute_command("CLIENT", "PAUSE", "6000", "ALL")
        away = await _sixteen(pair, headers, stack)
        # A question that waited until the server was back is answered as the limit wants.
        assert set(away) <= {503, 429}
        assert 503 in away
        assert len(pair.engine.requests) == 4
        client.flushall()
        forgotten = await _sixteen(pair, headers, stack)
        # The first to ask may fill the empty server's four places for a moment; nobody passes.
        assert set(forgotten) <= {503, 429}
        assert len(pair.engine.requests) == 4
        refusal = await pair.one.chat(headers=headers)
        assert_refusal(refusal, 503, "limits_unavailable")
        assert 1 <= int(refusal.header("retry-after") or "0") <= 60
        _, free = pair.key()
        await pair.known(free)
        pair.engine.default_reply = Reply()
        assert (await pair.two.chat(headers=free)).status == 200, "a key without limits needs no Redis"
    client.close()


async def test_usage_of_both_is_added_up(pair: Pair) -> None:
    key_id, headers = pair.key()
    await pair.known(headers)
    for gateway in (pair.one, pair.two, pair.two):
        assert (await gateway.chat(headers=headers)).status == 200
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))

    async def counted() -> bool:
        rows = await asyncio.to_thread(lambda: pair.database.usage(since_day=today, key_id=key_id))
        # /v1/models counts as well: three are the least.
        return sum(row.counts.completion_tokens > 0 for row in rows) >= 1 and (
            sum(row.counts.requests for row in rows) >= 3
        )

    await eventually(counted, timeout_s=30)
