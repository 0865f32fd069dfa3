"""What goes on: `/api/events`, `/api/answers/{key}`, `/api/logs`."""

from __future__ import annotations

import logging
import time

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from huiyan.errors import NotFoundError, QueueFullError
from huiyan.gateway.access.caller import caller_of
from huiyan.gateway.access.principal import Scope
from huiyan.gateway.routes.responses import read_json
from huiyan.gateway.schema import BrowserLogEntry
from huiyan.gateway.service import Gateway
from huiyan.log import get_logger

_browser_log = get_logger("huiyan.browser")

_MAX_LOG_BYTES = 16 * 1024
_LOGS_A_MINUTE = 120
_MAX_EVENT_STREAMS = 256

_LEVEL = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO}


class LiveRoutes:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._minute = 0
        self._logs_this_minute = 0

    async def events(self, request: Request) -> Response:
        """SSE: `hello` with the whole state, then each change; `update` to administrators alone."""
        gateway = self._gateway
        if gateway.events.subscribers >= _MAX_EVENT_STREAMS:
            raise QueueFullError("Too many open pages.", retry_after_s=30.0, hint="Close some of them.")
        admin = Scope.ADMIN in caller_of(request.scope).scopes
        first: list[tuple[str, msgspec.Struct]] = [("hello", gateway.hello())]
        if admin and gateway.update is not None:
            first.append(("update", gateway.update))
        return StreamingResponse(
            gateway.events.subscribe(*first, admin=admin),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def stop_answer(self, request: Request) -> Response:
        """The user pressed stop: the engine's work ends at once, what is written stays readable."""
        principal = caller_of(request.scope)
        key = f"{principal.id} {request.path_params['key']}"
        stopped = self._gateway.answers.cancel(key)
        if not stopped and self._gateway.shared is not None:
            # Another worker may write it; whether one does is not waited for.
            self._gateway.shared.stop(key)
        elif not stopped:
            raise NotFoundError(
                "No answer is kept under this key.", hint="It is over and forgotten, or never began."
            )
        return Response(status_code=204)

    async def log(self, request: Request) -> Response:
        """An error that the page met, into the same log."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._logs_this_minute = minute, 0
        self._logs_this_minute += 1
        if self._logs_this_minute > _LOGS_A_MINUTE:
            raise QueueFullError("The page logs too much.", retry_after_s=60.0, hint="Reload it.")
        entry = await read_json(request, BrowserLogEntry, max_bytes=_MAX_LOG_BYTES)
        extra: dict[str, object] = {"origin": "browser", "context": entry.context}
        if entry.request_id:
            extra["request_id"] = entry.request_id
        _browser_log.log(_LEVEL[entry.level], "%s", entry.message, extra=extra)
        return Response(status_code=204)
