"""A real gateway on a real socket in this process, in front of whichever engine a test gives it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huiyan.app import GatewayApp, build
from huiyan.engines.status import EngineEndpoint, EngineState, EngineStatus, ModelCard
from huiyan.gateway.options import GatewayOptions
from tests.support.wire import Json, Response, Wire, ask

CHAT = "/v1/chat/completions"


def status(state: EngineState, **fields: Any) -> EngineStatus:
    return EngineStatus(state=state, engine="fake", model="fake", **fields)


CARD = ModelCard(id="fake", name="fake", context_tokens=4096)


@dataclass
class RunningGateway:
    app: GatewayApp
    port: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wire(self) -> contextlib.AbstractAsyncContextManager[Wire]:
        return Wire.open(self.port)

    async def get(self, target: str, headers: Mapping[str, str] | None = None) -> Response:
        return await ask(self.port, "GET", target, headers)

    async def post(
        self,
        target: str,
        json: Json = None,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
    ) -> Response:
        return await ask(self.port, "POST", target, headers, json=json, body=body)

    async def chat(
        self, content: Any = "你好", headers: Mapping[str, str] | None = None, **more: Any
    ) -> Response:
        """A chat with one user message. content: text, or OpenAI's list of parts."""
        return await self.post(CHAT, chat_request(content, **more), headers)


def chat_request(content: Any = "你好", **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], **more}


def assert_refusal(response: Response, http_status: int, code: str) -> dict[str, Any]:
    """The one error body: message, hint, code, type, param and the request id of the header."""
    assert response.status == http_status, f"{response.status}: {response.text}"
    assert response.header("content-type") == "application/json"
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "code", "param", "request_id", "hint"}
    assert error["code"] == code, error
    assert error["message"].strip()
    assert error["hint"].strip(), f"no hint for {error['message']!r}"
    assert error["type"]
    assert error["request_id"] == response.header("x-request-id")
    return error


@contextlib.asynccontextmanager
async def running_gateway(
    endpoint: EngineEndpoint | None,
    *,
    model: ModelCard = CARD,
    state: EngineState = EngineState.READY,
    listen_port: int = 0,
    data_dir: Path | None = None,
    launcher: Path | None = None,
    **options: Any,
) -> AsyncIterator[RunningGateway]:
    """Serve until the block ends. listen_port: 0 for any free one. launcher: a control socket.

    options: fields of GatewayOptions.
    """
    app = build(
        GatewayOptions(**options),
        model=model,
        engine=status(state),
        endpoint=endpoint,
        data_dir=data_dir,
        launcher=launcher,
    )
    listener = socket.create_server(("127.0.0.1", listen_port))
    serving = asyncio.get_running_loop().create_task(app.serve([listener]))
    try:
        while not app.server.started:
            assert not serving.done(), "the gateway did not start"
            await asyncio.sleep(0.005)
        yield RunningGateway(app, listener.getsockname()[1])
    finally:
        app.server.should_exit = True
        # What a failed test left open must not hold the next one up.
        app.server.force_exit = True
        async with asyncio.timeout(30):
            await serving
        listener.close()
