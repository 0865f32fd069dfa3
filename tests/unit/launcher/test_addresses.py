"""What is bound, where it is reached, and what people are told."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from huiyan.errors import CheckRefusedError
from huiyan.gateway.guard import is_loopback
from huiyan.gateway.tls import Certificate
from huiyan.launcher import addresses


def certificate(*names: str) -> Certificate:
    return Certificate(cert=Path("c"), key=Path("k"), fingerprint="AA", names=names, expires_unix_s=0.0)


@pytest.mark.parametrize(
    ("host", "bound", "reached"),
    [
        ("127.0.0.1", (socket.AF_INET, "127.0.0.1"), "127.0.0.1"),
        ("localhost", (socket.AF_INET, "127.0.0.1"), "127.0.0.1"),
        ("shop.localhost.", (socket.AF_INET, "127.0.0.1"), "127.0.0.1"),
        ("[::1]", (socket.AF_INET6, "::1"), "::1"),
        ("0.0.0.0", (socket.AF_INET, "0.0.0.0"), "127.0.0.1"),
        ("::", (socket.AF_INET6, "::"), "::1"),
        ("192.168.1.5", (socket.AF_INET, "192.168.1.5"), "192.168.1.5"),
    ],
)
def test_hosts(host: str, bound: tuple[socket.AddressFamily, str], reached: str) -> None:
    assert addresses.bind_address(host) == bound
    assert addresses.connect_address(host) == reached


def test_what_the_gateway_takes_for_loopback_is_bound_to_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it asks for no key: a resolver that says otherwise must not open it to others."""
    monkeypatch.setattr(
        "socket.getaddrinfo", lambda *_, **__: [(socket.AF_INET, 1, 6, "", ("192.168.1.5", 0))]
    )
    for host in ("localhost", "LOCALHOST", "a.localhost", "localhost.", "127.0.0.1."):
        _, address = addresses.bind_address(host)
        assert is_loopback(address) or not is_loopback(host)
    assert addresses.bind_address("shop") == (socket.AF_INET, "192.168.1.5")


def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(CheckRefusedError):
        addresses.bind_address("nowhere.invalid")


@pytest.mark.parametrize(
    ("host", "names", "url"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:80"),
        ("localhost", None, "http://localhost:80"),
        ("0.0.0.0", None, "http://127.0.0.1:80"),
        ("::", None, "http://[::1]:80"),
        ("192.168.1.5", None, "http://192.168.1.5:80"),
        ("127.0.0.1", ("localhost",), "https://localhost:80"),
        ("127.0.0.1", ("shop.example",), "https://127.0.0.1:80"),
        ("0.0.0.0", ("localhost", "127.0.0.1"), "https://127.0.0.1:80"),
        ("0.0.0.0", ("*.example", "shop.example"), "https://shop.example:80"),
        ("0.0.0.0", ("*.example",), "https://127.0.0.1:80"),
    ],
)
def test_the_pages_url(host: str, names: tuple[str, ...] | None, url: str) -> None:
    assert addresses.page_url(host, 80, None if names is None else certificate(*names)) == url


def test_urls_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        addresses,
        "_own_addresses",
        lambda family: ["192.168.1.5"] if family == socket.AF_INET else ["2001:db8::5"],
    )
    assert addresses.urls_for_others("127.0.0.1", 80, None) == []
    assert addresses.urls_for_others("localhost", 80, None) == []
    assert addresses.urls_for_others("0.0.0.0", 80, None) == ["http://192.168.1.5:80"]
    both = ["http://192.168.1.5:80", "http://[2001:db8::5]:80"]
    assert addresses.urls_for_others("::", 80, None) == both
    assert addresses.urls_for_others("10.0.0.9", 80, None) == ["http://10.0.0.9:80"]
    brought = certificate("shop.example", "*.shop.example")
    assert addresses.urls_for_others("0.0.0.0", 80, brought) == ["https://shop.example:80"]
    own = certificate("localhost", "192.168.1.5")
    assert addresses.urls_for_others("0.0.0.0", 80, own) == ["https://192.168.1.5:80"]


def test_this_machines_own_addresses_can_be_typed() -> None:
    for address in addresses._own_addresses(socket.AF_INET):
        assert not is_loopback(address)
        assert not address.startswith("169.254.")
