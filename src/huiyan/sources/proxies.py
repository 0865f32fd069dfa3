"""Which proxy stands between this machine and a URL."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import msgspec


class Proxies(msgspec.Struct, frozen=True, kw_only=True):
    """URLs of HTTP proxies; "" for none. no_proxy: hosts that are reached directly, comma-separated.

    Settings read them from the usual variables (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY).
    """

    https: str = ""
    http: str = ""
    no_proxy: str = ""

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Proxies:
        """Lower-case names win, as in curl; upper-case HTTP_PROXY is honoured, too."""

        def value(name: str) -> str:
            return variables.get(name.lower()) or variables.get(name.upper()) or ""

        every = value("all_proxy")
        return cls(
            https=value("https_proxy") or every,
            http=value("http_proxy") or every,
            no_proxy=value("no_proxy"),
        )

    def of(self, scheme: str, host: str) -> Proxy | None:
        url = self.https if scheme == "https" else self.http
        if not url or (self.no_proxy and self._direct(host)):
            return None
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.hostname is None or parts.scheme not in ("http", "https"):
            return None
        credentials = ""
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            credentials = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
        return Proxy(
            host=parts.hostname,
            port=parts.port or (443 if parts.scheme == "https" else 80),
            tls=parts.scheme == "https",
            credentials=credentials,
        )

    def _direct(self, host: str) -> bool:
        """A name means itself and everything below it; `*` means everything."""
        host = host.lower().rstrip(".")
        for entry in self.no_proxy.lower().replace(" ", "").split(","):
            name = entry.removeprefix("*.").strip(".")
            if entry == "*" or (name and (host == name or host.endswith(f".{name}"))):
                return True
        return False


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """credentials: value of Proxy-Authorization, or "". tls: the proxy itself is spoken to over TLS."""

    host: str
    port: int
    tls: bool = False
    credentials: str = ""

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"
