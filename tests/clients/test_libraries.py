"""OpenAI's SDKs for Python and JavaScript and LangChain's ChatOpenAI, unchanged, against the gateway."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from huiyan.testing import FakeEngine, Fault, Reply, Status, ToolCall
from tests.support import pictures
from tests.support.driver import Driver, DriverError, running_driver
from tests.support.gateway import RunningGateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = Path(__file__).parent
QUESTION = [{"role": "user", "content": "你好"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CALL = ToolCall(name="get_weather", arguments='{"city": "杭州"}', id="call_1")


@pytest_asyncio.fixture(
    loop_scope="module", scope="module", params=["openai_python", "openai_javascript", "langchain"]
)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Driver]:
    """Each library in one process for the whole module: their imports take a second or two."""
    match request.param:
        case "openai_python":
            command = [sys.executable, str(HERE / "programs" / "openai_python.py")]
        case "openai_javascript":
            node = request.getfixturevalue("node")
            command = [node, str(HERE / "js" / "openai_javascript.mjs")]
        case _:
            python = request.getfixturevalue("clients_bin") / "python"
            command = [str(python), str(HERE / "programs" / "langchain_openai_chat.py")]
    async with running_driver(command) as driver:
        yield driver


async def test_chat(client: Driver, gateway: RunningGateway, engine: FakeEngine) -> None:
    engine.script(Reply(text="你好！有什么可以帮您？"))
    answer = await client.ask(gateway.base_url, QUESTION)
    assert answer.text == "你好！有什么可以帮您？"
    assert answer.finish_reason == "stop"
    assert answer.total_tokens > 0


async def test_stream(client: Driver, gateway: RunningGateway, engine: FakeEngine) -> None:
    engine.script(Reply(text="一段流式的回答，分成许多块。", chunk_chars=2))
    answer = await client.ask(gateway.base_url, QUESTION, stream=True)
    assert answer.text == "一段流式的回答，分成许多块。"
    assert answer.pieces == 7
    assert answer.finish_reason == "stop"
    assert answer.total_tokens > 0


async def test_two_pictures_in_their_order(
    client: Driver, gateway: RunningGateway, engine: FakeEngine
) -> None:
    engine.script(Reply(text="两张不同的图。"))
    urls = [
        pictures.data_url(pictures.picture(size=(64, 48))),
        pictures.data_url(pictures.picture("JPEG"), "image/jpeg"),
    ]
    content = [*map(pictures.picture_part, urls), {"type": "text", "text": "比较。"}]
    answer = await client.ask(gateway.base_url, [{"role": "user", "content": content}])
    assert answer.text == "两张不同的图。"
    seen = engine.completions[-1].json()["messages"][0]["content"]
    kinds = [part["image_url"]["url"].partition(";")[0] for part in seen if part["type"] == "image_url"]
    assert kinds == ["data:image/png", "data:image/jpeg"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_tool_call_and_its_result(
    client: Driver, gateway: RunningGateway, engine: FakeEngine, stream: bool
) -> None:
    engine.script(Reply(text="", tool_calls=(CALL,)), Reply(text="杭州晴。"))
    asked = await client.ask(gateway.base_url, QUESTION, tools=[WEATHER], stream=stream)
    assert asked.finish_reason == "tool_calls"
    assert [call["name"] for call in asked.tool_calls] == ["get_weather"]
    assert json.loads(asked.tool_calls[0]["arguments"]) == {"city": "杭州"}
    assert engine.completions[-1].json()["tools"][0]["function"]["name"] == "get_weather"
    history: list[dict[str, Any]] = [
        *QUESTION,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": CALL.id,
                    "type": "function",
                    "function": {"name": CALL.name, "arguments": CALL.arguments},
                }
            ],
        },
        {"role": "tool", "tool_call_id": CALL.id, "content": "晴，25 度"},
    ]
    answer = await client.ask(gateway.base_url, history, tools=[WEATHER], stream=stream)
    assert answer.text == "杭州晴。"
    last = engine.completions[-1].json()["messages"][-1]
    assert (last["role"], last["tool_call_id"], last["content"]) == ("tool", CALL.id, "晴，25 度")


async def test_errors_are_the_librarys_own(
    client: Driver, gateway: RunningGateway, engine: FakeEngine
) -> None:
    with pytest.raises(DriverError) as unknown:
        await client.ask(gateway.base_url, QUESTION, model="gpt-99")
    assert "NotFoundError" in unknown.value.kinds
    assert unknown.value.status == 404
    assert unknown.value.code == "model_not_found"
    broken = pictures.picture_content(pictures.truncated_jpeg(), media_type="image/jpeg")
    with pytest.raises(DriverError) as refused:
        await client.ask(gateway.base_url, [{"role": "user", "content": broken}], stream=True)
    assert "BadRequestError" in refused.value.kinds
    assert refused.value.status == 400
    assert refused.value.code == "invalid_image"
    assert engine.completions == []


async def test_stream_that_breaks_is_no_finished_answer(
    client: Driver, gateway: RunningGateway, engine: FakeEngine
) -> None:
    engine.script(Reply(text="很长的回答" * 20, fault=Fault.DIE, fault_after_chunks=3))
    with pytest.raises(DriverError) as raised:
        await client.ask(gateway.base_url, QUESTION, stream=True)
    assert "APIError" in raised.value.kinds
    assert raised.value.code == "engine_died"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_timeout_of_the_client_ends_the_engines_work(
    client: Driver, gateway: RunningGateway, engine: FakeEngine, stream: bool
) -> None:
    engine.script(Reply(first_delay_s=3600))
    with pytest.raises(DriverError) as raised:
        await client.ask(gateway.base_url, QUESTION, timeout_s=0.5, stream=stream)
    assert {"APITimeoutError", "APIConnectionTimeoutError"} & set(raised.value.kinds)
    await engine.completions[0].was_cancelled()


@pytest.mark.parametrize("status", [503, 500])
async def test_library_tries_again_by_itself(
    client: Driver, gateway: RunningGateway, engine: FakeEngine, status: int
) -> None:
    """Its user never sees that the engine was being restarted."""
    engine.script(Status(status=status, message="not now"), Reply(text="第二次成功。"))
    answer = await client.ask(gateway.base_url, QUESTION, max_retries=3)
    assert answer.text == "第二次成功。"
    assert len(engine.completions) == 2


async def test_library_does_not_repeat_what_was_refused(
    client: Driver, gateway: RunningGateway, engine: FakeEngine
) -> None:
    engine.script(Status(status=400, message="no such thing"))
    with pytest.raises(DriverError) as raised:
        await client.ask(gateway.base_url, QUESTION, max_retries=3)
    assert raised.value.status == 400
    assert "no such thing" in raised.value.message
    assert len(engine.completions) == 1
