"""What the gateway says about itself and the engine: /health, /api/info, /api/events, /v1/models."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from huiyan.engines.status import EngineState, ModelCard
from huiyan.testing import FakeEngine, Reply
from tests.support.gateway import (
    CHAT,
    RunningGateway,
    assert_refusal,
    chat_request,
    running_gateway,
    status,
)
from tests.support.sse import Event, parse_events, parse_stream
from tests.support.wait import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ON_ITS_WAY = [EngineState.STARTING, EngineState.LOADING, EngineState.WARMING, EngineState.RESTARTING]


async def test_health_of_a_ready_engine(gateway: RunningGateway) -> None:
    response = await gateway.get("/health")
    assert response.status == 200
    body = response.json()
    assert body["status"] == "ok"
    assert set(body["components"]) == {"gateway", "engine"}
    assert body["components"]["engine"]["status"] == "ok"
    assert body["components"]["engine"]["engine"]["state"] == "ready"
    assert body["components"]["gateway"]["version"]
    assert body["components"]["gateway"]["uptime_s"] >= 0
    assert (await gateway.get("/health/live")).status == 200
    assert (await gateway.get("/health/ready")).status == 200


async def test_health_names_the_engines_where_there_are_several(engine: FakeEngine, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(engine.api_key)
    backends = [
        {"name": "here", "url": f"http://127.0.0.1:{engine.port}", "api_key_file": key_file},
        {"name": "gone", "url": "http://127.0.0.1:1"},
    ]
    traffic = {"backends": backends, "probe_interval_s": 0.05}
    async with running_gateway(None, state=EngineState.STARTING, traffic=traffic) as gateway:

        async def is_ready() -> bool:
            return (await gateway.get("/health/ready")).status == 200

        await eventually(is_ready)
        body = (await gateway.get("/health")).json()
        assert body["status"] == "ok", "as good as the best of them"
        told = {each["name"]: each for each in body["components"]["backends"]}
        assert list(told) == ["here", "gone"]
        assert told["here"]["engine"]["state"] == "ready"
        assert told["gone"]["engine"]["state"] != "ready"
        assert [told["here"][name] for name in ("in_flight", "draining", "ejected_s")] == [0, False, None]


@pytest.mark.parametrize("state", ON_ITS_WAY)
async def test_health_while_the_engine_is_on_its_way(gateway: RunningGateway, state: EngineState) -> None:
    gateway.app.gateway.update_engine(status(state, detail="loading nano.gguf", progress=0.4))
    response = await gateway.get("/health")
    assert (response.status, response.json()["status"]) == (200, "degraded")
    assert (await gateway.get("/health/live")).status == 200
    assert (await gateway.get("/health/ready")).status == 503


@pytest.mark.parametrize("state", [EngineState.FAILED, EngineState.STOPPED])
async def test_health_when_the_engine_will_not_come_back(gateway: RunningGateway, state: EngineState) -> None:
    gateway.app.gateway.update_engine(status(state, detail="out of memory", hint="use a smaller model"))
    response = await gateway.get("/health")
    assert (response.status, response.json()["status"]) == (503, "down")
    assert (await gateway.get("/health/live")).status == 200
    assert (await gateway.get("/health/ready")).status == 503
    error = assert_refusal(await gateway.chat(), 502, "engine_died")
    assert "out of memory" in error["message"]
    assert error["hint"] == "use a smaller model"


@pytest.mark.parametrize("state", ON_ITS_WAY)
@pytest.mark.parametrize("stream", [True, False])
async def test_chat_before_the_engine_is_ready_is_503_with_retry_after(
    gateway: RunningGateway, engine: FakeEngine, state: EngineState, stream: bool
) -> None:
    gateway.app.gateway.update_engine(
        status(state, retry_in_s=3.2 if state is EngineState.RESTARTING else None)
    )
    response = await gateway.chat(stream=stream)
    assert_refusal(response, 503, "engine_starting")
    retry_after_s = int(response.header("retry-after") or "0")
    assert retry_after_s >= (4 if state is EngineState.RESTARTING else 1)
    assert engine.requests == []
    gateway.app.gateway.update_engine(status(EngineState.READY))
    assert (await gateway.chat(stream=stream)).status == 200


async def test_bad_input_is_told_although_the_engine_is_not_ready(gateway: RunningGateway) -> None:
    """Waiting would not mend it."""
    gateway.app.gateway.update_engine(status(EngineState.LOADING))
    assert_refusal(await gateway.chat(""), 400, "empty_prompt")


async def test_page_and_info_are_served_without_any_engine() -> None:
    """The page comes up at once and shows that the engine is loading."""
    async with running_gateway(None, state=EngineState.STARTING) as gateway:
        assert (await gateway.get("/api/info")).json()["engine"]["state"] == "starting"
        assert (await gateway.get("/v1/models")).status == 200
        assert (await gateway.get("/health")).json()["status"] == "degraded"
        assert (await gateway.get("/")).status in {200, 503}
        assert_refusal(await gateway.chat(), 503, "engine_starting")


async def test_info_says_what_the_page_needs(engine: FakeEngine) -> None:
    card = ModelCard(
        id="nano",
        name="nano",
        demo=True,
        wanted="Qwen/Qwen3-VL-8B-Instruct",
        context_tokens=4096,
        max_images=2,
    )
    async with running_gateway(
        engine.endpoint, model=card, max_body_bytes=5_000_000, answer_grace_s=7
    ) as gateway:
        info = (await gateway.get("/api/info")).json()
    assert info["model"]["id"] == "nano"
    assert info["model"]["demo"] is True
    assert info["model"]["wanted"] == "Qwen/Qwen3-VL-8B-Instruct"
    assert info["model"]["context_tokens"] == 4096
    assert info["limits"]["max_images"] == 2
    assert info["limits"]["max_body_bytes"] == 5_000_000
    assert info["answer_grace_s"] == 7
    assert info["engine"]["state"] == "ready"
    assert info["version"]
    assert info["boot_id"]


async def test_boot_id_tells_one_gateway_from_the_next(engine: FakeEngine) -> None:
    boots = []
    for _ in range(2):
        async with running_gateway(engine.endpoint) as gateway:
            boots.append((await gateway.get("/api/info")).json()["boot_id"])
    assert len(set(boots)) == 2


async def test_models_lists_what_is_served(gateway: RunningGateway) -> None:
    body = (await gateway.get("/v1/models")).json()
    assert body["object"] == "list"
    (model,) = body["data"]
    assert (model["id"], model["object"]) == ("fake", "model")
    assert isinstance(model["created"], int)
    assert (await gateway.get("/v1/models/fake")).json() == model


async def test_tokenize_counts_with_the_engines_tokenizer(gateway: RunningGateway) -> None:
    one = await gateway.post("/api/tokenize", {"text": "图里写了什么"})
    assert (one.status, one.json()) == (200, {"counts": [6]})
    several = await gateway.post("/api/tokenize", {"text": ["图", "", "hello world", "图图"]})
    assert several.json() == {"counts": [1, 0, 3, 2]}
    gateway.app.gateway.update_engine(status(EngineState.LOADING))
    assert_refusal(await gateway.post("/api/tokenize", {"text": "图"}), 503, "engine_starting")


class Listener:
    """An open page: `next` waits for its next event."""

    def __init__(self, gateway: RunningGateway) -> None:
        self._gateway = gateway
        self._seen = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Listener]:
        async with self._gateway.wire() as self._wire:
            await self._wire.send(self._wire.request_bytes("GET", "/api/events"))
            self.head = await self._wire.head()
            yield self

    async def next(self) -> Event:
        while len(events := parse_events(bytes(self.head.body))) <= self._seen:
            await self._wire.body_of(len(self.head.body) + 1)
        self._seen += 1
        return events[self._seen - 1]


async def test_events_begin_with_hello_and_tell_every_change(gateway: RunningGateway) -> None:
    async with Listener(gateway).open() as page, Listener(gateway).open() as other:
        assert page.head.status == 200
        assert (page.head.header("content-type") or "").startswith("text/event-stream")
        info = (await gateway.get("/api/info")).json()
        for listener in (page, other):
            hello = await listener.next()
            assert hello.name == "hello"
            body: dict[str, Any] = hello.json()
            assert {key: body[key] for key in ("version", "boot_id", "model", "engine")} == {
                key: info[key] for key in ("version", "boot_id", "model", "engine")
            }
        changes = [
            status(EngineState.RESTARTING, code="engine_killed", detail="killed", retry_in_s=0.5, restarts=1),
            status(EngineState.LOADING, progress=0.5, restarts=1),
            status(EngineState.READY, restarts=1),
        ]
        for change in changes:
            gateway.app.gateway.update_engine(change)
        for listener in (page, other):
            for change in changes:
                event = await listener.next()
                assert event.name == "engine"
                assert event.json()["state"] == change.state
                assert event.json()["restarts"] == 1


async def test_page_that_comes_later_hears_the_state_of_now(gateway: RunningGateway) -> None:
    gateway.app.gateway.update_engine(status(EngineState.LOADING, progress=0.25))
    async with Listener(gateway).open() as page:
        hello = (await page.next()).json()
    assert (hello["engine"]["state"], hello["engine"]["progress"]) == ("loading", 0.25)


async def test_pages_that_leave_are_let_go(gateway: RunningGateway) -> None:
    for _ in range(5):
        async with Listener(gateway).open() as page:
            await page.next()
    async with asyncio.timeout(5):
        while gateway.app.gateway.events.subscribers:
            gateway.app.gateway.update_engine(status(EngineState.READY))
            await asyncio.sleep(0.02)


async def test_browser_errors_join_the_log_with_their_request_id(
    gateway: RunningGateway, caplog: pytest.LogCaptureFixture
) -> None:
    entry = {
        "level": "error",
        "message": "TypeError: x is undefined",
        "request_id": "page-7",
        "context": {"view": "chat"},
    }
    with caplog.at_level("INFO"):
        assert (await gateway.post("/api/logs", entry)).status == 204
    (record,) = [record for record in caplog.records if "TypeError" in record.getMessage()]
    assert record.levelname == "ERROR"
    assert vars(record)["request_id"] == "page-7"


async def test_shutdown_ends_open_pages_in_time(engine: FakeEngine) -> None:
    """An open event stream must not hold the end of the gateway up."""
    async with running_gateway(engine.endpoint) as gateway, Listener(gateway).open() as page:
        await page.next()
        gateway.app.server.should_exit = True
        async with asyncio.timeout(5):
            await page._wire.rest()


async def test_running_answer_may_finish_when_the_gateway_drains(engine: FakeEngine) -> None:
    engine.script(Reply(text="还差一点就写完了。", chunk_chars=1, delay_s=0.05))
    async with running_gateway(engine.endpoint) as gateway, gateway.wire() as wire:
        await wire.send(wire.request_bytes("POST", CHAT, json=chat_request(stream=True)))
        await wire.body_until(b'"content":"')
        gateway.app.server.should_exit = True
        streamed = parse_stream(bytes((await wire.rest()).body))
    assert streamed.done
    assert streamed.text == "还差一点就写完了。"
