"""`huiyan serve` as a process: several engines, other people, HTTPS."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from huiyan.errors import SettingsError
from huiyan.testing import FakeEngine
from tests.support.wait import eventually
from tests.support.web import Reply, chat, request
from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.slow

_START_S = 60.0


@dataclass
class Serving:
    """A `serve` that has said where it serves. events: its JSON lines until then."""

    port: int
    events: list[dict[str, Any]] = field(default_factory=list)

    def event(self, name: str) -> dict[str, Any]:
        return next(event for event in self.events if event["event"] == name)

    async def chat(self, question: str, **more: Any) -> Reply:
        return await asyncio.to_thread(chat, self.port, question, **more)

    async def get(self, path: str, **more: Any) -> Reply:
        return await asyncio.to_thread(request, self.port, "GET", path, **more)


@contextlib.asynccontextmanager
async def serving(environment: dict[str, str], data_dir: Path, *arguments: str) -> AsyncIterator[Serving]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "huiyan", "serve", "--port", "0", "--json", "--data-dir", str(data_dir)),
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        events: list[dict[str, Any]] = []
        async with asyncio.timeout(_START_S):
            while not events or events[-1]["event"] != "serving":
                line = await process.stdout.readline()
                assert line, "it ended before it served"
                events.append(json.loads(line))
        yield Serving(int(events[-1]["url"].rpartition(":")[2]), events)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), _START_S)


async def test_several_engines_share_the_load_and_one_may_go(
    environment: dict[str, str], tmp_path: Path
) -> None:
    key_file = tmp_path / "engine-key"
    key_file.write_text("the-engines-key\n")
    async with (
        FakeEngine(api_key="the-engines-key", model="shop") as one,
        FakeEngine(api_key="the-engines-key", model="shop") as two,
    ):
        urls = [word for engine in (one, two) for word in ("--engine-url", engine.base_url)]
        more = ("--engine-key-file", str(key_file))
        async with serving(environment, tmp_path / "data", *urls, *more) as served:

            async def status() -> str:
                return str((await served.get("/health")).json()["status"])

            async def is_ok() -> bool:
                return await status() == "ok"

            await eventually(is_ok, _START_S)
            assert (await served.get("/v1/models")).json()["data"][0]["id"] == "shop"
            number = 0

            async def both_have_answered() -> bool:
                """Which engine gets a conversation is a hash of its beginning."""
                nonlocal number
                number += 1
                assert (await served.chat(f"question {number}")).status == 200
                return all(
                    any(asked.path == "/v1/chat/completions" for asked in engine.requests)
                    for engine in (one, two)
                )

            await eventually(both_have_answered, _START_S)
            await one.stop()

            async def answered_by_the_other() -> bool:
                """Until the one that is gone is left out, its conversations fail."""
                nonlocal number
                answers = []
                for _ in range(8):
                    number += 1
                    answers.append((await served.chat(f"question {number}")).status)
                return answers == [200] * 8

            await eventually(answered_by_the_other, _START_S)


async def test_others_get_a_key_and_https(environment: dict[str, str], tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    trusted = data_dir / "tls" / "huiyan.crt"
    flags = ("--host", "0.0.0.0", "--tls-self-signed")
    async with FakeEngine() as engine:
        url = ("--engine-url", engine.base_url)
        async with serving(environment, data_dir, *flags, *url) as served:
            assert served.event("serving")["url"].startswith("https://127.0.0.1:")
            key = served.event("first_key")["key"]
            assert (await served.chat("hello", trusted=trusted)).status == 401
            assert (await served.chat("hello", trusted=trusted, key=key)).status == 200
        async with serving(environment, data_dir, *flags, *url) as again:
            assert all(event["event"] != "first_key" for event in again.events)
            assert (await again.chat("hello", trusted=trusted, key=key)).status == 200


def test_engines_that_cannot_be_meant(huiyan: Run) -> None:
    for urls, word in (
        (["http://127.0.0.1:3001", "http://127.0.0.1:3001/"], "twice"),
        (["http://127.0.0.1:3001", "ftp://x"], "ftp://x"),
        (["http://127.0.0.1:99999"], "99999"),
    ):
        flags = [word for url in urls for word in ("--engine-url", url)]
        refused = huiyan("serve", "--port", "0", *flags)
        assert refused.returncode == 2, refused.stderr
        assert word in refused.stderr


def test_start_has_no_use_for_engines_elsewhere(huiyan: Run) -> None:
    backends = '[{"name": "a", "url": "http://127.0.0.1:3001"}]'
    refused = huiyan("start", "--json", HUIYAN_GATEWAY__TRAFFIC__BACKENDS=backends)
    assert refused.returncode == 2, refused.stdout
    error = json.loads(refused.stdout)["error"]
    assert error["code"] == SettingsError.code
    assert "huiyan serve" in error["hint"]
