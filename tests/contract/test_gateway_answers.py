"""`Idempotency-Key`: an answer is written once and can be read again, from its beginning."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from huiyan.engines.status import EngineState
from huiyan.testing import FakeEngine, Fault, Reply, Status
from tests.support.gateway import (
    CHAT,
    RunningGateway,
    assert_refusal,
    chat_request,
    running_gateway,
    status,
)
from tests.support.sse import parse_stream
from tests.support.wire import Response, Wire

KEY = {"Idempotency-Key": "5d1f1a4e-0001"}
STREAM = chat_request("讲个故事", stream=True)
GRACE_S = 0.4


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """One for each test: the answers of one must not be found by the next."""
    async with FakeEngine() as fake:
        yield fake


@pytest.fixture
async def gateway(engine: FakeEngine) -> AsyncIterator[RunningGateway]:
    """With a grace short enough to wait for it."""
    async with running_gateway(engine.endpoint, answer_grace_s=GRACE_S) as running:
        yield running


@contextlib.asynccontextmanager
async def reading(gateway: RunningGateway, request: dict[str, Any] = STREAM) -> AsyncIterator[Wire]:
    """A client that has sent `request` under KEY; it leaves at the end of the block."""
    async with gateway.wire() as wire:
        await wire.send(wire.request_bytes("POST", CHAT, KEY, json=request))
        yield wire


async def whole(gateway: RunningGateway, request: dict[str, Any] = STREAM) -> Response:
    return await gateway.post(CHAT, request, KEY)


async def test_reattaching_replays_from_the_beginning_and_runs_nothing_twice(
    gateway: RunningGateway, engine: FakeEngine
) -> None:
    text = "从前有座山，山里有座庙。" * 6
    engine.script(Reply(text=text, chunk_chars=3, delay_s=0.01))
    async with reading(gateway) as wire:
        await wire.body_until("座庙".encode())
        seen = bytes((await wire.head()).body)
    # The first reader is gone in the middle; the second gets everything, the part already read included.
    again = await whole(gateway)
    assert bytes(again.body).startswith(seen)
    streamed = parse_stream(bytes(again.body))
    assert (streamed.text, streamed.done) == (text, True)
    assert len(engine.completions) == 1
    # A finished answer can be read as often as wanted, byte for byte the same.
    for _ in range(3):
        assert bytes((await whole(gateway)).body) == bytes(again.body)
    assert len(engine.completions) == 1


async def test_two_readers_at_once_get_the_same(gateway: RunningGateway, engine: FakeEngine) -> None:
    engine.script(Reply(text="同一个回答。" * 10, chunk_chars=2, delay_s=0.01))
    async with reading(gateway) as first:
        await first.body_until(b'"content":"')
        second, third = await asyncio.gather(whole(gateway), whole(gateway))
        one = await first.rest()
    assert one.ended
    assert bytes(one.body) == bytes(second.body) == bytes(third.body)
    assert parse_stream(bytes(one.body)).done
    assert len(engine.completions) == 1


async def test_simultaneous_sends_with_one_key_run_once(gateway: RunningGateway, engine: FakeEngine) -> None:
    engine.script(Reply(text="只有一次", delay_s=0.01))
    responses = await asyncio.gather(*(whole(gateway) for _ in range(10)))
    assert {bytes(response.body) for response in responses} == {bytes(responses[0].body)}
    assert len(engine.completions) == 1


async def test_whole_answers_are_kept_too(gateway: RunningGateway, engine: FakeEngine) -> None:
    request = chat_request("讲个故事")
    engine.script(Reply(text="一次"), Reply(text="两次"))
    first, second = await whole(gateway, request), await whole(gateway, request)
    assert first.json() == second.json()
    assert first.json()["choices"][0]["message"]["content"] == "一次"
    assert len(engine.completions) == 1


async def test_reader_that_comes_back_within_the_grace_keeps_it_running(
    gateway: RunningGateway, engine: FakeEngine
) -> None:
    engine.script(Reply.endless(delay_s=0.01))
    for _ in range(3):
        async with reading(gateway) as wire:
            await wire.body_until(b'"content":"')
            await asyncio.sleep(GRACE_S * 0.6)
        await asyncio.sleep(GRACE_S * 0.5)
    (request,) = engine.completions
    assert not request.cancelled.is_set()


async def test_without_a_reader_the_engine_is_cancelled_after_the_grace(
    gateway: RunningGateway, engine: FakeEngine
) -> None:
    engine.script(Reply.endless(delay_s=0.01))
    loop = asyncio.get_running_loop()
    async with reading(gateway) as wire:
        await wire.body_until(b'"content":"')
        (request,) = engine.completions
    left_s = loop.time()
    cancelled_s = await request.was_cancelled()
    assert cancelled_s - left_s > GRACE_S * 0.9, "it must go on for the whole grace"


async def test_one_of_two_readers_leaving_cancels_nothing(
    gateway: RunningGateway, engine: FakeEngine
) -> None:
    engine.script(Reply.endless(delay_s=0.01))
    async with reading(gateway) as stays:
        await stays.body_until(b'"content":"')
        async with reading(gateway) as leaves:
            await leaves.body_until(b'"content":"')
        size = len((await stays.head()).body)
        await asyncio.sleep(GRACE_S * 1.5)
        await stays.body_of(size + 10_000)
    assert len(engine.completions) == 1


async def test_delete_stops_the_engine_now_and_keeps_what_is_written(
    gateway: RunningGateway, engine: FakeEngine
) -> None:
    """The stop button."""
    engine.script(Reply.endless(delay_s=0.01))
    async with reading(gateway) as wire:
        await wire.body_until(b'"content":"')
        (request,) = engine.completions
        async with gateway.wire() as control:
            stopped = await control.ask("DELETE", f"/api/answers/{KEY['Idempotency-Key']}")
        assert stopped.status == 204
        stopped_s = asyncio.get_running_loop().time()
        assert await request.was_cancelled() - stopped_s < 1.0
        response = await wire.rest()
    assert response.ended
    assert b"[DONE]" not in response.body
    again = await whole(gateway)
    assert bytes(again.body) == bytes(response.body)
    assert len(engine.completions) == 1


async def test_delete_of_an_unknown_answer_is_404(gateway: RunningGateway) -> None:
    async with gateway.wire() as wire:
        assert_refusal(await wire.ask("DELETE", "/api/answers/never-sent"), 404, "not_found")


async def test_same_key_with_another_body_is_409(gateway: RunningGateway, engine: FakeEngine) -> None:
    assert (await whole(gateway)).status == 200
    error = assert_refusal(await whole(gateway, chat_request("另一个问题")), 409, "idempotency_conflict")
    assert error["param"] == "Idempotency-Key"
    assert len(engine.completions) == 1
    assert (await whole(gateway)).status == 200


@pytest.mark.parametrize("key", ["", "with space", "x" * 201, "ümlaut"])
async def test_unusable_key_is_400(gateway: RunningGateway, engine: FakeEngine, key: str) -> None:
    response = await gateway.post(CHAT, STREAM, {"Idempotency-Key": key})
    assert_refusal(response, 400, "invalid_request")
    assert engine.completions == []


async def test_failed_run_frees_its_key(gateway: RunningGateway, engine: FakeEngine) -> None:
    """Nothing was answered, so the same key may run again: that is no second run of an answer."""
    engine.script(Status(status=500), Reply(text="geht"))
    assert_refusal(await whole(gateway), 502, "engine_error")
    assert parse_stream(bytes((await whole(gateway)).body)).text == "geht"


async def test_engine_that_is_not_ready_frees_the_key(gateway: RunningGateway, engine: FakeEngine) -> None:
    gateway.app.gateway.update_engine(status(EngineState.LOADING))
    assert_refusal(await whole(gateway), 503, "engine_starting")
    gateway.app.gateway.update_engine(status(EngineState.READY))
    assert (await whole(gateway)).status == 200


async def test_broken_answer_is_told_to_every_reader(gateway: RunningGateway, engine: FakeEngine) -> None:
    engine.script(
        Reply(text="一二三四五六七八九十", chunk_chars=1, delay_s=0.03, fault=Fault.DIE, fault_after_chunks=8)
    )
    async with reading(gateway) as first:
        await first.body_until("二".encode())
        async with reading(gateway) as second:
            responses = [await first.rest(), await second.rest()]
    for response in responses:
        streamed = parse_stream(bytes(response.body))
        assert streamed.text == "一二三四五六七八"
        assert not streamed.done
        assert [error["code"] for error in streamed.errors] == ["engine_died"]
        assert streamed.errors[0]["request_id"] == response.header("x-request-id")


async def test_finished_answers_are_forgotten_after_their_time(engine: FakeEngine) -> None:
    async with running_gateway(engine.endpoint, answer_keep_s=0.2) as gateway:
        assert (await whole(gateway)).status == 200
        await asyncio.sleep(0.4)
        assert (await whole(gateway)).status == 200
    assert len(engine.completions) == 2


async def test_kept_answers_are_bounded_in_bytes(engine: FakeEngine) -> None:
    """The oldest finished answer gives way; one that is too large alone is refused, not cut silently."""
    async with running_gateway(engine.endpoint, answers_max_bytes=400_000) as gateway:

        async def send(key: str) -> Response:
            return await gateway.post(CHAT, STREAM, {"Idempotency-Key": key})

        engine.default_reply = Reply(text="字" * 20_000, chunk_chars=1000, ignores_max_tokens=True)
        for n in range(8):
            assert parse_stream(bytes((await send(f"k{n}")).body)).done
        runs = len(engine.completions)
        assert parse_stream(bytes((await send("k7")).body)).done
        assert len(engine.completions) == runs, "the newest is still there"
        assert parse_stream(bytes((await send("k0")).body)).done
        assert len(engine.completions) == runs + 1, "the oldest had to go"
        engine.default_reply = Reply(text="字" * 200_000, chunk_chars=1000, ignores_max_tokens=True)
        streamed = parse_stream(bytes((await send("large")).body))
        assert not streamed.done
        assert len(streamed.errors) == 1


async def test_slow_reader_gets_all_of_a_kept_answer(gateway: RunningGateway, engine: FakeEngine) -> None:
    text = "慢慢读。" * 30_000
    engine.script(Reply(text=text, chunk_chars=20, ignores_max_tokens=True))
    async with reading(gateway) as wire:
        await wire.head()
        await engine.completions[0].was_finished(20)
        await asyncio.sleep(0.2)
        response = await wire.rest()
    assert parse_stream(bytes(response.body)).text == text
