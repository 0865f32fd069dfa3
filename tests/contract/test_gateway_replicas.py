"""A gateway in front of several engines that come, go and die: who gets what, and what a client sees."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from huiyan.engines.status import EngineState
from huiyan.testing import FakeEngine, RawReply, Reply, Status
from huiyan.testing.http_server import Connection, HttpServer
from huiyan.testing.recording import RecordedRequest
from tests.support.gateway import CHAT, RunningGateway, assert_refusal, chat_request, running_gateway
from tests.support.sse import parse_stream
from tests.support.wait import eventually

SECRET = "list-secret"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Source:
    """A list of engines that a gateway asks for, with waiting; `down`: it answers nothing but 500."""

    def __init__(self) -> None:
        self.replicas: list[dict[str, Any]] = []
        self.raw: bytes | None = None
        self.down = False
        self.asked = 0
        self.revision = 1
        self.changed = asyncio.Condition()
        self.http = HttpServer(self._handle)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/huiyan/replicas"

    async def tell(self, *engines: FakeEngine, raw: bytes | None = None) -> None:
        async with self.changed:
            self.replicas = [replica(engine) for engine in engines]
            self.raw = raw
            self.revision += 1
            self.changed.notify_all()

    async def _handle(self, connection: Connection, request: RecordedRequest) -> None:
        self.asked += 1
        parts = urlsplit(request.path)
        query = parse_qs(request.target.partition("?")[2])
        assert parts.path == "/huiyan/replicas"
        if self.down or request.header("authorization") != f"Bearer {SECRET}":
            await connection.write_body(500 if self.down else 401, b"{}", "application/json")
            return
        if query.get("after") == [str(self.revision)] and self.raw is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5), self.changed:
                    await self.changed.wait()
        body = self.raw
        if body is None:
            body = msgspec.json.encode({"replicas": self.replicas, "revision": str(self.revision)})
        await connection.write_body(200, body, "application/json")


def replica(engine: FakeEngine, **more: Any) -> dict[str, Any]:
    url = f"http://127.0.0.1:{engine.port}"
    return {"name": f"e{engine.port}", "url": url, "api_key": engine.api_key, **more}


@pytest.fixture
async def engines() -> AsyncIterator[tuple[FakeEngine, FakeEngine]]:
    async with FakeEngine(api_key="one") as one, FakeEngine(api_key="two") as two:
        yield one, two


@pytest.fixture
async def source() -> AsyncIterator[Source]:
    told = Source()
    told.port = await told.http.start(0)
    yield told
    await told.http.stop()


@contextlib.asynccontextmanager
async def following(source: Source, tmp_path: Any, **more: Any) -> AsyncIterator[RunningGateway]:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    traffic = {
        "replicas_url": source.url,
        "replicas_secret_file": secret,
        "replicas_interval_s": 0.05,
        "probe_interval_s": 0.05,
        **more,
    }
    async with running_gateway(None, state=EngineState.STARTING, traffic=traffic) as gateway:
        yield gateway


async def usable(gateway: RunningGateway, count: int) -> None:
    async def are_there() -> bool:
        told = (await gateway.get("/health")).json()["components"].get("backends", [])
        return bool(len(told) == count == sum(each["engine"]["state"] == "ready" for each in told))

    await eventually(are_there)


def homes(one: FakeEngine, two: FakeEngine) -> tuple[int, int]:
    return len(one.completions), len(two.completions)


async def test_conversations_keep_their_engine_and_are_shared_out(
    engines: tuple[FakeEngine, FakeEngine], source: Source, tmp_path: Any
) -> None:
    await source.tell(*engines)
    async with following(source, tmp_path) as gateway:
        await usable(gateway, 2)
        for i in range(12):
            for _ in range(2):
                assert (await gateway.chat(f"conversation {i}")).status == 200
        assert sum(homes(*engines)) == 24
        assert min(homes(*engines)) >= 2
        for engine in engines:
            asked = [msgspec.json.decode(each.body)["messages"][0]["content"] for each in engine.completions]
            assert all(asked.count(each) == 2 for each in asked), "both turns of each"


@pytest.mark.parametrize(
    "broken",
    [
        Status(status=503),
        RawReply(data=b""),
        RawReply(data=STREAM),
    ],
    ids=["not ready", "gone before the head", "gone before the first byte"],
)
async def test_what_an_engine_did_not_begin_another_one_answers(
    engines: tuple[FakeEngine, FakeEngine], source: Source, tmp_path: Any, broken: Any
) -> None:
    await source.tell(*engines)
    async with following(source, tmp_path) as gateway:
        await usable(gateway, 2)
        home = await _home_of(gateway, engines, "hello")
        home.script(broken)
        answer = await gateway.chat("hello", stream=True)
        assert answer.status == 200
        streamed = parse_stream(bytes(answer.body))
        assert streamed.text == Reply().text
        assert homes(*engines) == ((2, 1) if home is engines[0] else (1, 2))
        metrics = (await gateway.get("/metrics")).text
        assert f'huiyan_backend_moved_requests_total{{backend="e{home.port}"}} 1.0' in metrics


async def test_nothing_is_asked_again_once_a_byte_was_passed_on(
    engines: tuple[FakeEngine, FakeEngine], source: Source, tmp_path: Any
) -> None:
    await source.tell(*engines)
    async with following(source, tmp_path) as gateway:
        await usable(gateway, 2)
        home = await _home_of(gateway, engines, "hello")
        event = b'data: {"choices":[{"index":0,"delta":{"content":"half"}}]}\n\n'
        home.script(RawReply(data=STREAM + b"%x\r\n%b\r\n" % (len(event), event)))
        answer = await gateway.chat("hello", stream=True)
        assert b"half" in answer.body
        assert b"engine_died" in answer.body
        assert b"[DONE]" not in answer.body
        assert sum(homes(*engines)) == 2


async def test_a_refusal_is_the_clients_and_a_silence_is_waited_for(
    engines: tuple[FakeEngine, FakeEngine], source: Source, tmp_path: Any
) -> None:
    await source.tell(*engines)
    async with following(source, tmp_path) as gateway:
        await usable(gateway, 2)
        home = await _home_of(gateway, engines, "hello")
        home.script(Status(status=400), Status(status=500))
        assert (await gateway.chat("hello")).status == 400
        assert_refusal(await gateway.chat("hello"), 502, "engine_error")
        assert sum(homes(*engines)) == 3, "neither was sent on"


async def test_an_engine_that_reads_a_long_prompt_is_passed_over_and_one_that_writes_is_not(
    engines: tuple[FakeEngine, FakeEngine], source: Source, tmp_path: Any
) -> None:
    for engine in engines:
        engine.context_tokens = 1_000_000
    await source.tell(*engines)
    async with following(source, tmp_path) as gateway, gateway.wire() as wire:
        await usable(gateway, 2)
        home = await _home_of(gateway, engines, "hello")
        other = engines[home is engines[0]]
        long = await _long_text_at(gateway, home)
        home.script(Reply.endless(chunk_chars=5))
        other.reset()
        other.default_reply = Reply(text="elsewhere")
        asked = len(home.completions)

        await wire.send(wire.request_bytes("POST", CHAT, json=chat_request(long, stream=True)))
        await home.wait_for_completions(asked + 1)
        await wire.body_until(b"0000")
        assert (await gateway.chat("hello")).status == 200
        assert not other.completions, "its home only writes"

        home.script(Reply(first_delay_s=120.0))
        async with gateway.wire() as reading:
            await reading.send(reading.request_bytes("POST", CHAT, json=chat_request(long, stream=True)))
            await home.wait_for_completions(asked + 3)
            assert "elsewhere" in (await gateway.chat("hello")).text
            assert len(other.completions) == 1, "its home reads a long prompt"
        # The client is gone, and with it what was still to be read.

        async def is_home_again() -> bool:
            before = len(home.completions)
            assert (await gateway.chat("hello")).status == 200
            return len(home.completions) > before

        await eventually(is_home_again)


async def _long_text_at(gateway: RunningGateway, home: FakeEngine) -> str:
    """A long text that the gateway sends to this engine."""
    for i in range(1000):
        before, text = len(home.completions), f"{i} " + "word " * 20_000
        assert (await gateway.chat(text)).status == 200
        if len(home.completions) > before:
            return text
    raise AssertionError("one engine never was the home of a text")


async def test_an_engine_killed_under_sixteen_streams_takes_only_its_own_along(
    engines: tuple[FakeEngine, FakeEngine], source: Source, tmp_path: Any
) -> None:
    for engine in engines:
        engine.default_reply = Reply(text="word " * 60, delay_s=0.02)
    await source.tell(*engines)
    async with following(source, tmp_path) as gateway, asyncio.TaskGroup() as tasks:
        await usable(gateway, 2)
        asked = [tasks.create_task(gateway.chat(f"stream {i}", stream=True)) for i in range(16)]

        async def all_begun() -> bool:
            begun = [each for engine in engines for each in engine.completions if each.started.is_set()]
            return len(begun) == 16

        await eventually(all_begun)
        doomed, other = engines
        died = len(doomed.completions)
        assert 0 < died < 16
        await doomed.stop()
        later = tasks.create_task(gateway.chat("stream 0"))
        answers = [await task for task in asked]
        broken = [answer for answer in answers if b"[DONE]" not in answer.body]
        again = len(other.completions) - (16 - died)
        # What had not begun was moved and is whole; only what a client had bytes of is broken off.
        assert len(broken) + again - 1 == died
        assert all(b"engine_died" in answer.body for answer in broken)
        assert (await later).status == 200


async def test_all_are_gone_and_it_is_said(
    engines: tuple[FakeEngine, FakeEngine], source: Source, tmp_path: Any
) -> None:
    await source.tell(*engines)
    async with following(source, tmp_path, probe_interval_s=30.0) as gateway:
        await usable(gateway, 2)
        for engine in engines:
            await engine.stop()
        assert_refusal(await gateway.chat("hello"), 502, "engine_died")


async def test_before_the_first_engine_a_request_is_told_to_come_back(source: Source, tmp_path: Any) -> None:
    async with following(source, tmp_path) as gateway:

        async def was_asked() -> bool:
            return source.asked > 1

        await eventually(was_asked)
        answer = await gateway.chat("hello")
        assert_refusal(answer, 503, "engine_starting")
        assert answer.header("retry-after")


async def test_an_engine_that_is_not_listed_any_more_finishes_what_it_has(
    engines: tuple[FakeEngine, FakeEngine], source: Source, tmp_path: Any
) -> None:
    one, two = engines
    one.default_reply = Reply(text="word " * 30, delay_s=0.02)
    await source.tell(one)
    async with following(source, tmp_path) as gateway, gateway.wire() as wire:
        await usable(gateway, 1)
        await wire.send(wire.request_bytes("POST", CHAT, json=chat_request("long", stream=True)))
        await wire.body_until(b"word")
        await source.tell(two)

        async def others_alone() -> bool:
            told = (await gateway.get("/health")).json()["components"]["backends"]
            return [each["name"] for each in told] == [f"e{two.port}"] and told[0]["engine"][
                "state"
            ] == "ready"

        await eventually(others_alone)
        assert (await gateway.chat("new")).status == 200
        assert homes(one, two) == (1, 1)
        rest = await wire.rest()
        assert b"[DONE]" in rest.body
        await source.tell(one, two)
        await usable(gateway, 2)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"replicas": 3}',
        b'{"replicas": [{"name": "a/b", "url": "http://127.0.0.1:1"}]}',
        b'{"replicas": [{"name": "a", "url": "file:///etc/passwd"}]}',
        b'{"replicas": [{"name": "a", "url": "http://127.0.0.1:99999"}]}',
        b'{"replicas": [{"name": "a", "url": "http://127.0.0.1:1", "api_key": "x\\r\\nhost: evil"}]}',
        b'{"replicas": [{"name": "a", "url": "http://h:1"}, {"name": "a", "url": "http://h:2"}]}',
        b'{"replicas": [], "revision": "a b&c"}',
        b"x" * (2 * 1024 * 1024),
    ],
)
async def test_a_list_that_makes_no_sense_changes_nothing(
    engines: tuple[FakeEngine, FakeEngine], source: Source, tmp_path: Any, raw: bytes
) -> None:
    await source.tell(engines[0])
    async with following(source, tmp_path) as gateway:
        await usable(gateway, 1)
        await source.tell(raw=raw)
        asked = source.asked

        async def was_asked_twice() -> bool:
            return source.asked >= asked + 2

        await eventually(was_asked_twice)
        await usable(gateway, 1)
        assert (await gateway.chat("hello")).status == 200
        await source.tell(*engines)
        await usable(gateway, 2)


async def test_a_source_that_is_down_changes_nothing(
    engines: tuple[FakeEngine, FakeEngine], source: Source, tmp_path: Any
) -> None:
    await source.tell(*engines)
    async with following(source, tmp_path) as gateway:
        await usable(gateway, 2)
        source.down = True
        await source.tell()
        asked = source.asked

        async def was_asked_twice() -> bool:
            return source.asked >= asked + 2

        await eventually(was_asked_twice)
        assert (await gateway.chat("hello")).status == 200
        await source.http.stop()
        assert (await gateway.chat("hello")).status == 200
        source.down = False
        await source.tell(engines[1])
        await source.http.start(source.port)
        await usable(gateway, 1)


async def _home_of(
    gateway: RunningGateway, engines: tuple[FakeEngine, FakeEngine], content: str
) -> FakeEngine:
    assert (await gateway.chat(content)).status == 200
    return next(engine for engine in engines if engine.completions)
