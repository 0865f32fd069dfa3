"""Who may talk to a gateway that is bound to loopback and asks for no key.

The local user needs no key; pages of other sites, names that were rebound to 127.0.0.1 and reverse
proxies on the same host must not be taken for one. So Host has to be a loopback name with our port,
Origin (where there is one) the page's own, and a forwarded request is never local.
Source: DNS rebinding as in CVE-2018-5702 and the like; RFC 9110 (Host), RFC 6454 (Origin).
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from huiyan.engines.upstream import Headers
from huiyan.errors import AuthenticationError, ForbiddenError, RequestError

_FORWARDED = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"via"}
)


def is_loopback(host: str) -> bool:
    """A name or address that can only mean this machine. `localhost` and below it per RFC 6761."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


class LocalGuard:
    """Checks one request's headers. Answers are remembered: pages repeat the same few values."""

    def __init__(self) -> None:
        self._hosts: dict[bytes, bool] = {}

    def check(self, headers: Headers) -> RequestError | None:
        """None if the request is the local user's own; else what to answer. Names are in lower case."""
        host: bytes | None = None
        origin: bytes | None = None
        for name, value in headers:
            if name == b"host":
                if host is not None:
                    return ForbiddenError("The request has more than one Host header.")
                host = value
            elif name == b"origin":
                origin = value
            elif name in _FORWARDED:
                return AuthenticationError(
                    "A forwarded request needs an API key.",
                    hint="This gateway serves its own machine only. Open http://localhost on that machine.",
                )
            elif name == b"sec-fetch-site" and value == b"cross-site":
                return self._foreign()
        if host is None or not self._is_local_host(host):
            return ForbiddenError(
                "The Host header does not name this machine.",
                hint="Open the page as http://localhost or http://127.0.0.1 with its port.",
            )
        if origin is not None and origin != b"http://" + host:
            return self._foreign()
        return None

    @staticmethod
    def _foreign() -> ForbiddenError:
        return ForbiddenError(
            "Pages of other sites may not use this gateway.",
            hint="Call it from the page that it serves, or from a program, without an Origin header.",
        )

    def _is_local_host(self, host: bytes) -> bool:
        known = self._hosts.get(host)
        if known is None:
            known = _loopback_authority(host)
            if len(self._hosts) < 64:
                self._hosts[host] = known
        return known


def _loopback_authority(host: bytes) -> bool:
    try:
        parts = urlsplit("//" + host.decode("ascii"))
        _ = parts.port  # raises ValueError for what is no port
    except (UnicodeDecodeError, ValueError):
        return False
    return parts.hostname is not None and "@" not in parts.netloc and is_loopback(parts.hostname)
