"""Which scope a route needs. Whatever is not named here and lies below /api or /v1 needs `chat`."""

from __future__ import annotations

from huiyan.gateway.access.principal import Scope

#: The first prefix that fits decides; None: open to everybody who can reach the gateway.
_PREFIXES: tuple[tuple[str, Scope | None], ...] = (
    ("/api/session", None),
    ("/api/admin", Scope.ADMIN),
    ("/api/tools", Scope.TOOLS),
    ("/api/tool-calls", Scope.TOOLS),
    ("/api", Scope.CHAT),
    ("/v1", Scope.CHAT),
    ("/metrics", Scope.ADMIN),
)


def scope_of(path: str) -> Scope | None:
    """path: decoded, exactly as the router sees it. None: the page's files, health, signing in."""
    for prefix, scope in _PREFIXES:
        if path.startswith(prefix) and (len(path) == len(prefix) or path[len(prefix)] == "/"):
            return scope
    return None
