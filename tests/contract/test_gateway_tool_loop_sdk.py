"""Tool calls and the official OpenAI SDK: the loop's stream reads as any other, own tools pass untouched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest

from huiyan.testing import FakeEngine, Reply
from huiyan.testing.script import ToolCall
from tests.support.gateway import running_gateway
from tests.support.tool_loop import calls, tool_loop

LOOKUP: Any = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks up",
        "parameters": {"type": "object", "properties": {"word": {"type": "string"}}},
    },
}
ALLOW = {"huiyan": {"tools": {"allow": ["*"]}}}
MESSAGES: Any = [{"role": "user", "content": "看看"}]


async def with_own_tools(base_url: str, engine: FakeEngine, *, stream: bool) -> list[bytes]:
    """A program that calls its own tool; the bodies that the engine was sent."""
    engine.reset()
    engine.script(Reply(text="", tool_calls=(ToolCall(name="look_up", arguments='{"word": "慧眼"}'),)))
    async with openai.AsyncOpenAI(base_url=f"{base_url}/v1", api_key="none") as client:
        first: Any = await client.chat.completions.create(
            model="fake", messages=MESSAGES, tools=[LOOKUP], tool_choice="auto", stream=stream
        )
        if stream:
            chunks = [chunk async for chunk in first]
            wanted = [c for chunk in chunks for c in chunk.choices[0].delta.tool_calls or []]
            assert "".join(c.function.arguments or "" for c in wanted) == '{"word": "慧眼"}'
            assert chunks[-1].choices[0].finish_reason == "tool_calls"
        else:
            (call,) = first.choices[0].message.tool_calls
            assert (call.function.name, call.function.arguments) == ("look_up", '{"word": "慧眼"}')
        called = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
        answered = [
            *MESSAGES,
            {"role": "assistant", "content": None, "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "call_1", "content": "眼"},
        ]
        await client.chat.completions.create(model="fake", messages=answered, tools=[LOOKUP])
    return [request.body for request in engine.completions]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_clients_own_tools_reach_the_engine_byte_for_byte(stream: bool) -> None:
    async with FakeEngine() as engine, running_gateway(engine.endpoint) as gateway:
        without = await with_own_tools(engine.base_url, engine, stream=stream)
        through = await with_own_tools(gateway.base_url, engine, stream=stream)
    assert through == without
    assert len(without) == 2


async def test_the_sdk_reads_a_loops_stream_as_any_other(tmp_path: Path) -> None:
    async with (
        tool_loop(tmp_path, "echo", "slow") as loop,
        openai.AsyncOpenAI(base_url=f"{loop.gateway.base_url}/v1", api_key="none") as client,
    ):
        script = (
            calls(("echo", {"text": "x"}), text="等等。"),
            calls(("slow", {"steps": 3})),
            Reply(text="好了。"),
        )
        loop.engine.script(*script)
        stream = await client.chat.completions.create(
            model="fake",
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
            extra_body=ALLOW,
        )
        text, ours = "", []
        async for chunk in stream:
            if chunk.choices:
                assert chunk.choices[0].delta.tool_calls is None
                text += chunk.choices[0].delta.content or ""
            ours.append((chunk.model_extra or {}).get("huiyan"))
        assert text == "等等。\n\n好了。"
        assert next(each["type"] for each in ours if each) == "tools"
        assert chunk.usage is not None

        loop.engine.script(*script)
        async with client.chat.completions.stream(
            model="fake", messages=MESSAGES, extra_body=ALLOW
        ) as accumulated:
            final = await accumulated.get_final_completion()
        assert final.choices[0].message.content == "等等。\n\n好了。"
        assert final.choices[0].message.role == "assistant"
        assert final.choices[0].finish_reason == "stop"

        loop.engine.script(*script)
        whole = await client.chat.completions.create(model="fake", messages=MESSAGES, extra_body=ALLOW)
        assert whole.choices[0].message.content == "等等。\n\n好了。"
        assert [each["type"] for each in (whole.model_extra or {})["huiyan"]["events"]].count("result") == 2
