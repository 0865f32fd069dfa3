"""The door, as ASGI routes ask it."""

from __future__ import annotations

from starlette.types import Scope as AsgiScope

from huiyan.errors import ForbiddenError, RequestError
from huiyan.gateway.access.door import Door
from huiyan.gateway.access.principal import Principal
from huiyan.gateway.access.scopes import scope_of
from huiyan.gateway.access.sessions import Session

#: Where the edge leaves whom a request comes from, for routes and logs.
PRINCIPAL_KEY = "huiyan.principal"


def admit(door: Door, scope: AsgiScope) -> Principal | None:
    """Whom this request comes from; None on routes that need no key. Raises: RequestError and its kinds."""
    needed = scope_of(scope["path"])
    method, peer, secure = _connection(scope)
    if needed is None:
        refusal = door.check_open(scope["headers"], method=method, peer=peer, secure=secure)
        if refusal is not None:
            raise refusal
        return None
    found = door.check(scope["headers"], method=method, peer=peer, secure=secure, scope=needed)
    if isinstance(found, RequestError):
        raise found
    return found


def identify(door: Door, scope: AsgiScope) -> Principal | RequestError:
    """Whom this request comes from, on a route that is open."""
    method, peer, secure = _connection(scope)
    return door.check(scope["headers"], method=method, peer=peer, secure=secure)


def session_of(door: Door, scope: AsgiScope) -> Session | None:
    """The cookie session. Raises: ForbiddenError if another page sent it, or without its token."""
    method, peer, secure = _connection(scope)
    found = door.session(scope["headers"], method=method, peer=peer, secure=secure)
    if isinstance(found, RequestError):
        raise found
    return found


def browser_speaks_tls(door: Door, scope: AsgiScope) -> bool:
    _, peer, secure = _connection(scope)
    return door.secure(scope["headers"], peer=peer, secure=secure)


def caller_of(scope: AsgiScope) -> Principal:
    """Whom the edge has let in. Raises: ForbiddenError if it never asked."""
    found = scope.get(PRINCIPAL_KEY)
    if not isinstance(found, Principal):
        raise ForbiddenError("This needs an API key.", hint="Sign in on the page, or send a key.")
    return found


def _connection(scope: AsgiScope) -> tuple[bytes, str, bool]:
    client = scope.get("client")
    return scope["method"].encode("ascii"), client[0] if client else "", scope.get("scheme") == "https"
