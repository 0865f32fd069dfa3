"""Whatever arrives on a connection: no 5xx, no hang, nothing hidden for the engine, and service goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import example, given
from hypothesis import strategies as st

from huiyan.testing import FakeEngine, Reply
from tests.fuzz.messages import (
    AMBIGUOUS,
    BODIES,
    Message,
    chat_body,
    cut,
    cuts,
    damaged,
    good_messages,
    post,
)
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.wait import eventually
from tests.support.wire import Response, Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Half a request is given up after this, and so everything ends by itself.
_SHORT_S = 0.2
_LIMIT_S = 60.0

#: Sent after everything else: a connection that is still in step is closed by it at once.
_LAST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hasty(shared_engine: FakeEngine) -> AsyncIterator[RunningGateway]:
    """A gateway that gives half-sent requests up at once."""
    async with running_gateway(
        shared_engine.endpoint, header_timeout_s=_SHORT_S, body_timeout_s=_SHORT_S
    ) as running:
        # Where the last request was taken for a part of another one, the connection may stay open.
        running.app.server.config.timeout_keep_alive = 1
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def patient(shared_engine: FakeEngine) -> AsyncIterator[RunningGateway]:
    async with running_gateway(shared_engine.endpoint) as running:
        yield running


async def _talk(gateway: RunningGateway, pieces: list[bytes], *, until: int | None = None) -> list[Response]:
    """Send the pieces, then read `until` answers, or all until the gateway closes after `_LAST`."""
    answers: list[Response] = []
    async with asyncio.timeout(_LIMIT_S), gateway.wire() as wire:
        with contextlib.suppress(ConnectionError):
            for piece in pieces if until is not None else [*pieces, _LAST]:
                await wire.send(piece)
                await asyncio.sleep(0)
            while until is None or len(answers) < until:
                answers.append(await wire.response())
    return answers


async def _still_serves(gateway: RunningGateway, engine: FakeEngine) -> None:
    """The next client is answered, and nothing of the last one is held.

    It is asked again where a stall of this machine was longer than the hasty gateway's patience.
    """

    async def answers() -> bool:
        with contextlib.suppress(ConnectionError):
            return (await gateway.chat("还在吗？")).status == 200
        return False

    async def is_idle() -> bool:
        with contextlib.suppress(ConnectionError):
            health = (await gateway.get("/health")).json()
            return not health["components"]["gateway"]["active_requests"]
        return False

    await eventually(answers)
    await eventually(is_idle)
    engine.requests.clear()


def _prompts(engine: FakeEngine) -> list[str]:
    return [request.json()["messages"][-1]["content"] for request in engine.completions]


@given(messages=st.lists(good_messages(), min_size=1, max_size=6), places=cuts)
async def test_good_requests_cut_anywhere_are_answered_once_and_in_order(
    messages: list[Message], places: list[int], patient: RunningGateway, shared_engine: FakeEngine
) -> None:
    shared_engine.reset()
    data = b"".join(message.data for message in messages)
    answers = await _talk(patient, cut(data, places), until=len(messages))
    assert [answer.status for answer in answers] == [message.status for message in messages]
    assert _prompts(shared_engine) == [message.prompt for message in messages if message.prompt is not None]
    assert all(answer.ended for answer in answers)


@pytest.mark.parametrize("headers", AMBIGUOUS, ids=repr)
async def test_request_that_can_be_read_in_two_ways_hides_none(
    headers: tuple[bytes, ...], hasty: RunningGateway, shared_engine: FakeEngine
) -> None:
    for body in BODIES:
        shared_engine.reset()
        answers = await _talk(hasty, [post(body, *headers)])
        assert len(answers) <= 1, "nothing after a refusal is read"
        assert all(400 <= answer.status < 500 for answer in answers), (body, answers)
        assert shared_engine.completions == [], body
    await _still_serves(hasty, shared_engine)


@given(body=st.sampled_from(BODIES), places=cuts)
async def test_bad_chunks_hide_no_request(
    body: bytes, places: list[int], hasty: RunningGateway, shared_engine: FakeEngine
) -> None:
    """Chunked for everybody: what follows a proper end is a request of its own, anything else the end."""
    shared_engine.reset()
    answers = await _talk(hasty, cut(post(body, b"Transfer-Encoding: chunked"), places))
    # None at all where the connection was reset because more came than was read.
    assert all(400 <= answer.status < 500 for answer in answers[:1])
    if not body.startswith(b"0\r\n\r\n"):
        assert len(answers) <= 1
        assert shared_engine.completions == []


@given(data=damaged(), places=cuts)
@example(data=b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", places=[])
@example(data=b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", places=[])
@example(data=b"GET /health/live?" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", places=[])
@example(data=b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", places=[])
@example(data=b"GET /health/live HTTP/1.1\nHost: localhost\n\n", places=[])
@example(data=b"\r\n\r\n\r\nGET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", places=[])
@example(data=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", places=[])
@example(data=b"CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", places=[])
@example(
    data=b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    places=[],
)
async def test_damaged_request_is_refused_or_read(
    data: bytes, places: list[int], hasty: RunningGateway, shared_engine: FakeEngine
) -> None:
    shared_engine.reset()
    for answer in await _talk(hasty, cut(data, places)):
        assert answer.status < 500, answer
        assert answer.ended
    await _still_serves(hasty, shared_engine)


_FIRST = chat_body("first")


@pytest.mark.parametrize("headers", AMBIGUOUS, ids=repr)
async def test_a_head_that_is_known_lends_nothing_to_one_that_can_be_read_in_two_ways(
    headers: tuple[bytes, ...], hasty: RunningGateway, shared_engine: FakeEngine
) -> None:
    for body in BODIES:
        shared_engine.reset()
        async with hasty.wire() as wire:
            await wire.send(post(_FIRST, b"Content-Length: %d" % len(_FIRST)))
            assert (await wire.response()).status == 200
            with contextlib.suppress(ConnectionError):
                await wire.send(post(body, *headers))
                await wire.send(_LAST)
            await wire.until_closed()
        assert _prompts(shared_engine) == ["first"], body
    await _still_serves(hasty, shared_engine)


@given(data=st.binary(max_size=400))
async def test_any_bytes(data: bytes, hasty: RunningGateway, shared_engine: FakeEngine) -> None:
    for answer in await _talk(hasty, [data]):
        assert 400 <= answer.status < 500 or data.strip(b"\r\n") == b""
    assert shared_engine.completions == []


async def test_slow_loris(hasty: RunningGateway, shared_engine: FakeEngine) -> None:
    """200 clients send a byte now and then, in head or body; each is cut off, others are served meanwhile."""
    shared_engine.reset()
    beginnings = [
        b"POST /v1/chat/comple",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: ",
        post(b"{", b"Content-Length: 99"),
    ]

    async def dribble(number: int) -> None:
        async with hasty.wire() as wire:
            with contextlib.suppress(ConnectionError):
                await wire.send(beginnings[number % 2])
                while not wire.closed:
                    await wire.send(b"x")
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_SHORT_S / 4):
                            await wire.until_closed()

    async def stall() -> None:
        async with hasty.wire() as wire:
            await wire.send(beginnings[2])
            assert (await wire.response()).status == 400

    async with asyncio.timeout(_LIMIT_S), asyncio.TaskGroup() as group:
        for number in range(150):
            group.create_task(dribble(number))
        for _ in range(50):
            group.create_task(stall())
        for _ in range(20):
            assert (await hasty.chat()).status == 200
    await _still_serves(hasty, shared_engine)


async def test_wire_helper_sees_an_answer_that_is_cut_short() -> None:
    """The reader that the tests above trust takes half an answer for none."""
    async with asyncio.timeout(_LIMIT_S):
        server = await asyncio.start_server(_half_an_answer, "127.0.0.1", 0)
        async with server, Wire.open(server.sockets[0].getsockname()[1]) as wire:
            with pytest.raises(ConnectionResetError):
                await wire.response()


async def _half_an_answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
    await writer.drain()
    writer.close()


async def test_bytes_after_a_request_never_end_up_within_its_answer(
    hasty: RunningGateway, shared_engine: FakeEngine
) -> None:
    """A second status line inside a stream would be read as its text, or as the answer to another request."""
    shared_engine.reset()
    shared_engine.script(Reply.endless())
    async with hasty.wire() as wire:
        body = chat_body("写很长", stream=True)
        await wire.send(post(body, b"Content-Length: %d" % len(body)))
        await wire.body_until(b'"content":"')
        await wire.send(b"\0garbage\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert b"HTTP/1.1 400" not in (await wire.rest()).body
    await shared_engine.completions[0].was_cancelled()
    await _still_serves(hasty, shared_engine)


async def test_nothing_is_written_after_the_answer_that_closes(
    hasty: RunningGateway, shared_engine: FakeEngine
) -> None:
    request = b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    try:
        writer.write(request)
        async with asyncio.timeout(_LIMIT_S):
            answer = await reader.read()
    finally:
        writer.transport.abort()
    assert answer.count(b"HTTP/1.1 ") == 1
