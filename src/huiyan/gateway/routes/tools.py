"""`GET /api/tools` and `POST /api/tools/{plugin}/{tool}`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from huiyan.errors import (
    HuiyanError,
    InvalidFormError,
    InvalidJsonError,
    PayloadTooLargeError,
    RequestError,
    ToolArgumentsError,
)
from huiyan.gateway import sse
from huiyan.gateway.access.caller import caller_of
from huiyan.gateway.errors import body_of, unexpected
from huiyan.gateway.limits import Lease
from huiyan.gateway.multipart import FormLimits, MultipartReader, Part
from huiyan.gateway.routes.responses import json_response
from huiyan.gateway.service import Gateway
from huiyan.gateway.tool_files import FileReader
from huiyan.gateway.tool_loop.call import leased
from huiyan.log import get_logger
from huiyan.log import request_id as current_request_id
from huiyan.tools.catalogue import ToolProgress, ToolResult
from huiyan.tools.schema_files import GivenFile

_log = get_logger(__name__)

_KEEP_ALIVE_S: Final = 10.0
_LOOK_S: Final = 0.25
_FORM: Final = "multipart/form-data"
_STREAM: Final = "text/event-stream"

_Said = ToolProgress | ToolResult


class ToolRoutes:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def list_tools(self, request: Request) -> Response:
        return json_response(self._gateway.tools.tools)

    async def call(self, request: Request) -> Response:
        """One call: as SSE (`progress`, then `result` or `error`) where the client accepts it, or the result.

        The call ends when the client is gone.
        """
        gateway = self._gateway
        plugin, tool = str(request.path_params["plugin"]), str(request.path_params["tool"])
        _, info = gateway.tools.find(plugin, tool)
        arguments, parts, size_bytes = await self._read(request)
        caller = caller_of(request.scope)
        reader = FileReader(
            gateway.pictures.workshop.store,
            gateway.pictures.threads,
            owner=caller.id,
            parts=parts,
            max_bytes=gateway.options.max_body_bytes,
        )
        files = await reader.take(arguments, info.files)
        lease = await leased(gateway.limiter, caller, size_bytes)
        if _STREAM in request.headers.get("accept", ""):
            return _Leased(
                lease,
                self._events(plugin, tool, arguments, files),
                media_type=_STREAM,
                headers={"cache-control": "no-store", "x-accel-buffering": "no"},
            )
        try:
            result = await _unless_gone(request, self._result(plugin, tool, arguments, files))
        finally:
            lease.finish()
        return Response(status_code=204) if result is None else json_response(result)

    async def _result(
        self, plugin: str, tool: str, arguments: dict[str, Any], files: dict[str, list[GivenFile]]
    ) -> ToolResult:
        async with contextlib.aclosing(self._gateway.tools.call(plugin, tool, arguments, files)) as said:
            async for each in said:
                if isinstance(each, ToolResult):
                    return each
        raise unexpected()

    async def _events(
        self, plugin: str, tool: str, arguments: dict[str, Any], files: dict[str, list[GivenFile]]
    ) -> AsyncIterator[bytes]:
        """What the call says, as it says it, with comments in the silences."""
        said = self._gateway.tools.call(plugin, tool, arguments, files)
        loop = asyncio.get_running_loop()
        following: asyncio.Task[_Said] | None = None
        # The head goes out at once: the page shows that it has begun.
        yield sse.KEEP_ALIVE
        try:
            while True:
                following = loop.create_task(_next(said))
                while not following.done():
                    await asyncio.wait([following], timeout=_KEEP_ALIVE_S)
                    if not following.done():
                        yield sse.KEEP_ALIVE
                each = following.result()
                name = "result" if isinstance(each, ToolResult) else "progress"
                yield sse.event(msgspec.json.encode(each), name=name)
                if isinstance(each, ToolResult):
                    return
        except HuiyanError as error:
            yield sse.event(body_of(error, current_request_id.get() or ""), name="error")
        except Exception:  # noqa: BLE001 - the head is on the wire: an event is all that can still tell
            _log.exception("the call of %s/%s failed", plugin, tool)
            yield sse.event(body_of(unexpected(), current_request_id.get() or ""), name="error")
        finally:
            if following is not None and not following.done():
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
            await said.aclose()

    async def _read(self, request: Request) -> tuple[dict[str, Any], list[Part], int]:
        """Arguments and files of a request, and its size in bytes. Raises: RequestError and its kinds."""
        max_bytes = self._gateway.options.max_body_bytes
        content_type = request.headers.get("content-type", "")
        if not content_type.lower().startswith(_FORM):
            body = bytearray()
            size_bytes = await self._body(request, max_bytes, body.extend)
            return _arguments(bytes(body)), [], size_bytes
        form = MultipartReader(content_type.encode("latin-1"), FormLimits(max_total_bytes=max_bytes))
        try:
            size_bytes = await self._body(request, max_bytes, form.feed)
            parts = form.finish()
        finally:
            form.drop()
        texts = [part for part in parts if part.name == "arguments" and part.filename is None]
        if len(texts) > 1:
            raise InvalidFormError("The form has several parts `arguments`.", hint="Send one, with JSON.")
        files = [part for part in parts if part not in texts]
        return _arguments(texts[0].data if texts else b"{}"), files, size_bytes

    async def _body(self, request: Request, max_bytes: int, take: Callable[[bytes], None]) -> int:
        size_bytes = 0
        stream = request.stream()
        while True:
            try:
                async with asyncio.timeout(self._gateway.options.body_timeout_s):
                    piece = await anext(stream, None)
            except TimeoutError:
                raise RequestError("The request's body stopped.", hint="Send it again.") from None
            if piece is None:
                return size_bytes
            size_bytes += len(piece)
            if size_bytes > max_bytes:
                raise PayloadTooLargeError(
                    f"The request has more than {max_bytes:,} bytes.", hint="Send less."
                )
            take(piece)


class _Leased(StreamingResponse):
    """Gives its place back at its end, also if it never began."""

    def __init__(self, lease: Lease, *content: Any, **more: Any) -> None:
        super().__init__(*content, **more)
        self._lease = lease

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._lease.finish()


def _arguments(body: bytes) -> dict[str, Any]:
    try:
        arguments = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidJsonError(
            f"The arguments are not valid JSON: {error}.",
            hint="Send a JSON object with the tool's arguments.",
        ) from None
    if not isinstance(arguments, dict):
        raise ToolArgumentsError("The arguments are no JSON object.")
    return arguments


async def _next(said: AsyncIterator[_Said]) -> _Said:
    return await anext(said)


async def _unless_gone(request: Request, work: Any) -> ToolResult | None:
    """The result; None when the client left, and `work` was cancelled."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        while not task.done():
            await asyncio.wait([task], timeout=_LOOK_S)
            if not task.done() and await request.is_disconnected():
                return None
        found: ToolResult = task.result()
        return found
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
