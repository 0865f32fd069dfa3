"""What huiyan relies on in vLLM: of the stand-in always, of real vLLM where there is one.

    TEST_HUIYAN_VLLM_PYTHON=/path/to/python TEST_HUIYAN_VLLM_MODEL=/path/to/nano/hf pytest -m vllm

Both run under huiyan's wrapper. The stand-in is also held against what vLLM 0.25.1 answered on an H100.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from huiyan.engines.blocking_http import authorization, connect
from huiyan.engines.restart import RestartPolicy
from huiyan.engines.supervisor import Supervisor
from huiyan.engines.vllm import VllmEngine, VllmSettings
from huiyan.gateway import engine_metrics
from huiyan.launcher.parts import engine_spec
from huiyan.settings.environment import child_environment
from huiyan.testing.vllm_impostor import answers
from tests.support.sse import parse_stream
from tests.support.vllm import DATA, StandIn, card, socket_directory

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "你是谁？"}]
RECORDED = answers(DATA / "answers.jsonl")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Subject:
    engine: VllmEngine

    async def ask(self, method: str, path: str, body: Any = None, *, key: str | None = "own") -> Answer:
        return await asyncio.to_thread(self._ask, method, path, body, key)

    def _ask(self, method: str, path: str, body: Any, key: str | None) -> Answer:
        headers = {"Content-Type": "application/json"}
        if key == "own":
            headers |= authorization(self.engine.endpoint)
        elif key is not None:
            headers["Authorization"] = f"Bearer {key}"
        connection = connect(self.engine.endpoint, timeout_s=120)
        try:
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.vllm)])
async def vllm(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    python, model = os.environ.get("TEST_HUIYAN_VLLM_PYTHON"), os.environ.get("TEST_HUIYAN_VLLM_MODEL")
    if request.param == "real" and not (python and model):
        pytest.skip(
            "TEST_HUIYAN_VLLM_PYTHON and TEST_HUIYAN_VLLM_MODEL name a real vLLM and nano's checkpoint"
        )
    with socket_directory() as private:
        if request.param == "real":
            assert python is not None
            assert model is not None
            engine = VllmEngine(
                card=card(id="nano", context_tokens=4096, max_images=2, image_max_tokens=256),
                model_path=Path(model),
                python=Path(python),
                settings=VllmSettings(gpu_memory_fraction=0.2, compiled=False),
                socket=f"{private}/engine.sock",
            )
        else:
            engine = StandIn(tmp_path).engine(Path(private), card=card(id="nano", context_tokens=4096))
        environment = {**child_environment(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        spec = engine_spec(engine, environment=environment, load_timeout_s=600)
        async with asyncio.TaskGroup() as tasks:
            supervisor = Supervisor(spec, policy=RestartPolicy(), on_line=lambda _: None)
            tasks.create_task(supervisor.run())
            try:
                await supervisor.wait_ready()
                yield Subject(engine)
            finally:
                await supervisor.stop()


async def test_models_say_the_context(vllm: Subject) -> None:
    (model,) = (await vllm.ask("GET", "/v1/models")).json()["data"]
    assert (model["id"], model["max_model_len"], model["owned_by"]) == ("nano", 4096, "vllm")


async def test_chat_whole_and_streamed(vllm: Subject) -> None:
    request = {"messages": HELLO, "max_tokens": 6, "temperature": 0}
    whole = (await vllm.ask("POST", CHAT, request)).json()
    assert whole["object"] == "chat.completion"
    usage = whole["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    more = {"stream": True, "stream_options": {"include_usage": True}}
    answer = await vllm.ask("POST", CHAT, request | more)
    assert answer.headers["content-type"].startswith("text/event-stream")
    streamed = parse_stream(answer.body)
    assert streamed.done
    assert streamed.text == whole["choices"][0]["message"]["content"]
    assert streamed.finish_reasons == [whole["choices"][0]["finish_reason"]]
    assert streamed.chunks[-1]["usage"]["total_tokens"] == usage["total_tokens"]


async def test_a_picture_counts_and_what_is_none_is_refused(vllm: Subject, sample_images: Path) -> None:
    def about(data: bytes) -> dict[str, Any]:
        url = "data:image/png;base64," + base64.b64encode(data).decode()
        parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "多少钱？"}]
        return {"messages": [{"role": "user", "content": parts}], "max_tokens": 20}

    picture = (sample_images / "03_price_tag_zh.png").read_bytes()
    seen = (await vllm.ask("POST", CHAT, about(picture))).json()
    text_only = {"messages": [{"role": "user", "content": "多少钱？"}], "max_tokens": 2}
    plain = (await vllm.ask("POST", CHAT, text_only)).json()
    assert seen["usage"]["prompt_tokens"] >= plain["usage"]["prompt_tokens"] + 64
    assert (await vllm.ask("POST", CHAT, about(b"this is no picture"))).status == 400


async def test_tokenize_counts_in_the_words_of_the_gateway(vllm: Subject) -> None:
    question = {"content": "图里写了什么", "prompt": "图里写了什么", "add_special_tokens": False}
    assert len((await vllm.ask("POST", "/tokenize", question)).json()["tokens"]) > 0


async def test_metrics_tell_the_load_and_the_cache(vllm: Subject) -> None:
    state = engine_metrics.parse((await vllm.ask("GET", "/metrics")).body)
    assert state is not None
    assert state.total_tokens is not None
    assert state.total_tokens > 4096
    assert (state.running, state.waiting) == (0, 0)


async def test_only_health_is_open(vllm: Subject) -> None:
    assert (await vllm.ask("GET", "/health", key=None)).status == 200
    for method, path in (
        ("GET", "/v1/models"),
        ("GET", "/metrics"),
        ("POST", "/pause?mode=keep"),
        ("POST", CHAT),
    ):
        for key in (None, "wrong"):
            answer = await vllm.ask(method, path, {"messages": HELLO} if method == "POST" else None, key=key)
            assert answer.status == 401
            assert answer.json()["error"]["type"] == "authentication_error"


async def test_it_pauses_and_goes_on_and_its_caches_are_emptied(vllm: Subject) -> None:
    async def paused() -> bool:
        return bool((await vllm.ask("GET", "/is_paused")).json()["is_paused"])

    assert not await paused()
    assert (await vllm.ask("POST", "/pause?mode=keep")).json() == {"status": "paused"}
    assert await paused()
    for cache in ("prefix", "mm", "encoder"):
        assert (await vllm.ask("POST", f"/reset_{cache}_cache")).status == 200
    assert (await vllm.ask("POST", "/resume")).json() == {"status": "resumed"}
    assert not await paused()
    call = {"method": "huiyan_vision_checksum"}
    (checksum,) = (await vllm.ask("POST", "/collective_rpc", call)).json()["results"]
    assert len(checksum) == 16
    assert (await vllm.ask("POST", "/collective_rpc", {"method": "no_such_method"})).status == 500


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("bad_json", b"{this is no JSON"),
        ("empty_body", b""),
        ("no_messages", {"model": "nano"}),
        ("messages_string", {"messages": "x"}),
        ("too_long", {"messages": [{"role": "user", "content": "苹果香蕉" * 3000}]}),
    ],
)
async def test_bad_requests_are_answered_as_recorded(vllm: Subject, name: str, body: Any) -> None:
    answer = await vllm.ask("POST", CHAT, body)
    recorded = RECORDED[name]
    assert answer.status == recorded["status"] == 400
    assert answer.json()["error"].keys() == json.loads(recorded["body"])["error"].keys()
    assert answer.json()["error"]["code"] == 400


async def test_an_unknown_route_is_404(vllm: Subject) -> None:
    answer = await vllm.ask("POST", "/v1/nothing", {})
    assert (answer.status, answer.json()) == (404, json.loads(RECORDED["unknown_route"]["body"]))


def test_the_gateway_reads_the_metrics_that_were_recorded() -> None:
    state = engine_metrics.parse(RECORDED["metrics"]["body"].encode())
    assert state is not None
    assert state.total_tokens == 4_052_176
    assert state.free_tokens == 4_052_176


def test_the_recorded_streams_are_what_the_gateway_expects() -> None:
    streamed = parse_stream(RECORDED["chat_stream"]["body"].encode())
    assert streamed.done
    assert streamed.text.startswith("我是这个产品内置的小型演示模型")
    assert streamed.chunks[-1]["usage"]["completion_tokens"] == 40
    answer = json.loads(RECORDED["chat_picture"]["body"])
    assert answer["choices"][0]["message"]["content"] == "¥5.80。", "as llama.cpp answers the same picture"
