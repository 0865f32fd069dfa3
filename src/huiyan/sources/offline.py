"""The guard in front of every socket: without a network nothing is looked up and nothing is waited for."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import psutil

from huiyan.errors import OfflineError
from huiyan.messages import refusal
from huiyan.sources.proxies import Proxies

#: Documentation addresses (RFC 5737, RFC 3849): routed like any other, and connecting a datagram socket
#: sends nothing, so this asks the routing table alone.
_FAR: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def has_network() -> bool:
    """Whether packets could leave this machine at all. No name is looked up, nothing is sent."""
    return any(_routed(family, address) for family, address in _FAR) or _has_address()


class Network:
    """Says whether a URL may be contacted. offline: nothing may, not even this machine's own ports."""

    def __init__(
        self,
        *,
        offline: bool = False,
        proxies: Proxies | None = None,
        probe: Callable[[], bool] = has_network,
    ) -> None:
        self.offline = offline
        self.proxies = proxies or Proxies()
        self._probe = probe

    def require(self, url: str) -> None:
        """Raises: OfflineError."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if self.offline:
            raise refusal(OfflineError, "sources.offline", host=host)
        proxy = self.proxies.of(parts.scheme, host)
        if not is_loopback(host if proxy is None else proxy.host) and not self._probe():
            raise refusal(OfflineError, "sources.no_network", host=host)


def is_loopback(host: str) -> bool:
    """By its words alone: `localhost` and addresses such as 127.0.0.1 and ::1."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _routed(family: socket.AddressFamily, address: str) -> bool:
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))
        return True
    return False


def _has_address() -> bool:
    """Whether an interface other than loopback is up with an address: a network without a way out of it."""
    try:
        up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
        found = psutil.net_if_addrs()
    except OSError:
        return False
    return any(
        address.family in (socket.AF_INET, socket.AF_INET6) and not _local(address.address)
        for name in up
        for address in found.get(name, ())
    )


def _local(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return True
    return parsed.is_loopback or parsed.is_link_local
