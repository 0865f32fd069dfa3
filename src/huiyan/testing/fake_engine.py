"""An OpenAI-compatible engine that answers, delays and breaks as a test scripts it.

    async with FakeEngine(api_key="secret") as engine:
        engine.script(Reply(text="你好", delay_s=0.05), Status(status=500))
        ...                                     # a client talks to engine.base_url
        await engine.requests[0].was_cancelled()

Each chat or completion request takes the next scripted entry, `default_reply` when there is none.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import zlib
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

from huiyan.engines.status import EngineEndpoint
from huiyan.testing import openai_bodies as bodies
from huiyan.testing.answer import JSON, Answer, send_stream, send_whole
from huiyan.testing.http_server import Connection, HttpServer
from huiyan.testing.recording import RecordedRequest
from huiyan.testing.script import RawReply, Reply, Script, Status

_COMPLETIONS = {"/v1/chat/completions": True, "/chat/completions": True, "/v1/completions": False}


class FakeEngine:
    """Routes: /health, /v1/models, /tokenize, /v1/chat/completions, /v1/completions.

    model: the id it lists. context_tokens: a longer prompt is refused. slots: answers written at the
    same time, others wait; None for no bound. state: while "loading" everything is 503.
    """

    def __init__(
        self,
        *,
        api_key: str = "",
        model: str = "fake",
        context_tokens: int = 4096,
        slots: int | None = None,
        keep_alive_s: float | None = 5.0,
        max_requests_per_connection: int = 100,
    ) -> None:
        self.api_key = api_key
        self.model = model
        self.context_tokens = context_tokens
        self.state: Literal["loading", "ready"] = "ready"
        self.default_reply: Script = Reply()
        self.requests: list[RecordedRequest] = []
        self.port = 0
        self.http = HttpServer(
            self._handle, keep_alive_s=keep_alive_s, max_requests=max_requests_per_connection
        )
        self._scripted: deque[Script] = deque()
        self._slots = asyncio.Semaphore(slots) if slots is not None else None
        self._arrived = asyncio.Condition()

    async def start(self, port: int = 0) -> None:
        """Listen on loopback. port: 0 for any free one; the same one again after `stop`."""
        self.port = await self.http.start(port)

    async def start_on(self, listening: socket.socket) -> None:
        """Listen on this TCP socket, which may be one of another host."""
        self.port = await self.http.start_on(listening)

    async def stop(self) -> None:
        """Vanish as a killed process does: port closed, connections dropped in the middle."""
        await self.http.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> EngineEndpoint:
        """What a gateway needs to reach this engine."""
        return EngineEndpoint(host="127.0.0.1", port=self.port, api_key=self.api_key)

    def script(self, *entries: Script) -> None:
        """Queue what the next chat or completion requests get, one entry each."""
        self._scripted.extend(entries)

    def reset(self) -> None:
        """Forget what was scripted and seen, and be quick and ready again."""
        self.state = "ready"
        self.default_reply = Reply()
        self.requests.clear()
        self._scripted.clear()
        self.http.read_pause_s = 0.0
        self.http.receive_buffer_bytes = None

    @property
    def completions(self) -> list[RecordedRequest]:
        """The chat and completion requests so far."""
        return [request for request in self.requests if request.path in _COMPLETIONS]

    async def wait_for_completions(self, count: int, timeout_s: float = 5.0) -> list[RecordedRequest]:
        """Wait until `count` chat or completion requests have arrived. Raises: TimeoutError."""
        async with asyncio.timeout(timeout_s), self._arrived:
            await self._arrived.wait_for(lambda: len(self.completions) >= count)
        return self.completions

    async def _handle(self, connection: Connection, request: RecordedRequest) -> None:
        async with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
        connection.on_gone(request.cancel)
        try:
            await self._route(connection, request)
        except bodies.BadRequestError as refusal:
            await self._send_json(connection, refusal.status, refusal.content)
        except ConnectionError:
            request.cancel()
            raise
        request.finish()

    async def _send_json(self, connection: Connection, status: int, content: object) -> None:
        await connection.write_body(status, msgspec.json.encode(content), JSON)

    async def _route(self, connection: Connection, request: RecordedRequest) -> None:
        path, method = request.path, request.method
        if self.state == "loading":
            raise bodies.BadRequestError(503, "Loading model", "unavailable_error")
        if path in {"/health", "/v1/health"} and method == "GET":
            await self._send_json(connection, 200, {"status": "ok"})
            return
        if self.api_key and request.header("authorization") != f"Bearer {self.api_key}":
            raise bodies.BadRequestError(401, "Invalid API Key", "authentication_error")
        if path in {"/v1/models", "/models"} and method == "GET":
            await self._send_json(connection, 200, self._models())
        elif path == "/tokenize" and method == "POST":
            await self._send_json(connection, 200, self._tokenize(request.body))
        elif path in _COMPLETIONS and method == "POST":
            await self._complete(connection, request, chat=_COMPLETIONS[path])
        else:
            raise bodies.BadRequestError(404, "File Not Found", "not_found_error")

    def _models(self) -> dict[str, Any]:
        meta = {"n_ctx": self.context_tokens, "n_ctx_train": self.context_tokens}
        entry = {"id": self.model, "object": "model", "created": 0, "owned_by": "llamacpp", "meta": meta}
        return {"object": "list", "data": [entry]}

    def _tokenize(self, body: bytes) -> dict[str, Any]:
        request = bodies.decode_object(body)
        content = request.get("content", "")
        pieces = bodies.tokens("".join(content) if isinstance(content, list) else content)
        if request.get("with_pieces"):
            return {"tokens": [{"id": zlib.crc32(piece.encode()) % 1000, "piece": piece} for piece in pieces]}
        return {"tokens": [zlib.crc32(piece.encode()) % 1000 for piece in pieces]}

    async def _complete(self, connection: Connection, request: RecordedRequest, *, chat: bool) -> None:
        entry = self._scripted.popleft() if self._scripted else self.default_reply
        if isinstance(entry, RawReply):
            await self._send_raw(connection, request, entry)
        elif isinstance(entry, Status):
            body = msgspec.json.encode(entry.content()) if entry.body is None else entry.body
            await connection.write_body(entry.status, body, JSON, dict(entry.headers))
        else:
            async with self._slot(connection):
                await self._answer(connection, request, entry, chat=chat)

    @contextlib.asynccontextmanager
    async def _slot(self, connection: Connection) -> AsyncIterator[None]:
        """Wait for a free slot; a client that leaves the queue gives its place up."""
        if self._slots is None:
            yield
            return
        loop = asyncio.get_running_loop()
        taken = loop.create_task(self._slots.acquire())
        gone = loop.create_task(connection.gone.wait())
        try:
            await asyncio.wait({taken, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not taken.done():
                raise ConnectionResetError("the client left the queue")
            yield
        finally:
            gone.cancel()
            if taken.done() and not taken.cancelled():
                self._slots.release()
            else:
                taken.cancel()

    async def _send_raw(self, connection: Connection, request: RecordedRequest, entry: RawReply) -> None:
        if entry.data:
            await connection.write(entry.data)
        if entry.stays_open:
            await connection.gone.wait()
            raise ConnectionResetError("the client gave up waiting")
        request.finish()
        connection.close()

    async def _answer(
        self, connection: Connection, request: RecordedRequest, reply: Reply, *, chat: bool
    ) -> None:
        asked = bodies.decode_object(request.body)
        counted = bodies.count_prompt(asked) if chat else len(bodies.tokens(str(asked.get("prompt", ""))))
        if counted > self.context_tokens:
            message = (
                f"request ({counted} tokens) exceeds the available context size "
                f"({self.context_tokens} tokens), try increasing it"
            )
            kind = "exceed_context_size_error"
            raise bodies.BadRequestError(
                400, message, kind, n_prompt_tokens=counted, n_ctx=self.context_tokens
            )
        text, finish_reason = reply.text, reply.finish_reason
        allowed = asked.get("max_completion_tokens", asked.get("max_tokens"))
        pieces = bodies.tokens(text)
        if isinstance(allowed, int) and 0 <= allowed < len(pieces) and not reply.ignores_max_tokens:
            pieces, finish_reason = pieces[:allowed], "length"
            text = "".join(pieces)
        elif reply.tool_calls:
            finish_reason = "tool_calls"
        request.started.set()
        answer = Answer(
            reply=reply,
            bodies=bodies.Bodies(self.model, chat=chat),
            text=text,
            finish_reason=finish_reason,
            used=bodies.usage(counted if reply.prompt_tokens is None else reply.prompt_tokens, len(pieces)),
        )
        if asked.get("stream"):
            with_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
            await send_stream(connection, request, answer, with_usage=with_usage)
        else:
            await send_whole(connection, answer)
