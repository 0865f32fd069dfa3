"""Access check, request id, security headers, error bodies and the access log, as one ASGI middleware.

One, because each layer of ASGI wrapping costs, and because their order matters: whatever goes wrong,
also in the access check, has a request id, our error body and a line in the log.
"""

from __future__ import annotations

import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from huiyan.errors import HuiyanError, MethodNotAllowedError, NotFoundError, RequestError
from huiyan.gateway import headers as http
from huiyan.gateway.access.caller import PRINCIPAL_KEY, admit
from huiyan.gateway.access_log import AccessLog
from huiyan.gateway.errors import body_of, headers_of, status_of, unexpected
from huiyan.gateway.service import Gateway
from huiyan.log import get_logger
from huiyan.log import request_id as current_request_id

_log = get_logger(__name__)


class Edge:
    """`app` is Starlette's router; `gateway` decides on access."""

    def __init__(self, app: ASGIApp, gateway: Gateway, access_log: AccessLog) -> None:
        self._app = app
        self._gateway = gateway
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = time.monotonic()
        own_id = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
        request_id = http.valid_request_id(own_id) or self._gateway.new_request_id()
        status, sent_bytes, note = 499, 0, ""
        door = self._gateway.access.door
        cors = door.cors.headers(scope["headers"])

        async def send_with_headers(message: Message) -> None:
            nonlocal status, sent_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [(b"x-request-id", request_id.encode("ascii")), *http.SECURITY, *cors]
                message["headers"] = [*message.get("headers", []), *own]
            elif message["type"] == "http.response.body":
                sent_bytes += len(message.get("body", b""))
            await send(message)

        token = current_request_id.set(request_id)
        try:
            preflight = door.cors.preflight(scope["headers"]) if scope["method"] == "OPTIONS" else None
            if preflight is not None:
                cors = []
                await send_with_headers({"type": "http.response.start", "status": 204, "headers": preflight})
                await send_with_headers({"type": "http.response.body", "body": b""})
                return
            scope[PRINCIPAL_KEY] = admit(door, scope)
            # Starlette raises its 404s and 405s only where it believes in an application around it.
            scope["app"] = self
            await self._app(scope, receive, send_with_headers)
        except Exception as caught:  # a task boundary: nothing but our body may leave here
            error = _as_huiyan_error(caught)
            note = error.code
            if type(error) is HuiyanError:
                _log.error("unforeseen in %s", scope["path"], exc_info=caught)
            if status != 499:
                # The head is on the wire: all that is left is to break the connection off.
                raise
            body = body_of(error, request_id)
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode("ascii")),
                *headers_of(error),
            ]
            if isinstance(caught, HTTPException) and caught.headers:
                headers += [(k.lower().encode(), v.encode()) for k, v in caught.headers.items()]
            await send_with_headers(
                {"type": "http.response.start", "status": status_of(error), "headers": headers}
            )
            await send_with_headers(
                {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
            )
        finally:
            current_request_id.reset(token)
            self._gateway.metrics.answered(scope["method"], status)
            self._access_log.write(
                method=scope["method"],
                path=scope["path"][:200],
                status=status,
                request_id=request_id,
                duration_s=time.monotonic() - started_s,
                sent_bytes=sent_bytes,
                note=note,
            )


def _as_huiyan_error(error: Exception) -> HuiyanError:
    if isinstance(error, ExceptionGroup):
        ours = error.subgroup(HuiyanError)
        if ours is not None:
            return _as_huiyan_error(ours.exceptions[0])
    if isinstance(error, HuiyanError):
        return error
    if isinstance(error, HTTPException):
        if error.status_code == 404:
            return NotFoundError(
                "There is nothing at this address.", hint="The page is at /, the API below /v1 and /api."
            )
        if error.status_code == 405:
            return MethodNotAllowedError("This address has other methods.", hint="See the Allow header.")
        return RequestError(error.detail or "The request cannot be read.", hint="")
    return unexpected()
