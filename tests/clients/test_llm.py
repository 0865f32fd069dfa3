"""The `llm` command line with the gateway as one of its OpenAI-compatible models."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from huiyan.testing import FakeEngine, Reply, Status, ToolCall
from tests.support import pictures
from tests.support.command import Finished, run, start
from tests.support.gateway import RunningGateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: As its documentation has it (https://llm.datasette.io/en/stable/other-models.html).
_MODELS = """
- model_id: huiyan
  model_name: fake
  api_base: "{base_url}/v1"
  vision: true
  supports_tools: true
- model_id: unknown
  model_name: gpt-99
  api_base: "{base_url}/v1"
"""


class Llm:
    def __init__(self, program: Path, folder: Path) -> None:
        self.program = str(program)
        self.environment: Mapping[str, str] = {"LLM_USER_PATH": str(folder)}

    async def __call__(self, *words: str) -> Finished:
        return await run([self.program, *words], self.environment)


@pytest.fixture
def llm(clients_bin: Path, gateway: RunningGateway, tmp_path: Path) -> Llm:
    (tmp_path / "extra-openai-models.yaml").write_text(_MODELS.format(base_url=gateway.base_url))
    return Llm(clients_bin / "llm", tmp_path)


@pytest.mark.parametrize("words", [[], ["--no-stream"]], ids=["streamed", "whole"])
async def test_chat(llm: Llm, engine: FakeEngine, words: list[str]) -> None:
    engine.script(Reply(text="你好，世界。", chunk_chars=2))
    finished = await llm("-m", "huiyan", "-s", "你很友好。", "-o", "temperature", "0.2", *words, "你好")
    assert finished.exit_code == 0, finished.stderr
    assert finished.stdout.strip() == "你好，世界。"
    sent = engine.completions[0].json()
    assert sent["temperature"] == 0.2
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert sent.get("stream", False) is (not words)


async def test_picture(llm: Llm, engine: FakeEngine, tmp_path: Path) -> None:
    engine.script(Reply(text="一个红色方块。"))
    path = tmp_path / "block.png"
    path.write_bytes(pictures.picture())
    finished = await llm("-m", "huiyan", "-a", str(path), "图里有什么？")
    assert finished.stdout.strip() == "一个红色方块。", finished.stderr
    content = engine.completions[0].json()["messages"][0]["content"]
    assert [part["type"] for part in content] == ["text", "image_url"]


async def test_tool_is_called_and_its_result_sent_back(llm: Llm, engine: FakeEngine) -> None:
    engine.script(
        Reply(text="", tool_calls=(ToolCall(name="triple", arguments='{"number": 14}', id="call_7"),)),
        Reply(text="是 42。"),
    )
    function = "def triple(number: int) -> int:\n    return number * 3\n"
    finished = await llm("-m", "huiyan", "--functions", function, "14 的三倍？")
    assert finished.stdout.strip().endswith("是 42。"), finished.stderr
    last = engine.completions[1].json()["messages"][-1]
    assert (last["role"], last["tool_call_id"], last["content"]) == ("tool", "call_7", "42")


async def test_error_names_what_is_wrong(llm: Llm, engine: FakeEngine) -> None:
    finished = await llm("-m", "unknown", "你好")
    assert finished.exit_code != 0
    assert "gpt-99" in finished.stderr
    assert engine.completions == []


async def test_it_tries_again(llm: Llm, engine: FakeEngine) -> None:
    engine.script(Status(status=500, message="slot exploded"), Reply(text="好了。"))
    finished = await llm("-m", "huiyan", "你好")
    assert finished.stdout.strip() == "好了。", finished.stderr
    assert len(engine.completions) == 2


async def test_interrupt_ends_the_engines_work(llm: Llm, engine: FakeEngine) -> None:
    engine.script(Reply.endless())
    process = await start([llm.program, "-m", "huiyan", "写很长"], llm.environment)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            await process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        await engine.completions[0].was_cancelled(30)
    finally:
        process.kill()
        await process.communicate()


async def test_log_of_llm_has_the_tokens(llm: Llm, engine: FakeEngine) -> None:
    """It asks for usage within streams, and keeps what it gets."""
    engine.script(Reply(text="三个字。", prompt_tokens=11))
    assert (await llm("-m", "huiyan", "你好")).exit_code == 0
    (entry,) = json.loads((await llm("logs", "--json", "-n", "1")).stdout)
    assert entry["response"] == "三个字。"
    assert entry["input_tokens"] == 11
