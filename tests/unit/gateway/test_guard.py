"""Who counts as the local user."""

import pytest

from huiyan.errors import AuthenticationError, ForbiddenError
from huiyan.gateway.guard import LocalGuard, is_loopback


@pytest.mark.parametrize(
    "host",
    [
        b"localhost:8000",
        b"127.0.0.1:8000",
        b"127.8.9.1",
        b"[::1]:8000",
        b"LOCALHOST",
        b"huiyan.localhost:1",
        b"localhost.",
    ],
)
def test_loopback_hosts_are_let_in(host: bytes) -> None:
    assert LocalGuard().check([(b"host", host)]) is None


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example:8000",
        b"127.0.0.1.evil.example",
        b"localhost.evil.example",
        b"192.168.1.5:8000",
        b"0.0.0.0:8000",
        b"user@localhost",
        b"localhost:notaport",
        b"[::2]:80",
        b"2130706433",
        b"",
        "本地".encode(),
    ],
)
def test_other_hosts_are_refused(host: bytes) -> None:
    assert isinstance(LocalGuard().check([(b"host", host)]), ForbiddenError)


def test_a_request_without_a_host_is_refused() -> None:
    assert isinstance(LocalGuard().check([]), ForbiddenError)


def test_two_hosts_are_refused() -> None:
    headers = [(b"host", b"localhost"), (b"host", b"localhost")]
    assert isinstance(LocalGuard().check(headers), ForbiddenError)


@pytest.mark.parametrize(
    "origin",
    [
        b"http://evil.example",
        b"null",
        b"http://localhost:9999",
        b"https://localhost:8000",
        b"http://localhost",
    ],
)
def test_foreign_origins_are_refused(origin: bytes) -> None:
    headers = [(b"host", b"localhost:8000"), (b"origin", origin)]
    assert isinstance(LocalGuard().check(headers), ForbiddenError)


def test_the_pages_own_origin_is_let_in() -> None:
    headers = [
        (b"host", b"localhost:8000"),
        (b"origin", b"http://localhost:8000"),
        (b"sec-fetch-site", b"same-origin"),
    ]
    assert LocalGuard().check(headers) is None


def test_a_cross_site_fetch_without_origin_is_refused() -> None:
    headers = [(b"host", b"localhost:8000"), (b"sec-fetch-site", b"cross-site")]
    assert isinstance(LocalGuard().check(headers), ForbiddenError)


@pytest.mark.parametrize(
    "name", [b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"]
)
def test_a_reverse_proxy_does_not_make_everybody_local(name: bytes) -> None:
    error = LocalGuard().check([(b"host", b"localhost:8000"), (name, b"10.0.0.1")])
    assert isinstance(error, AuthenticationError)


def test_remembering_hosts_is_bounded_and_changes_no_answer() -> None:
    guard = LocalGuard()
    for number in range(500):
        assert guard.check([(b"host", b"h%d.example" % number)]) is not None
    assert len(guard._hosts) <= 64
    assert guard.check([(b"host", b"localhost:8000")]) is None


def test_is_loopback_takes_no_names_that_only_look_like_it() -> None:
    assert is_loopback("localhost")
    assert not is_loopback("notlocalhost")
    assert not is_loopback("localhost.com")
