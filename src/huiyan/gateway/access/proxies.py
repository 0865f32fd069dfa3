"""What reverse proxies say of a request, as far as they are trusted."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from huiyan.gateway.access.seen import Seen

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Peers and their verdicts that are remembered; a gateway behind a proxy sees the same few.
_REMEMBERED = 1024


class Proxies:
    """networks: addresses or CIDR networks whose forwarded headers are believed."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: list[Network] = [ipaddress.ip_network(text, strict=False) for text in networks]
        self._known: dict[str, bool] = {}

    def trusts(self, peer: str) -> bool:
        """peer: an address, as a socket or X-Forwarded-For gives it."""
        if not self._networks:
            return False
        known = self._known.get(peer)
        if known is None:
            known = self._look(peer)
            if len(self._known) < _REMEMBERED:
                self._known[peer] = known
        return known

    def client(self, seen: Seen, peer: str) -> str:
        """The client's address: the last of X-Forwarded-For that no trusted proxy has.

        Read from the right, since only what a trusted proxy appended is more than a client's word.
        """
        if seen.forwarded_for is None or not self.trusts(peer):
            return peer
        nearest = peer
        for entry in reversed(seen.forwarded_for.decode("latin-1").split(",")):
            address = _bare(entry)
            if address is None:
                return nearest
            nearest = address
            if not self.trusts(address):
                return nearest
        return nearest

    def secure(self, seen: Seen, peer: str, *, secure: bool) -> bool:
        """Whether the client itself speaks TLS."""
        if seen.forwarded_proto is None or not self.trusts(peer):
            return secure
        return seen.forwarded_proto.rpartition(b",")[2].strip().lower() == b"https"

    def host(self, seen: Seen, peer: str) -> bytes | None:
        """The host that the client asked for."""
        if seen.forwarded_host is None or not self.trusts(peer):
            return seen.host
        return seen.forwarded_host.rpartition(b",")[2].strip()

    def _look(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)


def _bare(entry: str) -> str | None:
    """An address without port and brackets, or None if it is none."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
