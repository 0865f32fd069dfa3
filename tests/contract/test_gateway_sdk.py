"""The official OpenAI SDK for Python against the gateway, with the fake and with the real engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio

from huiyan import nano
from huiyan.engines.status import EngineState
from huiyan.testing import FakeEngine, Fault, Reply
from tests.support import pictures
from tests.support.engine_process import EngineProcess
from tests.support.gateway import RunningGateway, running_gateway, status

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def client(gateway: RunningGateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{gateway.base_url}/v1", api_key="none", max_retries=0) as sdk:
        yield sdk


@pytest_asyncio.fixture(loop_scope="module")
async def nano_client(llama_cpp_process: EngineProcess) -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        running_gateway(llama_cpp_process.endpoint, model=nano.card()) as gateway,
        openai.AsyncOpenAI(base_url=f"{gateway.base_url}/v1", api_key="none", max_retries=0) as sdk,
    ):
        yield sdk


def question(text: str, picture: bytes | None = None) -> list[Any]:
    content: Any = text if picture is None else pictures.picture_content(picture, text)
    return [{"role": "user", "content": content}]


async def test_chat(client: openai.AsyncOpenAI, engine: FakeEngine) -> None:
    engine.script(Reply(text="你好！"))
    completion = await client.chat.completions.create(
        model="fake", messages=question("你好"), temperature=0.2
    )
    assert completion.choices[0].message.content == "你好！"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens > 0
    assert engine.completions[0].json()["temperature"] == 0.2


async def test_stream(client: openai.AsyncOpenAI, engine: FakeEngine) -> None:
    engine.script(Reply(text="一段流式的回答。", chunk_chars=2))
    stream = await client.chat.completions.create(
        model="fake", messages=question("你好"), stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "一段流式的回答。"
    assert chunks[-1].usage is not None


async def test_leaving_a_stream_cancels_it(client: openai.AsyncOpenAI, engine: FakeEngine) -> None:
    engine.script(Reply.endless())
    stream = await client.chat.completions.create(model="fake", messages=question("你好"), stream=True)
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    await stream.close()
    await engine.completions[0].was_cancelled()


async def test_picture(client: openai.AsyncOpenAI, engine: FakeEngine) -> None:
    engine.script(Reply(text="红色。"))
    completion = await client.chat.completions.create(
        model="fake", messages=question("什么颜色？", pictures.picture())
    )
    assert completion.choices[0].message.content == "红色。"


async def test_models(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["fake"]
    assert (await client.models.retrieve("fake")).id == "fake"


async def test_completions(client: openai.AsyncOpenAI, engine: FakeEngine) -> None:
    engine.script(Reply(text="有座山"))
    completion = await client.completions.create(model="fake", prompt="从前")
    assert completion.choices[0].text == "有座山"


async def test_errors_become_the_sdks_own(
    client: openai.AsyncOpenAI, gateway: RunningGateway, engine: FakeEngine
) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.chat.completions.create(model="gpt-99", messages=question("你好"))
    assert unknown.value.code == "model_not_found"
    assert unknown.value.request_id
    with pytest.raises(openai.BadRequestError) as empty:
        await client.chat.completions.create(model="fake", messages=question(""))
    assert empty.value.code == "empty_prompt"
    assert isinstance(empty.value.body, dict)
    assert empty.value.body["hint"]
    with pytest.raises(openai.BadRequestError) as broken:
        await client.chat.completions.create(model="fake", messages=question("看", pictures.truncated_jpeg()))
    assert broken.value.code == "invalid_image"
    gateway.app.gateway.update_engine(status(EngineState.LOADING))
    with pytest.raises(openai.InternalServerError) as starting:
        await client.chat.completions.create(model="fake", messages=question("你好"))
    assert starting.value.status_code == 503
    assert starting.value.code == "engine_starting"


async def test_sdk_waits_for_an_engine_that_is_starting(gateway: RunningGateway, engine: FakeEngine) -> None:
    """With its own retries the SDK follows Retry-After, and the user never sees the restart."""
    import asyncio

    gateway.app.gateway.update_engine(status(EngineState.LOADING))
    asyncio.get_running_loop().call_later(0.5, gateway.app.gateway.update_engine, status(EngineState.READY))
    async with openai.AsyncOpenAI(base_url=f"{gateway.base_url}/v1", api_key="none", max_retries=3) as sdk:
        completion = await sdk.chat.completions.create(model="fake", messages=question("你好"))
    assert completion.choices[0].message.content


async def test_error_within_a_stream_is_raised(client: openai.AsyncOpenAI, engine: FakeEngine) -> None:
    """The SDK must not take a broken stream for a finished one."""
    engine.script(Reply(text="很长的回答" * 20, fault=Fault.DIE, fault_after_chunks=3))
    stream = await client.chat.completions.create(model="fake", messages=question("你好"), stream=True)
    with pytest.raises(openai.APIError) as raised:
        async for _ in stream:
            pass
    assert raised.value.code == "engine_died"


async def test_nano_reads_a_picture_through_the_sdk(
    nano_client: openai.AsyncOpenAI, sample_images: Path
) -> None:
    """End to end without a page: the real engine behind the real gateway."""
    picture = (sample_images / "03_price_tag_zh.png").read_bytes()
    completion = await nano_client.chat.completions.create(
        model="nano", messages=question("图里写了什么？", picture)
    )
    text = completion.choices[0].message.content or ""
    assert "红富士苹果" in text
    assert "¥5.80" in text
    stream = await nano_client.chat.completions.create(
        model="nano", messages=question("多少钱？", picture), stream=True
    )
    pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert "".join(pieces) == "¥5.80。"
    assert len(pieces) > 3
