"""Bodies of megabytes that come at once: all are answered, whole, and no client can hold the others up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from huiyan.engines.status import EngineEndpoint, ModelCard
from huiyan.testing import FakeEngine
from tests.support.gateway import CHAT, RunningGateway, assert_refusal, chat_request, running_gateway
from tests.support.wait import eventually
from tests.support.wire import Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: So that no text is too long, nor sent to the engine's tokenizer first.
_ROOMY = ModelCard(id="fake", name="fake", context_tokens=64 * 1024 * 1024)
_MIB = 1024 * 1024
_JSON = {"Content-Type": "application/json"}


@pytest_asyncio.fixture(loop_scope="module")
async def engine() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(context_tokens=_ROOMY.context_tokens) as fake:
        yield fake


@pytest_asyncio.fixture(loop_scope="module")
async def roomy(engine: FakeEngine) -> AsyncIterator[RunningGateway]:
    # Of an engine that says nothing of its cache.
    plain = msgspec.structs.replace(engine.endpoint, dialect="openai")
    async with running_gateway(plain, model=_ROOMY) as running:
        yield running


def body_of(mark: str, size_bytes: int) -> bytes:
    return msgspec.json.encode(chat_request(mark * (size_bytes // len(mark.encode()))))


def head_of(wire: Wire, announced: int) -> bytes:
    return wire.head_bytes("POST", CHAT, _JSON | {"Content-Length": str(announced)})


async def no_turns_left(gateway: RunningGateway) -> None:
    """Nobody waits, and the next one is read at once."""
    inner = gateway.app.gateway

    async def is_so() -> bool:
        return inner.active == 0 and inner.body_turns.waiting == 0

    await eventually(is_so)


@pytest.mark.parametrize("marks", ["abcdefgh", "éüöäñçßø"])
async def test_all_that_come_at_once_arrive_whole(
    roomy: RunningGateway, engine: FakeEngine, marks: str
) -> None:
    bodies = [body_of(mark, 2 * _MIB) for mark in marks]
    answers = await asyncio.gather(*(roomy.post(CHAT, headers=_JSON, body=body) for body in bodies))
    assert [answer.status for answer in answers] == [200] * len(bodies)
    assert sorted(request.body for request in engine.completions) == sorted(bodies)
    await no_turns_left(roomy)


async def test_clients_that_stop_in_the_middle_hold_nobody_up(
    roomy: RunningGateway, engine: FakeEngine
) -> None:
    """Their own time, 60 s, has not passed when the others have their answers."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(20):
            wire = await stack.enter_async_context(roomy.wire())
            await wire.send(head_of(wire, 8 * _MIB) + b'{"messages": "' + b"x" * 300_000)
        async with asyncio.timeout(30):
            answers = await asyncio.gather(
                *(roomy.post(CHAT, headers=_JSON, body=body_of(mark, 2 * _MIB)) for mark in "abcd")
            )
        assert [answer.status for answer in answers] == [200] * 4
    await no_turns_left(roomy)
    assert len(engine.completions) == 4


async def test_clients_that_trickle_are_read_all_the_same(roomy: RunningGateway) -> None:
    """What was held is read to its end, and not only when others are through."""
    body = body_of("t", 400_000)

    async def slowly(wire: Wire) -> int:
        await wire.send(head_of(wire, len(body)) + body[:200_000])
        for start in range(200_000, len(body), 50_000):
            await asyncio.sleep(0.02)
            await wire.send(body[start : start + 50_000])
        return (await wire.response()).status

    async with contextlib.AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(roomy.wire()) for _ in range(8)]
        async with asyncio.timeout(60):
            assert await asyncio.gather(*map(slowly, wires)) == [200] * 8
    await no_turns_left(roomy)


async def test_who_leaves_while_it_waits_or_reads_leaves_nothing(
    roomy: RunningGateway, engine: FakeEngine
) -> None:
    wires: list[Wire] = []
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(6):
            wire = await stack.enter_async_context(roomy.wire())
            await wire.send(head_of(wire, 4 * _MIB) + b'{"messages": "' + b"x" * 300_000)
            wires.append(wire)
        for wire in reversed(wires):
            wire.abort()
    await no_turns_left(roomy)
    assert engine.completions == []
    assert (await roomy.post(CHAT, headers=_JSON, body=body_of("n", 2 * _MIB))).status == 200


async def test_refused_bodies_pass_their_turn_on(roomy: RunningGateway) -> None:
    wrong = body_of("w", 2 * _MIB)[:-1]
    right = body_of("r", 2 * _MIB)
    async with asyncio.timeout(60):
        answers = await asyncio.gather(
            *(roomy.post(CHAT, headers=_JSON, body=body) for body in (wrong, right) * 3)
        )
    for answer in answers[::2]:
        assert_refusal(answer, 400, "invalid_json")
    assert [answer.status for answer in answers[1::2]] == [200] * 3
    await no_turns_left(roomy)


async def test_an_engine_that_does_not_read_holds_no_other_request_up() -> None:
    """It takes the connection and then nothing: its body has the turn until its time is over."""
    taken: list[asyncio.Transport] = []

    class Silent(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transport.pause_reading()
            taken.append(transport)

    server = await asyncio.get_running_loop().create_server(Silent, "127.0.0.1", 0)
    endpoint = EngineEndpoint(host="127.0.0.1", port=server.sockets[0].getsockname()[1], api_key="")
    async with (
        running_gateway(endpoint, model=_ROOMY) as gateway,
        gateway.wire() as stuck,
        gateway.wire() as other,
    ):
        await stuck.send(stuck.request_bytes("POST", CHAT, json=chat_request("s" * 16 * _MIB)))
        async with asyncio.timeout(30):
            while not taken:  # noqa: ASYNC110  # a few turns of the loop
                await asyncio.sleep(0.005)
            refused = body_of("r", 2 * _MIB)[:-1]
            await other.send(head_of(other, len(refused)) + refused)
            assert_refusal(await other.response(), 400, "invalid_json")
    for transport in taken:
        transport.abort()
    server.close()
    await server.wait_closed()
