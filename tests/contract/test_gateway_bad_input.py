"""Every bad input gets its status, a message and a hint, and the conversation goes on."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from huiyan.testing import FakeEngine, Reply, Status
from tests.support import pictures
from tests.support.gateway import CHAT, RunningGateway, assert_refusal, chat_request, running_gateway
from tests.support.wire import Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

MB = 1024 * 1024


def _resident_bytes() -> int:
    """Memory of this process, which the gateway is part of."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def conversation_stays(gateway: RunningGateway, engine: FakeEngine) -> AsyncIterator[None]:
    """After whatever the test sent, the next question is answered, and the engine never saw the bad one."""
    yield
    seen = len(engine.completions)
    response = await gateway.chat("还在吗？")
    assert response.status == 200, response.text
    assert len(engine.completions) == seen + 1


def of_picture(data: bytes, media_type: str = "image/png") -> dict[str, Any]:
    return chat_request(pictures.picture_content(data, media_type=media_type))


async def test_file_that_is_no_picture(gateway: RunningGateway, engine: FakeEngine) -> None:
    error = assert_refusal(
        await gateway.post(CHAT, of_picture(b"Dear Sir or Madam, this is a letter.")), 400, "invalid_image"
    )
    assert error["param"] == "messages[0].content[0]"
    assert engine.completions == []


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"%PDF-1.7 " + bytes(100), "PDF"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0" + bytes(100), "HEIC"),
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "picture"),
    ],
    ids=["pdf", "svg", "heic", "no bytes", "png signature only"],
)
async def test_file_of_another_kind_is_named(gateway: RunningGateway, data: bytes, word: str) -> None:
    error = assert_refusal(await gateway.post(CHAT, of_picture(data)), 400, "invalid_image")
    assert word.lower() in error["message"].lower()


async def test_truncated_jpeg(gateway: RunningGateway, engine: FakeEngine) -> None:
    assert_refusal(
        await gateway.post(CHAT, of_picture(pictures.truncated_jpeg(), "image/jpeg")), 400, "invalid_image"
    )
    assert engine.completions == []


async def test_second_picture_is_named_when_it_is_the_broken_one(gateway: RunningGateway) -> None:
    content = [
        *pictures.picture_content(pictures.picture()),
        pictures.picture_part(pictures.data_url(pictures.truncated_jpeg(), "image/jpeg")),
    ]
    error = assert_refusal(await gateway.chat(content), 400, "invalid_image")
    assert "2" in error["message"]
    assert error["param"] == "messages[0].content[2]"


async def test_png_bomb_of_40000_x_40000(gateway: RunningGateway, engine: FakeEngine) -> None:
    """200 KB on the wire, 1.6 gigapixels decoded: refused by its header, without the memory for it."""
    bomb = pictures.png_bomb()
    assert len(bomb) < 1 * MB
    gc.collect()
    before_bytes = _resident_bytes()
    error = assert_refusal(await gateway.post(CHAT, of_picture(bomb)), 413, "payload_too_large")
    assert _resident_bytes() - before_bytes < 100 * MB
    assert "pixel" in error["message"]
    assert engine.completions == []


@pytest.mark.parametrize(
    "content",
    ["", "   \n\t ", [], [{"type": "text", "text": " "}], None],
    ids=["empty", "blank", "no parts", "blank part", "null"],
)
async def test_empty_prompt(gateway: RunningGateway, engine: FakeEngine, content: Any) -> None:
    assert_refusal(await gateway.chat(content), 400, "empty_prompt")
    assert engine.completions == []


async def test_no_messages_at_all(gateway: RunningGateway) -> None:
    assert_refusal(await gateway.post(CHAT, {"messages": []}), 400, "empty_prompt")
    assert_refusal(await gateway.post("/v1/completions", {"prompt": ""}), 400, "empty_prompt")


