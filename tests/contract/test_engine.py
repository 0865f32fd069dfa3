"""What huiyan relies on in an engine. The fake engine and the real llama.cpp pass the same checks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from huiyan.engines.status import EngineEndpoint
from huiyan.engines.upstream import Pool
from huiyan.errors import EngineError
from huiyan.testing import FakeEngine, Reply
from tests.support.engine_process import EngineProcess, llama_cpp
from tests.support.sse import parse_stream
from tests.support.wire import Response, Wire, ask

CHAT = "/v1/chat/completions"
QUESTION = [{"role": "user", "content": "你是谁？"}]


@dataclass
class Subject:
    """The engine under test. fake: to script it; None for the real one."""

    endpoint: EngineEndpoint
    model: str
    fake: FakeEngine | None

    @property
    def port(self) -> int:
        return self.endpoint.port

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.endpoint.api_key}"}

    async def post(self, path: str, json: Any) -> Response:
        return await ask(self.port, "POST", path, self.auth, json=json)

    def long_request(self) -> dict[str, Any]:
        """A streamed chat that goes on for many seconds."""
        if self.fake is not None:
            self.fake.script(Reply.endless())
        return {"messages": QUESTION, "stream": True, "max_tokens": 3900, "ignore_eos": True}


@pytest.fixture(params=["fake", "llama_cpp"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    if request.param == "llama_cpp":
        running: EngineProcess = request.getfixturevalue("llama_cpp_process")
        yield Subject(running.endpoint, "nano", None)
        return
    async with FakeEngine(api_key="k" * 32, model="nano", slots=1, keep_alive_s=1.0) as fake:
        yield Subject(fake.endpoint, fake.model, fake)


def assert_error(response: Response, status: int, kind: str) -> dict[str, Any]:
    assert response.status == status, response.text
    assert (response.header("content-type") or "").startswith("application/json")
    error: dict[str, Any] = response.json()["error"]
    assert error["type"] == kind
    assert error["code"] == status
    assert error["message"]
    return error


async def test_health_is_ok_and_needs_no_key(engine: Subject) -> None:
    response = await ask(engine.port, "GET", "/health")
    assert (response.status, response.json()) == (200, {"status": "ok"})


async def test_models_lists_the_model_and_its_context(engine: Subject) -> None:
    response = await ask(engine.port, "GET", "/v1/models", engine.auth)
    assert response.status == 200
    (model,) = response.json()["data"]
    assert (model["id"], model["object"], model["meta"]["n_ctx"]) == (engine.model, "model", 4096)


async def test_chat_answers_whole(engine: Subject) -> None:
    response = await engine.post(CHAT, {"messages": QUESTION})
    assert response.status == 200
    body = response.json()
    (choice,) = body["choices"]
    assert body["object"] == "chat.completion"
    assert body["model"] == engine.model
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"].strip()
    assert choice["finish_reason"] == "stop"
    usage = body["usage"]
    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_chat_streams_the_same_answer(engine: Subject) -> None:
    whole = (await engine.post(CHAT, {"messages": QUESTION})).json()["choices"][0]["message"]["content"]
    response = await engine.post(CHAT, {"messages": QUESTION, "stream": True})
    assert response.status == 200
    assert response.header("content-type") == "text/event-stream"
    assert response.header("transfer-encoding") == "chunked"
    streamed = parse_stream(bytes(response.body))
    assert streamed.done
    assert streamed.text == whole
    first, last = streamed.chunks[0], streamed.chunks[-1]
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": None}
    assert last["choices"][0]["finish_reason"] == "stop"
    assert streamed.finish_reasons == ["stop"]
    assert {chunk["object"] for chunk in streamed.chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in streamed.chunks}) == 1
    assert not any("usage" in chunk for chunk in streamed.chunks)


async def test_stream_ends_with_usage_when_asked(engine: Subject) -> None:
    request = {"messages": QUESTION, "stream": True, "stream_options": {"include_usage": True}}
    streamed = parse_stream(bytes((await engine.post(CHAT, request)).body))
    assert streamed.done
    assert streamed.chunks[-1]["choices"] == []
    usage = streamed.chunks[-1]["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_max_tokens_cuts_with_length(engine: Subject) -> None:
    body = (await engine.post(CHAT, {"messages": QUESTION, "max_tokens": 3})).json()
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 3
    request = {"messages": QUESTION, "max_tokens": 3, "stream": True}
    streamed = parse_stream(bytes((await engine.post(CHAT, request)).body))
    assert streamed.finish_reasons == ["length"]


def picture_message(picture: bytes, text: str) -> list[dict[str, Any]]:
    url = "data:image/png;base64," + base64.b64encode(picture).decode()
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}]
    return [{"role": "user", "content": parts}]


async def test_picture_as_data_url(engine: Subject, sample_images: Path) -> None:
    picture = (sample_images / "03_price_tag_zh.png").read_bytes()
    if engine.fake is not None:
        engine.fake.script(Reply(text="¥5.80。"))
    body = (await engine.post(CHAT, {"messages": picture_message(picture, "多少钱？")})).json()
    assert body["choices"][0]["message"]["content"] == "¥5.80。"
    text_only = (await engine.post(CHAT, {"messages": [{"role": "user", "content": "多少钱？"}]})).json()
    assert body["usage"]["prompt_tokens"] >= text_only["usage"]["prompt_tokens"] + 64


async def test_what_is_no_picture_is_refused(engine: Subject) -> None:
    response = await engine.post(CHAT, {"messages": picture_message(b"this is no picture", "多少钱？")})
    assert_error(response, 400, "invalid_request_error")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{this is no JSON", "parse error"),
        (b"", "parse error"),
        (b'{"model":"nano"}', "messages"),
        (b'{"messages":"x"}', "array"),
    ],
)
async def test_bad_requests_are_400(engine: Subject, body: bytes, words: str) -> None:
    response = await ask(engine.port, "POST", CHAT, engine.auth, body=body)
    assert words in assert_error(response, 400, "invalid_request_error")["message"]


@pytest.mark.parametrize("key", [None, "Bearer wrong", "Basic eDp5"])
@pytest.mark.parametrize("path", [CHAT, "/tokenize"])
async def test_wrong_key_is_401(engine: Subject, key: str | None, path: str) -> None:
    headers = {} if key is None else {"Authorization": key}
    response = await ask(engine.port, "POST", path, headers, json={"messages": QUESTION, "content": "x"})
    assert_error(response, 401, "authentication_error")


async def test_too_long_a_prompt_is_refused_with_its_size(engine: Subject) -> None:
    for stream in (False, True):
        messages = [{"role": "user", "content": "苹果香蕉" * 3000}]
        response = await engine.post(CHAT, {"messages": messages, "stream": stream})
        error = assert_error(response, 400, "exceed_context_size_error")
        assert error["n_ctx"] == 4096
        assert error["n_prompt_tokens"] > 4096


async def test_unknown_route_is_404(engine: Subject) -> None:
    response = await ask(engine.port, "POST", "/v1/nothing", engine.auth, json={})
    assert_error(response, 404, "not_found_error")


async def test_tokenize_counts(engine: Subject) -> None:
    async def count(text: str) -> int:
        response = await engine.post("/tokenize", {"content": text})
        assert response.status == 200
        tokens = response.json()["tokens"]
        assert all(isinstance(token, int) for token in tokens)
        return len(tokens)

    assert await count("") == 0
    assert 0 < await count("图里写了什么") < await count("图里写了什么" * 10)


async def test_completions_whole_and_streamed(engine: Subject) -> None:
    request = {"prompt": "<|im_start|>user\n你是谁？<|im_end|>\n<|im_start|>assistant\n", "max_tokens": 5}
    body = (await engine.post("/v1/completions", request)).json()
    assert body["object"] == "text_completion"
    assert body["choices"][0]["text"]
    streamed = parse_stream(bytes((await engine.post("/v1/completions", request | {"stream": True})).body))
    assert streamed.done
    assert streamed.text == body["choices"][0]["text"]


async def test_connection_is_kept_after_an_answer_and_closed_after_an_error(engine: Subject) -> None:
    async with Wire.open(engine.port) as wire:
        for _ in range(3):
            response = await wire.ask("POST", CHAT, engine.auth, json={"messages": QUESTION, "max_tokens": 2})
            assert response.keep_alive
        response = await wire.ask("POST", CHAT, engine.auth, body=b"no JSON")
        assert response.status == 400
        assert not response.keep_alive
        await wire.until_closed()


async def test_answers_follow_each_other_without_a_pause(engine: Subject) -> None:
    """As in a queue: the next request is sent in the instant in which the last answer ends."""
    body = msgspec.json.encode({"messages": QUESTION, "stream": True, "max_tokens": 4})
    pool = Pool(engine.endpoint)
    ends: asyncio.Queue[EngineError | None] = asyncio.Queue()

    class Next:
        def __init__(self, left: int) -> None:
            self._left = left

        def on_head(self, status: int, headers: object) -> None:
            assert status == 200

        def on_body(self, data: bytes) -> None:
            pass

        def on_end(self) -> None:
            ends.put_nowait(None)
            if self._left:
                pool.send("POST", CHAT, Next(self._left - 1), body=[body])

        def on_error(self, error: EngineError) -> None:
            ends.put_nowait(error)

    try:
        pool.send("POST", CHAT, Next(9), body=[body])
        async with asyncio.timeout(60):
            assert [await ends.get() for _ in range(10)] == [None] * 10
    finally:
        pool.close()


async def test_idle_connection_is_closed_by_the_engine(engine: Subject) -> None:
    """So a pooled connection may be gone at any time, and its client has to cope."""
    async with Wire.open(engine.port) as wire:
        response = await wire.ask("GET", "/health")
        assert "timeout=" in (response.header("keep-alive") or "")
        await wire.until_closed()


async def test_a_streamed_answer_ends_its_connection_whatever_its_head_says(engine: Subject) -> None:
    body = {"messages": QUESTION, "stream": True, "max_tokens": 4}
    async with Wire.open(engine.port) as wire:
        response = await wire.ask("POST", CHAT, engine.auth, json=body)
        assert "timeout=" in (response.header("keep-alive") or "")
        await wire.until_closed()


async def test_one_slot_serves_one_after_the_other_and_a_disconnect_frees_it(engine: Subject) -> None:
    """A client that leaves must not leave the engine busy: the next answer comes at once."""
    async with Wire.open(engine.port) as first, Wire.open(engine.port) as second:
        await first.send(first.request_bytes("POST", CHAT, engine.auth, json=engine.long_request()))
        await first.body_until(b'"content":"')
        short = {"messages": QUESTION, "max_tokens": 2}
        answer = asyncio.create_task(second.ask("POST", CHAT, engine.auth, json=short))
        # The first one goes on meanwhile, so the slot is taken and the second one waits.
        await first.body_of(len((await first.head()).body) + 20_000)
        assert not answer.done()
        first.abort()
        async with asyncio.timeout(5):
            assert (await answer).status == 200
    if engine.fake is not None:
        long_one = next(r for r in engine.fake.completions if r.json().get("stream"))
        await long_one.was_cancelled()


async def test_health_says_503_until_the_model_is_loaded() -> None:
    """The fake one when told to load; then the real one, polled from the birth of its process."""
    async with FakeEngine(api_key="k") as fake:
        fake.state = "loading"
        assert_error(await ask(fake.port, "GET", "/health"), 503, "unavailable_error")
        assert_error(await ask(fake.port, "POST", CHAT, json={}), 503, "unavailable_error")
        fake.state = "ready"
        assert (await ask(fake.port, "GET", "/health")).status == 200
    with llama_cpp(wait=False) as running:
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(OSError):
                    response = await ask(running.endpoint.port, "GET", "/health")
                    if response.status == 200:
                        break
                    assert_error(response, 503, "unavailable_error")
                await asyncio.sleep(0.002)
        assert response.json() == {"status": "ok"}
