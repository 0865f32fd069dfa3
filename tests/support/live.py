"""A whole launcher in this process, with real children, and what can be asked of it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huiyan.launcher.events import Event
from huiyan.launcher.orchestrate import Launcher
from huiyan.settings.load import load
from huiyan.settings.model import Settings
from huiyan.updates.status import UpdateStatus
from tests.support.wire import ask

SAMPLES = Path(__file__).parents[1] / "data" / "sample_images"


def settings_of(data_dir: Path, **sections: Any) -> Settings:
    """Any free ports and one engine thread, unless told otherwise."""
    flags: dict[str, Any] = {
        "data_dir": data_dir,
        "gateway": {"port": 0, **sections.get("gateway", {})},
        "engine": {"port": 0, "threads": 1, **sections.get("engine", {})},
        "launcher": {"open_browser": False, **sections.get("launcher", {})},
    }
    return load({**flags, **{name: sections[name] for name in ("update_feed",) if name in sections}})


def child_environment() -> dict[str, str]:
    path = os.pathsep.join(each for each in sys.path if each)
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": path}


def picture_question(name: str, **more: Any) -> dict[str, Any]:
    """The body of a chat about one of the sample pictures."""
    data = base64.b64encode((SAMPLES / name).read_bytes()).decode()
    content = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
        {"type": "text", "text": "描述这张图片。"},
    ]
    return {"messages": [{"role": "user", "content": content}], "temperature": 0, **more}


@dataclass
class Live:
    """A running launcher. events: what it has told so far."""

    launcher: Launcher
    events: list[Event] = field(default_factory=list)

    async def ask(self, body: dict[str, Any]) -> str:
        status, answer = await self.post("/v1/chat/completions", body)
        assert status == 200, answer
        return str(answer["choices"][0]["message"]["content"])

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """(status, JSON)."""
        answer = await ask(self.launcher.status().web_port, "POST", path, json=body)
        return answer.status, answer.json()

    async def stream(self, body: dict[str, Any], seen: list[str]) -> str:
        """The text of a streamed answer; its pieces go into `seen` as they come. Asserts that it is whole."""
        data = json.dumps({**body, "stream": True}).encode()
        status = self.launcher.status()
        reader, writer = await asyncio.open_connection(status.address, status.web_port, limit=1 << 20)
        # 1.0: its body is not cut into chunks.
        head = f"POST /v1/chat/completions HTTP/1.0\r\nHost: {status.address}:{status.web_port}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        ids, finished, done = set(), False, False
        try:
            first = await reader.readline()
            assert b" 200 " in first, first + await reader.read()
            while line := (await reader.readline()).decode():
                if line.rstrip() == "data: [DONE]":
                    done = True
                elif line.startswith("data: "):
                    chunk = json.loads(line.removeprefix("data: "))
                    assert "error" not in chunk, chunk
                    ids.add(chunk["id"])
                    for choice in chunk["choices"]:
                        finished = finished or choice.get("finish_reason") is not None
                        if piece := choice["delta"].get("content"):
                            seen.append(piece)
        finally:
            writer.close()
        assert finished
        assert done
        assert len(ids) == 1, "one answer, one engine"
        return "".join(seen)

    async def update(self, component: str, feed: Path, version: str | None = None) -> UpdateStatus:
        """To its end."""
        return await self.follow(await self.launcher.update(component, feed=str(feed), version=version))

    async def follow(self, status: UpdateStatus) -> UpdateStatus:
        async with asyncio.timeout(240):
            while status.state == "running":
                await asyncio.sleep(0.05)
                found = self.launcher.update_status()
                assert found is not None
                status = found
        return status

    def said(self) -> list[str]:
        return [event.text.key for event in self.events if event.text is not None]


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Live]:
    """From its start until it is ready, and after the test to its end."""
    live: Live
    events: list[Event] = []
    launcher = Launcher(settings, events.append, environment=child_environment())
    live = Live(launcher, events)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(launcher.run())
        try:
            async with asyncio.timeout(120):
                while not any(event.kind == "ready" for event in events):
                    assert not task.done(), events[-5:]
                    await asyncio.sleep(0.02)
            yield live
        finally:
            launcher.request_stop()
