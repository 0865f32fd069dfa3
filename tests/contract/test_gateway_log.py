"""After a session that puts secrets, pictures and prompts everywhere, the log holds none of them."""

from __future__ import annotations

import base64
import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from huiyan import log
from huiyan.launcher.logs import LogSink
from huiyan.testing import FakeEngine, Reply, Status
from tests.support.gateway import CHAT, RunningGateway, running_gateway
from tests.support.pictures import picture as picture_bytes

SECRET = "hy-k7f3-" + "Zq9" * 12
PROMPT = "PROMPT-TEXT-und-nur-hier"
ANSWER = "ANSWER-TEXT-und-nur-hier"
OTHER_SECRET = "correct-horse-battery"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the gateway's process writes to stderr, its own log and the access log."""
    stream = io.StringIO()
    root = logging.getLogger()
    level, raising = root.level, logging.raiseExceptions
    handler = log.configure("gateway", stream, level=logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)
    logging.raiseExceptions = raising


def picture() -> str:
    return base64.b64encode(picture_bytes(size=(32, 32))).decode()


async def hostile_session(gateway: RunningGateway, engine: FakeEngine) -> None:
    picture_url = f"data:image/png;base64,{picture()}"
    secrets = {
        "Authorization": f"Bearer {SECRET}",
        "X-Api-Key": SECRET,
        "Cookie": f"huiyan_session={OTHER_SECRET}",
        "X-Huiyan-Csrf": OTHER_SECRET,
        "Idempotency-Key": SECRET,
        "X-Request-Id": SECRET,
        "Referer": f"http://localhost/?api_key={OTHER_SECRET}",
        "User-Agent": f"curl {SECRET}",
    }
    content = [
        {"type": "text", "text": PROMPT},
        {"type": "image_url", "image_url": {"url": picture_url}},
    ]
    engine.script(Reply(text=ANSWER), Status(status=500), Status(status=400), Reply(text=ANSWER))
    await gateway.chat(content, secrets)
    for stream in (True, False, True):
        await gateway.chat(content, {"Authorization": f"Bearer {SECRET}"}, stream=stream, user=SECRET)
    # What cannot be read, cannot be served, or is somewhere else.
    await gateway.post(CHAT, body=f'{{"messages": [{{"content": "{PROMPT} {SECRET}'.encode())
    await gateway.chat([{"type": "image_url", "image_url": {"url": picture_url[:-40]}}])
    await gateway.chat([{"type": "image_url", "image_url": {"url": f"https://x/?key={SECRET}"}}])
    await gateway.chat(PROMPT, model=SECRET)
    await gateway.get(f"/v1/models/{SECRET}")
    await gateway.get(f"/api/info?api_key={OTHER_SECRET}&token={SECRET}")
    await gateway.get(f"/{SECRET}/{picture()}")
    await gateway.get("/api/info", {"Host": f"{SECRET}.example"})
    # What a page reports of its own errors.
    for message in (f"fetch failed: Authorization: Bearer {SECRET}", f"img {picture_url}", f"{picture()}"):
        entry = {
            "level": "error",
            "message": message,
            "request_id": SECRET,
            "context": {"api_key": OTHER_SECRET, "url": picture_url, "deep": [{"cookie": OTHER_SECRET}]},
        }
        assert (await gateway.post("/api/logs", entry)).status == 204


async def test_a_hostile_session_leaves_nothing_in_the_log(
    written: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Here, not in the fixture: pytest puts a stderr of its own in place between the two.
    monkeypatch.setattr(sys, "stderr", written)
    async with FakeEngine(api_key="engine-" + "secret-" * 4) as engine:
        async with running_gateway(engine.endpoint) as gateway:
            await hostile_session(gateway, engine)
        key = engine.api_key
    path = tmp_path / "huiyan.jsonl"
    sink = LogSink(path, max_bytes=10**7, files=2)
    write = sink.writer("gateway")
    for line in written.getvalue().splitlines():
        write(line)
    sink.close()

    text = path.read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    requests = [line for line in lines if line.get("logger") == "huiyan.access"]
    assert len(requests) == 15, "every request has its line"
    assert len([line for line in lines if line.get("origin") == "browser"]) == 3
    encoded = picture()
    for forbidden in (SECRET, OTHER_SECRET, PROMPT, ANSWER, key, encoded, encoded[20:60]):
        assert forbidden not in text, f"{forbidden[:30]} was written down"
    assert log.MASK in text
