"""Heads of HTTP answers on the hot path, and what headers of a request mean; no I/O."""

from __future__ import annotations

import http
import re
from collections.abc import Iterable

from huiyan.engines.upstream import Headers

#: Never passed on from an engine: hop-by-hop (RFC 9110, 7.6.1), framing that is set anew, and what
#: only our own gateway may say (CORS, cookies, server name).
_NOT_RELAYED = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"content-length",
        b"date",
        b"server",
        b"set-cookie",
        b"x-request-id",
        # set anew for every stream
        b"cache-control",
        b"x-accel-buffering",
    }
)

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SECONDS = re.compile(rb"[0-9]{1,6}(?:\.[0-9]{1,6})?")
_IDEMPOTENCY_KEY = re.compile(rb"[\x21-\x7e]{1,200}")

_STATUS_LINE = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode("ascii") for s in http.HTTPStatus}

#: On every answer of ours, static or not.
SECURITY: list[tuple[bytes, bytes]] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


def status_line(status: int) -> bytes:
    return _STATUS_LINE.get(status) or b"HTTP/1.1 %d \r\n" % status


def relayed(headers: Headers) -> Headers:
    """The engine's headers that a client may see."""
    return [
        (name, value)
        for name, value in headers
        if name not in _NOT_RELAYED and not name.startswith(b"access-control-")
    ]


def block(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The lines of these headers, as they stand in a head."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


#: What every head ends with.
END = block(SECURITY) + b"\r\n"


def head(status: int, *groups: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Status line, the given headers and SECURITY, with the blank line at their end."""
    return b"".join([status_line(status), *[block(group) for group in groups if group], END])


def valid_request_id(value: bytes | None) -> str | None:
    """A client's own request id if it is harmless in logs and headers."""
    return value.decode("ascii") if value and _REQUEST_ID.fullmatch(value) else None


def valid_idempotency_key(value: bytes) -> str | None:
    return value.decode("ascii") if _IDEMPOTENCY_KEY.fullmatch(value) else None


def valid_timeout_s(value: bytes) -> float | None:
    """A client's own limit in seconds, at most a day."""
    found = _SECONDS.fullmatch(value)
    seconds = float(value) if found else 0.0
    return seconds if 0.0 < seconds <= 86_400.0 else None
