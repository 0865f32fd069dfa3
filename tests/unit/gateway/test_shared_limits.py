"""The same limits in a real Redis or Valkey, between gateways."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import redis as redis_client

from huiyan.errors import LimitsUnavailableError
from huiyan.gateway.access.principal import KeyLimits, Principal, Scope
from huiyan.gateway.limits import Lease, Limiter, Refused
from huiyan.gateway.shared_limits import SharedLimits
from tests.support import servers, shared_servers
from tests.support.wait import eventually


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with servers.redis() as url:
        yield url


@pytest.fixture
def url(server: str) -> str:
    client = redis_client.from_url(server.replace("redis+unix", "unix"))
    client.flushall()
    client.close()
    return server


def who(**limits: int) -> Principal:
    return Principal(id="k", name="a", scopes=frozenset({Scope.CHAT}), limits=KeyLimits(**limits))


async def begin(limiter: Limiter, principal: Principal, body_bytes: int = 10) -> Lease | Refused:
    answer: asyncio.Future[Lease | Refused] = asyncio.get_running_loop().create_future()
    limiter.begin(principal, body_bytes=body_bytes, done=answer.set_result)
    return await asyncio.wait_for(answer, 30)


async def close(*limiters: Limiter) -> None:
    for limiter in limiters:
        await asyncio.to_thread(limiter.close)


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
async def test_requests_are_counted_together(url: str, scheme: str) -> None:
    url = url.replace("redis", scheme, 1)
    one, two = Limiter(url), Limiter(url)
    principal = who(requests_per_min=4)
    answers = await asyncio.gather(*(begin(limiter, principal) for limiter in (one, two) * 4))
    refusals = [answer for answer in answers if isinstance(answer, Refused)]
    assert len(refusals) == 4
    assert all(dict(refusal.headers)[b"x-ratelimit-limit-requests"] == b"4" for refusal in refusals)
    assert all(refusal.error.retry_after_s >= 1 for refusal in refusals)
    again = await begin(one, principal)
    assert isinstance(again, Refused)
    assert 1 <= again.error.retry_after_s <= 120
    await close(one, two)


async def test_streams_are_counted_together_and_given_back(url: str) -> None:
    one, two = Limiter(url), Limiter(url)
    principal = who(streams=1)
    first = await begin(one, principal)
    assert isinstance(first, Lease)
    assert isinstance(await begin(two, principal), Refused)
    first.finish()
    first.finish()

    async def free() -> bool:
        answer = await begin(two, principal)
        if isinstance(answer, Lease):
            answer.finish()
        return isinstance(answer, Lease)

    await eventually(free)
    held = await begin(one, principal)
    while isinstance(held, Refused):
        held = await begin(one, principal)
    # A gateway that stops gives back what it holds.
    await close(one)
    await eventually(free)
    await close(two)


async def test_a_gateway_that_died_holds_its_places_for_a_minute_at_most(url: str) -> None:
    limiter = Limiter(url)
    assert isinstance(await begin(limiter, who(streams=1)), Lease)
    client: Any = redis_client.from_url(url.replace("redis+unix", "unix"))
    ((_, ends_s),) = client.zrange("huiyan:streams/k", 0, -1, withscores=True)
    (now_s, _) = client.time()
    assert 0 < ends_s - now_s <= 60
    client.close()
    await close(limiter)


async def test_tokens_are_charged_at_the_end(url: str) -> None:
    one, two = Limiter(url), Limiter(url)
    principal = who(tokens_per_min=100)
    first = await begin(one, principal)
    assert isinstance(first, Lease)
    first.finish(80, 30)

    async def spent() -> bool:
        return isinstance(await begin(two, principal), Refused)

    await eventually(spent)
    refusal = await begin(two, principal)
    assert isinstance(refusal, Refused)
    assert dict(refusal.headers)[b"x-ratelimit-remaining-tokens"] == b"0"
    await close(one, two)


async def test_bytes_a_day(url: str) -> None:
    limiter = Limiter(url)
    principal = who(bytes_per_day=1000)
    assert isinstance(await begin(limiter, principal, 900), Lease)
    refusal = await begin(limiter, principal, 101)
    assert isinstance(refusal, Refused)
    assert "100 of them are left" in refusal.error.message
    assert isinstance(await begin(limiter, principal, 100), Lease)
    await close(limiter)


async def test_nobody_with_limits_gets_in_while_the_store_is_away(caplog: pytest.LogCaptureFixture) -> None:
    limiter = Limiter("redis://:hunter2@127.0.0.1:1/0")
    with caplog.at_level(logging.WARNING):
        answers = [await begin(limiter, who(requests_per_min=2)) for _ in range(2)]
        free = await begin(limiter, who())
    for answer in answers:
        assert isinstance(answer, Refused)
        assert isinstance(answer.error, LimitsUnavailableError)
        assert answer.error.retry_after_s >= 1
    assert isinstance(free, Lease), "a key without limits needs no count"
    warnings = [record for record in caplog.records if record.name.startswith("huiyan")]
    assert len(warnings) == 1
    assert "hunter2" not in caplog.text
    await close(limiter)


async def test_a_store_that_forgot_is_not_believed_until_it_has_seen_a_minute(url: str) -> None:
    """Two requests a minute and one stream would otherwise be four and two."""
    loop = asyncio.get_running_loop()
    one = SharedLimits(url, forgotten_s=1.0)
    two = SharedLimits(url, forgotten_s=1.0)

    async def ask(shared: SharedLimits) -> Lease | Refused:
        answer: asyncio.Future[Lease | Refused] = loop.create_future()
        shared.begin("k", KeyLimits(streams=1, requests_per_min=50), 10, answer.set_result)
        return await asyncio.wait_for(answer, 30)

    held = await ask(one)
    assert isinstance(held, Lease)
    assert isinstance(await ask(two), Refused)
    client = redis_client.from_url(url.replace("redis+unix", "unix"))
    client.flushall()
    client.close()
    for shared in (two, one):
        refused = await ask(shared)
        assert isinstance(refused, Refused)
        assert isinstance(refused.error, LimitsUnavailableError)

    async def believed_again() -> bool:
        answer = await ask(two)
        assert isinstance(answer, Refused), "the running stream was registered again"
        return not isinstance(answer.error, LimitsUnavailableError)

    await eventually(believed_again)
    held.finish()

    async def free() -> bool:
        return isinstance(await ask(two), Lease)

    await eventually(free)
    await asyncio.to_thread(one.close)
    await asyncio.to_thread(two.close)


async def test_a_store_that_is_silent_keeps_nobody_waiting_and_hears_later_what_ended() -> None:
    with shared_servers.redis() as (server, url):
        await asyncio.to_thread(server.start)
        limiter = Limiter(url)
        two_streams = who(streams=2, tokens_per_min=100)
        held = [await begin(limiter, two_streams) for _ in range(2)]
        server.pause()
        try:
            # One after the other in four threads, each as long as a timeout, would take minutes.
            async with asyncio.timeout(60):
                answers = await asyncio.gather(*(begin(limiter, two_streams) for _ in range(400)))
            for answer in answers:
                assert isinstance(answer, Refused)
                assert isinstance(answer.error, LimitsUnavailableError)
            for lease in held:
                assert isinstance(lease, Lease)
                lease.finish(40, 0)
        finally:
            server.resume()
        client: Any = redis_client.from_url(url.replace("redis+unix", "unix"))

        async def free() -> bool:
            # Of those that were cut off in the middle, too: nobody renews what nobody has.
            return not client.zcard("huiyan:streams/k")

        # Sooner than by their end after a minute.
        await eventually(free, timeout_s=40)
        again: list[Lease] = []

        async def lets_in() -> bool:
            answer = await begin(limiter, two_streams)
            again.extend([answer] if isinstance(answer, Lease) else [])
            return bool(again)

        await eventually(lets_in, timeout_s=40)
        assert dict(again[0].headers())[b"x-ratelimit-remaining-tokens"] == b"20", "tokens were charged later"
        client.close()
        await close(limiter)
