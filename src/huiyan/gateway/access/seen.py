"""The few headers that decide on access, gathered in one pass."""

from __future__ import annotations

from huiyan.engines.upstream import Headers

FORWARDED = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"via"}
)

_READ = FORWARDED | {b"host", b"origin", b"authorization", b"cookie", b"sec-fetch-site", b"x-huiyan-csrf"}


class Seen:
    """What a request says of itself. hosts: Host headers; more than one is nobody's honest request.

    forwarded: whether any header tells of a proxy. Names are expected in lower case.
    """

    __slots__ = (
        "authorization",
        "authorizations",
        "cookie",
        "csrf",
        "fetch_site",
        "forwarded",
        "forwarded_for",
        "forwarded_host",
        "forwarded_proto",
        "host",
        "hosts",
        "origin",
    )

    def __init__(self, headers: Headers) -> None:
        self.host: bytes | None = None
        self.hosts = 0
        self.origin: bytes | None = None
        self.authorization: bytes | None = None
        self.authorizations = 0
        self.cookie: bytes | None = None
        self.csrf: bytes | None = None
        self.fetch_site: bytes | None = None
        self.forwarded = False
        self.forwarded_for: bytes | None = None
        self.forwarded_host: bytes | None = None
        self.forwarded_proto: bytes | None = None
        for name, value in headers:
            if name in _READ:
                self._read(name, value)

    def _read(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            self.host = value
            self.hosts += 1
        elif name == b"authorization":
            self.authorization = value
            self.authorizations += 1
        elif name == b"origin":
            self.origin = value
        elif name == b"sec-fetch-site":
            self.fetch_site = value
        elif name == b"cookie":
            # HTTP/2 front ends may split it (RFC 9113, 8.2.3).
            self.cookie = value if self.cookie is None else self.cookie + b"; " + value
        elif name == b"x-huiyan-csrf":
            self.csrf = value
        else:
            self._read_forwarded(name, value)

    def _read_forwarded(self, name: bytes, value: bytes) -> None:
        self.forwarded = True
        if name == b"x-forwarded-for":
            self.forwarded_for = value if self.forwarded_for is None else self.forwarded_for + b"," + value
        elif name == b"x-forwarded-host":
            self.forwarded_host = value
        elif name == b"x-forwarded-proto":
            self.forwarded_proto = value
