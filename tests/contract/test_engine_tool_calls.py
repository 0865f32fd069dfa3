"""How an engine asks for tool calls: the fake one is held to what llama.cpp really sends.

nano never calls a tool by itself. With a template that knows them and its answer begun for it, llama.cpp's
own grammar leaves it no other choice, and its server's own parser makes the events.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from huiyan import nano
from huiyan.engines.status import EngineEndpoint
from huiyan.testing import FakeEngine, Reply
from huiyan.testing.script import ToolCall
from tests.support.engine_process import llama_cpp
from tests.support.gateway import CHAT, running_gateway
from tests.support.sse import parse_stream
from tests.support.tool_loop import kinds, told
from tests.support.tools import install_scripted, running_host
from tests.support.wait import eventually
from tests.support.wire import ask

ARGUMENTS = '{"mood": "calm"}'
TOOL = {
    "type": "function",
    "function": {
        "name": "set_mood",
        "description": "Sets it",
        "parameters": {
            "type": "object",
            "required": ["mood"],
            "additionalProperties": False,
            "properties": {"mood": {"enum": ["calm"]}},
        },
    },
}
BEGUN = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "<tool_call>\n"}]
FORCED = {"tool_choice": "required", "parallel_tool_calls": False, "temperature": 0, "max_tokens": 96}


@pytest.fixture(scope="module")
def calling_nano() -> Iterator[EngineEndpoint]:
    with llama_cpp(module="tests.support.tool_calling_child") as running:
        yield running.endpoint


async def asked(endpoint: EngineEndpoint, *, stream: bool) -> Any:
    body = {"messages": BEGUN, "tools": [TOOL], "stream": stream, **FORCED}
    body |= {"stream_options": {"include_usage": True}} if stream else {}
    key = {"Authorization": f"Bearer {endpoint.api_key}"}
    answer = await ask(endpoint.port, "POST", CHAT, key, json=body)
    assert answer.status == 200, answer.text
    return parse_stream(bytes(answer.body)) if stream else answer.json()


def shape(delta: dict[str, Any]) -> Any:
    """A delta without what differs from answer to answer."""
    calls = [
        {**call, "id": bool(call.get("id")), "function": sorted(call["function"])}
        for call in delta.get("tool_calls", [])
    ]
    return {**delta, "tool_calls": calls} if calls else delta


async def test_the_fake_engine_streams_calls_as_llama_cpp_does(calling_nano: EngineEndpoint) -> None:
    async with FakeEngine() as fake:
        call = ToolCall(name="set_mood", arguments=ARGUMENTS)
        fake.script(Reply(text="", tool_calls=(call,), chunk_chars=3))
        streams = [await asked(endpoint, stream=True) for endpoint in (calling_nano, fake.endpoint)]
        fake.script(Reply(text="", tool_calls=(call,)))
        wholes = [await asked(endpoint, stream=False) for endpoint in (calling_nano, fake.endpoint)]
    seen = []
    for stream in streams:
        assert stream.done
        assert stream.finish_reasons == ["tool_calls"]
        assert stream.chunks[-1]["choices"] == []
        assert stream.chunks[-1]["usage"]["completion_tokens"] >= 0
        deltas = [chunk["choices"][0]["delta"] for chunk in stream.chunks if chunk["choices"]]
        pieces = [call for delta in deltas for call in delta.get("tool_calls", [])]
        arguments = "".join(piece["function"]["arguments"] for piece in pieces)
        assert msgspec.json.decode(arguments) == {"mood": "calm"}  # with whatever space the model likes
        assert pieces[0]["function"]["arguments"] == "{"
        # As many pieces as the model has tokens: one of each kind is what can be compared.
        shapes = [shape(delta) for delta in deltas]
        seen.append([each for n, each in enumerate(shapes) if each not in shapes[:n]])
    assert seen[0] == seen[1]
    messages = []
    for whole in wholes:
        assert whole["choices"][0]["finish_reason"] == "tool_calls"
        message = whole["choices"][0]["message"]
        (called,) = message["tool_calls"]
        assert called.pop("id")
        called["function"]["arguments"] = msgspec.json.decode(called["function"]["arguments"])
        messages.append(message)
    assert messages[0] == messages[1]


async def test_llama_cpp_calls_a_real_tool_through_the_loop(
    calling_nano: EngineEndpoint, tmp_path: Path
) -> None:
    await install_scripted(tmp_path, "scripted", "slow")
    async with (
        running_host(tmp_path),
        running_gateway(calling_nano, model=nano.card(), data_dir=tmp_path) as gateway,
    ):

        async def offered() -> bool:
            return bool((await gateway.get("/api/tools")).json()["plugins"])

        await eventually(offered, 30.0)
        body = {"messages": BEGUN, "stream": True, "huiyan": {"tools": {"allow": ["*"]}}, **FORCED}
        answer = parse_stream(bytes((await gateway.post(CHAT, body)).body))
    assert answer.done, answer
    events = kinds(told(answer))
    assert events[:2] == ["tools", "call"]
    # What a tiny model writes as arguments is its own affair; the call is made or refused for what it is.
    assert events[2] in {"result", "failed"}
    assert answer.text
