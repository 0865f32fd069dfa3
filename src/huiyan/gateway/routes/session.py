"""`/api/session`: a browser exchanges a key for a cookie, asks who it is, and signs out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from huiyan.errors import AuthenticationError, RequestError
from huiyan.gateway.access.caller import browser_speaks_tls, identify, session_of
from huiyan.gateway.access.principal import Principal
from huiyan.gateway.access.runtime import Access
from huiyan.gateway.access.sessions import Session
from huiyan.gateway.routes.responses import json_response, read_json
from huiyan.gateway.schema_admin import ScopeName, SessionInfo, SignInRequest

_MAX_BYTES = 4096


class SessionRoutes:
    def __init__(self, access: Access) -> None:
        self._access = access

    async def show(self, request: Request) -> Response:
        """200 also for strangers, with signed_in false: the page asks this before anything else."""
        session = session_of(self._access.door, request.scope)
        if session is not None:
            return json_response(_info(session.principal, session))
        found = identify(self._access.door, request.scope)
        if isinstance(found, RequestError):
            return json_response(SessionInfo(signed_in=False))
        return json_response(_info(found, None))

    async def sign_in(self, request: Request) -> Response:
        """The key's own word is enough: who has it could use it anyway."""
        asked = await read_json(request, SignInRequest, max_bytes=_MAX_BYTES)
        await self._access.loaded()
        principal = self._access.ring.lookup(asked.key.strip().encode("utf-8"))
        if principal is None:
            raise AuthenticationError(
                "This API key opens nothing here.",
                hint="Paste the whole key, from hy- to its end; an administrator makes a new one with "
                "`huiyan keys create`.",
                param="key",
            )
        session, value = self._access.sessions.open(principal)
        response = json_response(_info(principal, session), 201)
        secure = browser_speaks_tls(self._access.door, request.scope)
        cookie = self._access.sessions.set_cookie(value, secure=secure)
        response.raw_headers.append((b"set-cookie", cookie))
        return response

    async def sign_out(self, request: Request) -> Response:
        """204, also when nobody was signed in: then the cookie is cleared all the same."""
        access = self._access
        session = session_of(access.door, request.scope)
        if session is not None:
            await access.on_database(lambda db: db.end_session(session.id, session.expires_unix_s))
            await access.reload()
        response = Response(status_code=204)
        secure = browser_speaks_tls(access.door, request.scope)
        response.raw_headers.append((b"set-cookie", access.sessions.clear_cookie(secure=secure)))
        return response


def _info(principal: Principal, session: Session | None) -> SessionInfo:
    scopes: list[ScopeName] = [scope.value for scope in sorted(principal.scopes)]
    return SessionInfo(
        signed_in=True,
        id=principal.id,
        name=principal.name,
        scopes=scopes,
        csrf="" if session is None else session.csrf,
        expires_unix_s=None if session is None else session.expires_unix_s,
    )
