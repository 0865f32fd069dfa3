"""A gateway with a fake engine before it and a real tool host beside it, for the model's own tool calls."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huiyan.testing import FakeEngine, Reply
from huiyan.testing.script import ToolCall
from huiyan.tools.host import ToolHost
from tests.support.gateway import CHAT, RunningGateway, chat_request, running_gateway
from tests.support.sse import Streamed, parse_stream
from tests.support.tools import install_scripted, running_host
from tests.support.wait import eventually
from tests.support.wire import Response, Wire

WAIT_S = 30.0


def calls(*wanted: tuple[str, Any], text: str = "", **more: Any) -> Reply:
    """A step in which the model asks for these: name, and arguments as JSON or as text that may be none."""
    return Reply(
        text=text,
        tool_calls=tuple(
            ToolCall(
                name=f"scripted__{name}", arguments=given if isinstance(given, str) else json.dumps(given)
            )
            for name, given in wanted
        ),
        **more,
    )


def asking(content: Any = "看看", *, allow: str = "scripted/*", stream: bool = True, **use: Any) -> Any:
    """A chat request that lets the model call tools."""
    return chat_request(content, stream=stream, huiyan={"tools": {"allow": [allow], **use}})


def told(streamed: Streamed) -> list[dict[str, Any]]:
    """The events of a loop."""
    return [chunk["huiyan"] for chunk in streamed.chunks if "huiyan" in chunk]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events if event["type"] != "progress"]


@dataclass
class Loop:
    gateway: RunningGateway
    engine: FakeEngine
    host: ToolHost

    async def chat(self, request: Any = None, headers: dict[str, str] | None = None) -> Response:
        return await self.gateway.post(CHAT, asking() if request is None else request, headers)

    async def streamed(self, request: Any = None, headers: dict[str, str] | None = None) -> Streamed:
        answer = await self.chat(request, headers)
        assert answer.status == 200, answer.text
        return parse_stream(bytes(answer.body))

    def asked(self, index: int = -1) -> dict[str, Any]:
        """What the engine was asked."""
        body: dict[str, Any] = self.engine.completions[index].json()
        return body

    def result(self, index: int = -1) -> str:
        """The text of the last tool result that the engine was given."""
        message = self.asked(index)["messages"][-1]
        assert message["role"] == "tool"
        content: str = message["content"]
        return content

    async def busy(self) -> None:
        """Until a tool works."""

        async def so() -> bool:
            return self.host.plugin("scripted").busy

        await eventually(so, WAIT_S)

    async def told_to_stop(self) -> None:
        """Until the tool `slow` has heard that its call is cancelled."""
        mark = self.host.plugin("scripted").installed.work / "cancelled.txt"

        async def so() -> bool:
            return mark.exists()

        await eventually(so, WAIT_S)

    @contextlib.asynccontextmanager
    async def reading(
        self, request: Any = None, headers: dict[str, str] | None = None
    ) -> AsyncIterator[Reading]:
        """A client that has sent its request and reads as it likes; it leaves at the end of the block."""
        async with self.gateway.wire() as wire:
            request = asking() if request is None else request
            await wire.send(wire.request_bytes("POST", CHAT, headers or {}, json=request))
            yield Reading(wire)

    async def decide(self, call: str, *, allow: bool, headers: dict[str, str] | None = None) -> Response:
        return await self.gateway.post(f"/api/tool-calls/{call}", {"allow": allow}, headers)


@dataclass
class Reading:
    """An answer while it comes."""

    wire: Wire

    async def until(self, kind: str) -> dict[str, Any]:
        """The first event of this kind."""
        body = await self.wire.body_until(f'"type":"{kind}"'.encode())
        while True:
            for event in told(parse_stream(_whole_events(body))):
                if event["type"] == kind:
                    return event
            body = await self.wire.body_of(len(body) + 1)

    async def rest(self) -> Streamed:
        return parse_stream(bytes((await self.wire.rest()).body))


def _whole_events(body: bytes) -> bytes:
    return body[: body.rfind(b"\n\n") + 2]


@contextlib.asynccontextmanager
async def tool_loop(data_dir: Path, *only: str, network: bool = False, **options: Any) -> AsyncIterator[Loop]:
    """only: the scriptable server's tools. options: fields of GatewayOptions."""
    await install_scripted(data_dir, "scripted", *only, network=network)
    async with (
        FakeEngine(context_tokens=100_000) as engine,
        running_host(data_dir) as host,
        running_gateway(engine.endpoint, data_dir=data_dir, **options) as gateway,
    ):
        engine.default_reply = Reply(text="就是这样。", chunk_chars=4)

        async def offered() -> bool:
            listed = (await gateway.get("/api/tools")).json()
            return bool(listed["available"] and listed["plugins"])

        await eventually(offered, WAIT_S)
        yield Loop(gateway, engine, host)
