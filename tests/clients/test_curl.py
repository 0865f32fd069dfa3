"""What the README tells people to type: curl, with JSON and with forms."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from huiyan.testing import FakeEngine, Reply, Status
from tests.support import pictures
from tests.support.command import Finished, run, start
from tests.support.gateway import CHAT, RunningGateway, chat_request
from tests.support.sse import parse_stream

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = ["--header", "Content-Type: application/json"]


class Curl:
    def __init__(self, url: str) -> None:
        program = shutil.which("curl")
        assert program is not None, "curl is not installed"
        self.command = [program, "--silent", "--show-error", "--max-time", "50", url]

    async def __call__(self, *words: str) -> Finished:
        return await run([*self.command, *words])


@pytest.fixture
def curl(gateway: RunningGateway) -> Curl:
    return Curl(gateway.base_url + CHAT)


def text_of(finished: Finished) -> str:
    assert finished.exit_code == 0, finished.stderr
    content = json.loads(finished.stdout)["choices"][0]["message"]["content"]
    assert isinstance(content, str)
    return content


async def test_chat(curl: Curl, engine: FakeEngine) -> None:
    engine.script(Reply(text="你好！"))
    body = '{"messages": [{"role": "user", "content": "你好"}]}'
    assert text_of(await curl(*JSON, "--data", body)) == "你好！"


async def test_stream_arrives_as_it_is_written(curl: Curl, engine: FakeEngine) -> None:
    engine.script(Reply.endless())
    body = '{"stream": true, "messages": [{"role": "user", "content": "写很长"}]}'
    process = await start([*curl.command, "--no-buffer", *JSON, "--data", body])
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            await process.stdout.readuntil(b'"content":"')
        assert not engine.completions[0].finished.is_set()
        process.terminate()
        await engine.completions[0].was_cancelled(30)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_stream_to_its_end(curl: Curl, engine: FakeEngine) -> None:
    engine.script(Reply(text="一段流式的回答。", chunk_chars=2))
    body = '{"stream": true, "messages": [{"role": "user", "content": "你好"}]}'
    finished = await curl("--no-buffer", *JSON, "--data", body)
    streamed = parse_stream(finished.stdout.encode())
    assert streamed.text == "一段流式的回答。"
    assert streamed.done


async def test_large_picture_from_a_file(curl: Curl, engine: FakeEngine, tmp_path: Path) -> None:
    """Above a megabyte curl waits for 100 Continue before it sends the body."""
    engine.script(Reply(text="噪点。"))
    content = pictures.picture_content(pictures.picture(size=(1400, 1000)))
    path = tmp_path / "request.json"
    path.write_bytes(msgspec.json.encode(chat_request(content)))
    assert path.stat().st_size > 1024 * 1024
    assert text_of(await curl(*JSON, "--data-binary", f"@{path}")) == "噪点。"


async def test_refusal_has_an_exit_code_and_a_hint(curl: Curl, engine: FakeEngine) -> None:
    finished = await curl("--fail-with-body", *JSON, "--data", '{"model": "gpt-99", "messages": [')
    assert finished.exit_code == 22
    error = json.loads(finished.stdout)["error"]
    assert error["code"] == "invalid_json"
    assert error["hint"]


async def test_time_limit_of_curl_ends_the_engines_work(curl: Curl, engine: FakeEngine) -> None:
    engine.script(Reply(first_delay_s=3600))
    body = '{"messages": [{"role": "user", "content": "你好"}]}'
    finished = await curl("--max-time", "0.5", *JSON, "--data", body)
    assert finished.exit_code == 28
    await engine.completions[0].was_cancelled()


async def test_curl_tries_again_when_the_engine_is_starting(curl: Curl, engine: FakeEngine) -> None:
    engine.script(Status(status=503, message="Loading model"), Reply(text="好了。"))
    body = '{"messages": [{"role": "user", "content": "你好"}]}'
    finished = await curl("--retry", "3", *JSON, "--data", body)
    answer = finished.stdout[finished.stdout.rindex('{"choices"') :]
    assert json.loads(answer)["choices"][0]["message"]["content"] == "好了。"
    assert len(engine.completions) == 2


@pytest_asyncio.fixture(loop_scope="module")
async def forms(gateway: RunningGateway) -> None:
    info = (await gateway.get("/api/info")).json()
    if not info["features"].get("multipart"):
        pytest.skip("this gateway reads no forms yet: /api/info has no features.multipart")


def _sent_pictures(engine: FakeEngine) -> list[str]:
    """Media types of the pictures as the engine got them, in their order."""
    parts = [
        part
        for message in engine.completions[-1].json()["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
    ]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    assert all(";base64," in url for url in urls)
    return [url.removeprefix("data:").partition(";")[0] for url in urls]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A PNG and a JPEG, so that their order shows."""
    made = {"png": tmp_path / "商品 1.png", "jpg": tmp_path / "shelf.jpg"}
    made["png"].write_bytes(pictures.picture("PNG"))
    made["jpg"].write_bytes(pictures.picture("JPEG"))
    return made


@pytest.mark.usefixtures("forms")
async def test_short_form(curl: Curl, engine: FakeEngine, files: dict[str, Path]) -> None:
    engine.script(Reply(text="两张图。"))
    finished = await curl(
        *("--form-string", "prompt=比较这些图。"),
        *("--form-string", "max_tokens=64"),
        *("--form", f"image=@{files['jpg']}"),
        *("--form", f"image=@{files['png']}"),
    )
    assert text_of(finished) == "两张图。"
    assert _sent_pictures(engine) == ["image/jpeg", "image/png"]
    sent = engine.completions[-1].json()
    assert sent["max_tokens"] == 64, "a number, not its text"
    assert "比较这些图。" in json.dumps(sent, ensure_ascii=False)


@pytest.mark.usefixtures("forms")
async def test_short_form_streamed(curl: Curl, engine: FakeEngine, files: dict[str, Path]) -> None:
    engine.script(Reply(text="一张图。", chunk_chars=1))
    finished = await curl(
        *("--form-string", "prompt=看图。", "--form-string", "stream=true"),
        *("--form", f"image=@{files['png']}"),
    )
    streamed = parse_stream(finished.stdout.encode())
    assert streamed.text == "一张图。"
    assert streamed.done


@pytest.mark.usefixtures("forms")
async def test_form_with_a_request_and_attachments(
    curl: Curl, engine: FakeEngine, files: dict[str, Path], tmp_path: Path
) -> None:
    engine.script(Reply(text="按名字找到。"))
    content = [
        pictures.picture_part("attachment://second"),
        {"type": "text", "text": "先看 JPEG，再看 PNG。"},
        pictures.picture_part("attachment://first"),
    ]
    request = tmp_path / "request.json"
    request.write_bytes(msgspec.json.encode(chat_request(content, seed=7)))
    finished = await curl(
        *("--form", f"request=<{request};type=application/json"),
        *("--form", f"first=@{files['png']}"),
        *("--form", f"second=@{files['jpg']}"),
    )
    assert text_of(finished) == "按名字找到。"
    assert _sent_pictures(engine) == ["image/jpeg", "image/png"]
    assert engine.completions[-1].json()["seed"] == 7


@pytest.mark.usefixtures("forms")
async def test_form_without_the_attachment_that_it_names(curl: Curl, engine: FakeEngine) -> None:
    request = json.dumps(chat_request([pictures.picture_part("attachment://missing")]))
    finished = await curl("--form-string", f"request={request}")
    error = json.loads(finished.stdout)["error"]
    assert "missing" in error["message"]
    assert error["hint"]
    assert engine.completions == []
