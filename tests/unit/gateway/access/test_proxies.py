"""Whose X-Forwarded-For is believed, and how far back."""

from __future__ import annotations

import pytest

from huiyan.gateway.access.proxies import Proxies
from huiyan.gateway.access.seen import Seen


def client(
    chain: bytes | list[bytes], peer: str = "10.0.0.2", trusted: tuple[str, ...] = ("10.0.0.0/8",)
) -> str:
    lines = [chain] if isinstance(chain, bytes) else chain
    return Proxies(trusted).client(Seen([(b"x-forwarded-for", line) for line in lines]), peer)


@pytest.mark.parametrize(
    ("chain", "found"),
    [
        (b"203.0.113.9", "203.0.113.9"),
        (b"1.1.1.1, 203.0.113.9", "203.0.113.9"),
        (b"1.1.1.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (b"203.0.113.9:4711", "203.0.113.9"),
        (b"[2001:db8::1]:4711", "2001:db8::1"),
        (b"2001:db8::1", "2001:db8::1"),
        (b"10.0.0.9", "10.0.0.9"),
        (b"1.1.1.1, unknown", "10.0.0.2"),
        (b"", "10.0.0.2"),
        ([b"1.1.1.1", b"203.0.113.9"], "203.0.113.9"),
    ],
)
def test_the_last_address_that_no_proxy_of_ours_has(chain: bytes | list[bytes], found: str) -> None:
    assert client(chain) == found


def test_a_stranger_is_not_believed() -> None:
    assert client(b"203.0.113.9", peer="192.0.2.1") == "192.0.2.1"
    assert client(b"203.0.113.9", trusted=()) == "10.0.0.2"


def test_networks() -> None:
    proxies = Proxies(["10.0.0.0/8", "fd00::/8", "192.0.2.1"])
    for peer in ("10.9.8.7", "::ffff:10.1.1.1", "fd00::1", "fd00::1%eth0", "192.0.2.1"):
        assert proxies.trusts(peer), peer
    for peer in ("11.0.0.1", "", "localhost", "192.0.2.2", "fe80::1"):
        assert not proxies.trusts(peer), peer


def test_remembering_peers_is_bounded() -> None:
    proxies = Proxies(["10.0.0.0/8"])
    for number in range(3000):
        assert not proxies.trusts(f"192.0.{number // 256}.{number % 256}")
    assert len(proxies._known) <= 1024
