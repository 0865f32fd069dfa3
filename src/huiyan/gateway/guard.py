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
from huiyan.gateway.access.seen import Seen


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
        return self.judge(Seen(headers), secure=False)

    def judge(self, seen: Seen, *, secure: bool) -> RequestError | None:
        """As `check`. secure: whether the request came over TLS, which an Origin has to agree with."""
        if seen.hosts > 1:
            return ForbiddenError(
                "The request has more than one Host header.", hint="Send one, as HTTP/1.1 asks for."
            )
        if seen.forwarded:
            return AuthenticationError(
                "A forwarded request needs an API key.",
                hint="Send Authorization: Bearer and a key (`huiyan keys create`). For the page behind a "
                "reverse proxy, name the proxy's address in the setting trusted_proxies.",
            )
        if seen.fetch_site == b"cross-site":
            return foreign()
        if seen.host is None or not self._is_local_host(seen.host):
            return ForbiddenError(
                "The Host header does not name this machine.",
                hint="Open the page as http://localhost or http://127.0.0.1 with its port.",
            )
        if seen.origin is not None and seen.origin != own_origin(seen.host, secure=secure):
            return foreign()
        return None

    def _is_local_host(self, host: bytes) -> bool:
        known = self._hosts.get(host)
        if known is None:
            known = _loopback_authority(host)
            if len(self._hosts) < 64:
                self._hosts[host] = known
        return known


def foreign() -> ForbiddenError:
    """What the page of another site is told."""
    return ForbiddenError(
        "Pages of other sites may not use this gateway.",
        hint="Call it from the page that it serves, or from a program, without an Origin header; "
        "the setting cors_origins lets a site in.",
    )


def own_origin(host: bytes, *, secure: bool) -> bytes:
    """The origin of a page that was fetched with this Host, as browsers write it (RFC 6454, 6.2)."""
    return (b"https://" if secure else b"http://") + host


def _loopback_authority(host: bytes) -> bool:
    try:
        parts = urlsplit("//" + host.decode("ascii"))
        _ = parts.port  # raises ValueError for what is no port
    except (UnicodeDecodeError, ValueError):
        return False
    return parts.hostname is not None and "@" not in parts.netloc and is_loopback(parts.hostname)