async def _send_200_mb(wire: Wire, *, chunked: bool) -> None:
    """200 MB of a JSON body, made as it is sent; ends early when the gateway closes the connection."""
    start = b'{"messages":[{"role":"user","content":"'
    piece = b"x" * MB
    total_bytes = 200 * MB
    framing = (
        ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(start) + total_bytes))
    )
    await wire.send(
        wire.head_bytes("POST", CHAT, {"Content-Type": "application/json", framing[0]: framing[1]})
    )
    try:
        for data in (start, *(piece for _ in range(200))):
            await wire.send(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
    except ConnectionError:
        pass  # it may close once it has said why


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
async def test_200_mb_upload(gateway: RunningGateway, engine: FakeEngine, chunked: bool) -> None:
    """A client that sends everything before it reads still reads why, and the gateway keeps none of it."""
    before_bytes = _resident_bytes()
    async with gateway.wire() as wire:
        await _send_200_mb(wire, chunked=chunked)
        error = assert_refusal(await wire.response(), 413, "payload_too_large")
    assert "limit" in error["message"]
    assert _resident_bytes() - before_bytes < 150 * MB
    assert engine.completions == []


async def test_picture_file_above_its_own_limit(engine: FakeEngine, gateway: RunningGateway) -> None:
    async with running_gateway(engine.endpoint, max_image_bytes=10_000) as strict:
        response = await strict.post(CHAT, of_picture(pictures.picture(size=(400, 400))))
    assert "10,000" in assert_refusal(response, 413, "payload_too_large")["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{this is no JSON",
        b"",
        b"[1, 2]",
        b'"text"',
        b"null",
        b'{"messages": "x"}',
        b'{"messages": [{"role": "user"',
        b'{"messages": [{"role": "user", "content": "\xff\xfe"}]}',
        b'{"messages": [{"role": "user", "content": {"a": 1}}]}',
        b'{"messages": [{"content": "no role"}]}',
        b'{"stream": true}',
        b"[" * 100_000,
        b'{"messages": ' + b"[" * 100_000,
        b'{"x":' * 50_000,
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_invalid_json(gateway: RunningGateway, engine: FakeEngine, body: bytes) -> None:
    response = await gateway.post(CHAT, None, {"Content-Type": "application/json"}, body=body)
    assert_refusal(response, 400, "invalid_json")
    assert engine.completions == []


async def test_invalid_json_on_the_other_routes(gateway: RunningGateway) -> None:
    for route in ("/v1/completions", "/api/tokenize", "/api/logs"):
        response = await gateway.post(route, None, {"Content-Type": "application/json"}, body=b"{no")
        assert_refusal(response, 400, "invalid_json")
    assert_refusal(await gateway.post("/api/tokenize", {"text": 1}), 400, "invalid_json")


async def test_unknown_model(gateway: RunningGateway, engine: FakeEngine) -> None:
    error = assert_refusal(await gateway.chat(model="gpt-99"), 404, "model_not_found")
    assert "gpt-99" in error["message"]
    assert "fake" in error["hint"], "the hint names what is served"
    assert error["param"] == "model"
    assert_refusal(await gateway.get("/v1/models/gpt-99"), 404, "model_not_found")
    assert engine.completions == []


async def test_ten_pictures(gateway: RunningGateway) -> None:
    part = pictures.picture_part(pictures.data_url(pictures.picture(size=(64, 64))))
    question = {"type": "text", "text": "比较这些图。"}
    error = assert_refusal(await gateway.chat([part] * 10 + [question]), 413, "payload_too_large")
    assert "10" in error["message"]
    assert "9" in error["message"]
    assert (await gateway.chat([part] * 9 + [question])).status == 200


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/a.png", "https://example.com/a.png", "file:///etc/passwd"]
)
async def test_picture_given_as_a_link_is_never_fetched(
    gateway: RunningGateway, engine: FakeEngine, url: str
) -> None:
    content = [pictures.picture_part(url), {"type": "text", "text": "看"}]
    error = assert_refusal(await gateway.chat(content), 400, "image_url_refused")
    assert "data:" in error["hint"]
    assert engine.completions == []


@pytest.mark.parametrize(
    "url",
    ["data:image/png;base64,@@@@", "data:image/png,plain", "data:image/png;base64", "data:"],
)
async def test_broken_data_url(gateway: RunningGateway, url: str) -> None:
    assert_refusal(await gateway.chat([pictures.picture_part(url)]), 400, "invalid_image")


async def test_body_of_another_type(gateway: RunningGateway, engine: FakeEngine) -> None:
    response = await gateway.post(CHAT, None, {"Content-Type": "text/plain"}, body=b"hello")
    assert_refusal(response, 415, "unsupported_media_type")
    assert engine.completions == []


async def test_too_many_answers_at_once(gateway: RunningGateway, engine: FakeEngine) -> None:
    assert assert_refusal(await gateway.chat(n=16_384), 400, "invalid_request")["param"] == "n"
    assert engine.completions == []


async def test_prompt_longer_than_the_context(gateway: RunningGateway) -> None:
    """The engine counts; its refusal comes back in our body, streamed or not."""
    for stream in (False, True):
        error = assert_refusal(
            await gateway.chat("苹果香蕉" * 3000, stream=stream), 400, "context_length_exceeded"
        )
        assert "4096" in error["message"]


async def test_engines_own_refusal_keeps_status_and_message(
    gateway: RunningGateway, engine: FakeEngine
) -> None:
    engine.script(Status(status=422, message="top_k must be an integer"))
    error = assert_refusal(await gateway.chat(), 422, "engine_refused")
    assert error["message"] == "top_k must be an integer"


async def test_engines_failure_is_502(gateway: RunningGateway, engine: FakeEngine) -> None:
    engine.script(Status(status=500, message="slot exploded"), Status(status=500, body=b"<html>oops</html>"))
    assert "slot exploded" in assert_refusal(await gateway.chat(), 502, "engine_error")["message"]
    assert_refusal(await gateway.chat(), 502, "engine_error")


async def test_good_request_with_odd_but_legal_shapes_passes(
    gateway: RunningGateway, engine: FakeEngine
) -> None:
    """Fields that the gateway does not know reach the engine as they were sent."""
    request = chat_request(
        "你好", top_k=3, seed=7, response_format={"type": "text"}, metadata={"数": [1.50, None]}
    )
    engine.script(Reply(text="好"))
    assert (await gateway.post(CHAT, request)).status == 200
    assert engine.completions[-1].json() == request
    assert engine.completions[-1].body == msgspec.json.encode(request), "passed on byte for byte"
