"""Hosts that do not reach each other, in the middle of sixteen streams: what goes on, what is refused.

Each host is a network namespace: two gateways, one with PostgreSQL and Redis, two with engines. A cut is
silent (packets vanish, as where a host is gone) unless it says that it is refused, as by a firewall.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable

import pytest
import pytest_asyncio

from huiyan.state.issue import issue_key
from tests.support.gateway import assert_refusal
from tests.support.hosts import Cut
from tests.support.shared_servers import POSTGRES_PORT, REDIS_PORT
from tests.support.spread import ENGINES, GATEWAYS, STREAMS, Asked, Spread, Toll, spread, toll_of
from tests.support.wait import eventually

# One loop, as the hosts are started once for all of them.
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

#: A connection is given up and an engine looked after sooner than by default, to save the test's time.
_SETTINGS = "[gateway]\nengine_connect_timeout_s = 1.0\n[gateway.traffic]\nprobe_interval_s = 1.0\n"
#: No answer may take longer, whatever is cut, on however slow a machine. Waiting for ever is what this finds.
_BOUND_S = 25.0
_HEALED_WITHIN_S = 40.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Spread]:
    async with spread(tmp_path_factory.mktemp("hosts"), _SETTINGS) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def whole(on: Spread) -> AsyncIterator[None]:
    """After each of them everything is as it was, by itself."""
    try:
        yield
    finally:
        on.net.heal()
    await on.ready(timeout_s=_HEALED_WITHIN_S)


def _bounded(toll: Toll) -> None:
    """What holds whatever is cut."""
    assert toll.over_admitted == 0, f"{toll.peak} streams of a key with {STREAMS}"
    assert toll.asked
    assert all(each.status for each in toll.asked), [each for each in toll.asked if not each.status]
    assert toll.slowest_s < _BOUND_S
    # Everybody is answered again, by itself.
    assert toll.is_well_again(), toll.failed()[-5:]


def _refused(asked: Iterable[Asked], *codes: str) -> None:
    """All of these, and each with when to come back."""
    asked = list(asked)
    assert asked, "nothing was refused"
    assert {each.code for each in asked} <= set(codes), asked
    assert all(each.retry_after for each in asked if each.status == 503), asked


async def test_a_gateway_without_redis_refuses_keys_with_limits(on: Spread) -> None:
    def cut() -> None:
        on.net.cut("a", "data", port=REDIS_PORT)

    toll = await toll_of(on, cut, away_s=3.0, after_s=0.5, streams_s=5.0)
    _bounded(toll)
    assert not toll.broken, "running streams need no Redis"
    _refused(toll.failed("a", limited=True), "limits_unavailable")
    assert not toll.failed("a", limited=False), "keys without limits need no Redis"
    assert not toll.failed("b"), "the other gateway has it"


async def test_a_gateway_without_postgresql_goes_on_with_the_keys_that_it_has_seen(on: Spread) -> None:
    unknown = {"Authorization": "Bearer hy-never-seen-by-anybody"}
    made: list[str] = []

    async def meanwhile() -> None:
        await on.answers("a", unknown, 503, timeout_s=_BOUND_S)
        refusal = await on.ask("a", "GET", "/v1/models", unknown)
        assert_refusal(refusal, 503, "keys_unavailable")
        assert refusal.header("retry-after")
        await on.answers("b", unknown, 401)

        def issue() -> None:
            database = on.database()
            made.append(issue_key(database, name="made meanwhile", scopes=["chat"])[1])
            database.close()

        await asyncio.to_thread(issue)
        new = {"Authorization": f"Bearer {made[0]}"}
        await on.answers("b", new, 200)
        # It cannot know it, and says so, not that it were wrong.
        assert (await on.ask("a", "GET", "/v1/models", new)).status == 503

    def cut() -> None:
        on.net.cut("a", "data", port=POSTGRES_PORT)

    toll = await toll_of(on, cut, away_s=2.0, after_s=0.5, streams_s=4.0, meanwhile=meanwhile)
    _bounded(toll)
    assert (toll.broken, toll.failed()) == ({}, [])
    new = {"Authorization": f"Bearer {made[0]}"}
    await on.answers("a", new, 200, timeout_s=_HEALED_WITHIN_S)
    await _usage_is_written_once(on, toll)


async def test_a_gateway_without_the_data_host_keeps_its_streams(on: Spread) -> None:
    def cut() -> None:
        on.net.cut("a", "data", how=Cut.REFUSED)

    toll = await toll_of(on, cut, away_s=2.0, after_s=0.5, streams_s=4.0)
    _bounded(toll)
    assert not toll.broken
    _refused(toll.failed("a", limited=True), "limits_unavailable")
    assert not toll.failed("a", limited=False)
    assert not toll.failed("b")
    await _usage_is_written_once(on, toll)


async def test_a_data_host_whose_cable_is_pulled_breaks_no_stream(on: Spread) -> None:
    toll = await toll_of(on, lambda: on.net.unplug("data"), away_s=2.0, after_s=0.5, streams_s=4.0)
    _bounded(toll)
    assert not toll.broken
    _refused(toll.failed(limited=True), "limits_unavailable")
    assert not toll.failed(limited=False)


async def test_a_gateway_without_engines_says_so(on: Spread) -> None:
    def cut() -> None:
        for engine in ENGINES:
            on.net.cut("b", engine)

    toll = await toll_of(on, cut, away_s=4.0, after_s=0.5, streams_s=5.0)
    _bounded(toll)
    # A cut that is shorter than TCP's patience delays a stream, and breaks none.
    assert not toll.broken
    _refused(toll.failed("b"), "engine_died", "engine_starting")
    assert not toll.failed("a"), "the other gateway reaches them"


async def test_an_engine_that_nobody_reaches_costs_no_request(on: Spread) -> None:
    def cut() -> None:
        for gateway in GATEWAYS:
            on.net.cut(gateway, "e1")

    toll = await toll_of(on, cut, away_s=4.0, after_s=0.5, streams_s=4.0)
    _bounded(toll)
    assert not toll.broken
    assert not toll.failed(), "the other engine takes them"


async def _usage_is_written_once(on: Spread, toll: Toll) -> None:
    """Every request of the newcomers' keys is in the table, and is there once."""
    database = await asyncio.to_thread(on.database)
    since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    asked = dict(zip(toll.key_ids, (toll.of(limited=False), toll.of(limited=True)), strict=True))

    def counted() -> dict[str, int]:
        rows = database.usage(since_day=since)
        return {
            key_id: sum(row.counts.requests - row.counts.errors for row in rows if row.key_id == key_id)
            for key_id in asked
        }

    answered = {key_id: sum(each.status == 200 for each in of) for key_id, of in asked.items()}

    async def written() -> bool:
        left = any(any(each.data_dir.glob("state/usage/*.usage.json")) for each in on.gateways.values())
        return not left and await asyncio.to_thread(counted) == answered

    try:
        await eventually(written, timeout_s=_HEALED_WITHIN_S)
    except TimeoutError:
        pytest.fail(f"answered {answered}, counted {await asyncio.to_thread(counted)}")
    finally:
        await asyncio.to_thread(database.close)
