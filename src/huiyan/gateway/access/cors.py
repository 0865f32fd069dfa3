"""CORS for the origins that the settings name; nobody else's page reads an answer. Source: Fetch, 3.2."""

from __future__ import annotations

import re
from collections.abc import Iterable

from huiyan.engines.upstream import Headers

_METHODS = b"GET, POST, PUT, PATCH, DELETE"
#: Header names as a browser lists them. They are echoed: SDKs send new x-stainless-* ones all the time.
_HEADER_LIST = re.compile(rb"[A-Za-z0-9-]+(?:, ?[A-Za-z0-9-]+)*")
_EXPOSED = (
    b"x-request-id, retry-after, x-huiyan-max-tokens, x-huiyan-budget, x-ratelimit-limit-requests, "
    b"x-ratelimit-remaining-requests, x-ratelimit-reset-requests, x-ratelimit-limit-tokens, "
    b"x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens"
)
_MAX_AGE_S = b"600"


class Cors:
    """origins: in lower case, as browsers send them."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.encode("ascii") for origin in origins)

    def allows(self, origin: bytes) -> bool:
        return origin in self._origins

    def headers(self, headers: Headers) -> Headers:
        """What an answer to this request carries, so that an allowed page may read it."""
        if not self._origins:
            return []
        origin = _value(headers, b"origin")
        if origin is None or origin not in self._origins:
            # A cache must not hand this answer to an allowed page.
            return [(b"vary", b"Origin")]
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"Origin"),
        ]

    def preflight(self, headers: Headers) -> Headers | None:
        """The headers of a 204 for an allowed page's OPTIONS question; None if this is no such question."""
        if not self._origins:
            return None
        origin = _value(headers, b"origin")
        if origin not in self._origins or _value(headers, b"access-control-request-method") is None:
            return None
        assert origin is not None
        wanted = _value(headers, b"access-control-request-headers") or b""
        allowed = [(b"access-control-allow-headers", wanted)] if _HEADER_LIST.fullmatch(wanted) else []
        return [
            *allowed,
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-max-age", _MAX_AGE_S),
            (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        ]


def _value(headers: Headers, wanted: bytes) -> bytes | None:
    return next((value for name, value in headers if name == wanted), None)
