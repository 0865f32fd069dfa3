"""Who comes in: the local user, keys, sessions, proxies, other sites' pages."""

from __future__ import annotations

from typing import Any

import pytest

from huiyan.errors import (
    AuthenticationError,
    ForbiddenError,
    KeysUnavailableError,
    QueueFullError,
    RequestError,
)
from huiyan.gateway.access.door import Door
from huiyan.gateway.access.keyring import KeyRing, Source
from huiyan.gateway.access.options import AccessOptions
from huiyan.gateway.access.principal import LOCAL, Principal, Scope
from huiyan.gateway.access.sessions import Sessions
from tests.unit.gateway.access.conftest import Keys, MakeDoor

LAN = "192.168.1.7"
HOST = (b"host", b"127.0.0.1:8000")
PUBLIC_HOST = (b"host", b"gpu.example:8000")
FORWARDED = (b"x-forwarded-for", b"203.0.113.9")


def bearer(secret: str) -> tuple[bytes, bytes]:
    return b"authorization", b"Bearer " + secret.encode()


def ask(
    door: Door,
    *headers: tuple[bytes, bytes],
    method: bytes = b"POST",
    peer: str = "127.0.0.1",
    secure: bool = False,
    scope: Scope | None = Scope.CHAT,
) -> Principal | RequestError:
    return door.check(list(headers), method=method, peer=peer, secure=secure, scope=scope)


# The local user.


def test_the_local_user_needs_no_key(make_door: MakeDoor, keys: Keys) -> None:
    keys.add()
    door = make_door()
    for scope in (*Scope, None):
        assert ask(door, HOST, scope=scope) is LOCAL
    assert ask(door, (b"host", b"[::1]:8000"), peer="::1") is LOCAL


def test_any_bearer_will_do_on_loopback_until_somebody_makes_a_key(make_door: MakeDoor, keys: Keys) -> None:
    door = make_door()
    assert ask(door, HOST, bearer("sk-anything")) is LOCAL
    assert ask(door, HOST, bearer("")) is LOCAL
    secret = keys.add()
    assert isinstance(ask(door, HOST, bearer("sk-anything")), AuthenticationError)
    assert isinstance(ask(door, HOST, bearer(secret)), Principal)
    assert ask(door, HOST, bearer("")) is LOCAL
    keys.revoke_all()
    assert ask(door, HOST, bearer("sk-anything")) is LOCAL


def test_a_key_on_loopback_has_its_own_scopes(make_door: MakeDoor, keys: Keys) -> None:
    found = ask(make_door(), HOST, bearer(keys.add("chat")), scope=Scope.ADMIN)
    assert isinstance(found, ForbiddenError)
    assert "admin" in found.message


@pytest.mark.parametrize(
    ("headers", "peer", "refusal"),
    [
        ([(b"host", b"evil.example:8000")], "127.0.0.1", ForbiddenError),
        ([HOST, (b"origin", b"http://evil.example")], "127.0.0.1", ForbiddenError),
        ([HOST, (b"sec-fetch-site", b"cross-site")], "127.0.0.1", ForbiddenError),
        ([HOST, FORWARDED], "127.0.0.1", AuthenticationError),
        ([HOST, (b"via", b"1.1 proxy")], "127.0.0.1", AuthenticationError),
        ([HOST], LAN, AuthenticationError),
        ([HOST], "", AuthenticationError),
        ([HOST, HOST], "127.0.0.1", ForbiddenError),
        ([], "127.0.0.1", ForbiddenError),
    ],
)
def test_what_is_not_the_local_user(
    make_door: MakeDoor, headers: list[tuple[bytes, bytes]], peer: str, refusal: type[RequestError]
) -> None:
    found = ask(make_door(), *headers, peer=peer)
    assert type(found) is refusal
    assert isinstance(found, RequestError)
    assert found.hint


@pytest.mark.parametrize(
    "headers",
    [
        [HOST, FORWARDED],
        [(b"host", b"gpu.example")],
        [HOST],
    ],
)
def test_a_key_opens_where_the_local_user_is_not(
    make_door: MakeDoor, keys: Keys, headers: list[tuple[bytes, bytes]]
) -> None:
    found = ask(make_door(), *headers, bearer(keys.add()), peer=LAN)
    assert isinstance(found, Principal)
    assert found is not LOCAL


def test_the_local_user_can_be_asked_for_a_key(make_door: MakeDoor, keys: Keys) -> None:
    door = make_door(local_without_key=False)
    assert isinstance(ask(door, HOST), AuthenticationError)
    assert isinstance(ask(door, HOST, bearer(keys.add())), Principal)


def test_nobody_is_local_on_a_public_address(make_door: MakeDoor, keys: Keys) -> None:
    for host in ("0.0.0.0", "::", "192.168.1.5", "gpu.example"):
        door = make_door(host)
        assert isinstance(ask(door, HOST), AuthenticationError)
        assert isinstance(ask(door, HOST, bearer("sk-anything")), AuthenticationError)
        assert isinstance(ask(door, PUBLIC_HOST, bearer(keys.add()), peer=LAN), Principal)


# Keys.


def test_expired_revoked_and_unknown_keys_are_told_apart(make_door: MakeDoor, keys: Keys) -> None:
    door = make_door("0.0.0.0")
    expired = keys.add(expires_unix_s=1)
    for secret, word in ((expired, "expired"), ("hy-x-y", "not known")):
        found = ask(door, PUBLIC_HOST, bearer(secret))
        assert isinstance(found, AuthenticationError)
        assert word in found.message
        assert secret not in found.message + found.hint
    live = keys.add()
    keys.revoke_all()
    found = ask(door, PUBLIC_HOST, bearer(live))
    assert isinstance(found, AuthenticationError)
    assert "revoked" in found.message


def test_scopes(make_door: MakeDoor, keys: Keys) -> None:
    door = make_door("0.0.0.0")
    chat, both = keys.add("chat"), keys.add("admin", "chat", "time-travel")
    assert isinstance(ask(door, PUBLIC_HOST, bearer(chat), scope=Scope.TOOLS), ForbiddenError)
    assert isinstance(ask(door, PUBLIC_HOST, bearer(chat), scope=None), Principal)
    found = ask(door, PUBLIC_HOST, bearer(both), scope=Scope.ADMIN)
    assert isinstance(found, Principal)
    assert found.scopes == {Scope.ADMIN, Scope.CHAT}


@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"Basic aHk6aHk=")],
        [(b"authorization", b"hy-abc-def")],
        [bearer("one"), bearer("two")],
        [(b"authorization", b"Bearer \xff\xfe")],
    ],
)
def test_odd_credentials_are_refused(make_door: MakeDoor, headers: list[tuple[bytes, bytes]]) -> None:
    assert isinstance(ask(make_door("0.0.0.0"), PUBLIC_HOST, *headers), AuthenticationError)


def test_the_scheme_is_read_as_rfc_9110_has_it(make_door: MakeDoor, keys: Keys) -> None:
    secret = keys.add().encode()
    found = ask(make_door("0.0.0.0"), PUBLIC_HOST, (b"authorization", b"bearer  " + secret))
    assert isinstance(found, Principal)


def test_before_the_keys_are_read_a_key_is_neither_right_nor_wrong() -> None:
    ring = KeyRing()
    sessions = Sessions(ring, cookie_name="c", ttl_s=60)
    door = Door(AccessOptions.model_validate({}), host="127.0.0.1", ring=ring, sessions=sessions)
    assert ask(door, HOST) is LOCAL
    assert isinstance(ask(door, HOST, bearer("hy-a-b")), QueueFullError)
    assert isinstance(ask(door, HOST, (b"cookie", b"c=x"), peer=LAN), QueueFullError)
    ring.load_empty()
    assert ask(door, HOST, bearer("hy-a-b")) is LOCAL


# Sessions.


def signed_in(door: Door, keys: Keys, *scopes: str) -> tuple[tuple[bytes, bytes], str]:
    """(Cookie header, CSRF token)."""
    principal = keys.ring.lookup(keys.add(*scopes).encode())
    assert principal is not None
    session, value = door.sessions.open(principal)
    return (b"cookie", f"theme=dark; huiyan_session_8000={value}".encode()), session.csrf


def test_a_session_reads_and_writes_with_its_token(make_door: MakeDoor, keys: Keys) -> None:
    door = make_door("0.0.0.0")
    cookie, csrf = signed_in(door, keys)
    own = (b"origin", b"http://gpu.example:8000")
    token = (b"x-huiyan-csrf", csrf.encode())
    assert isinstance(ask(door, PUBLIC_HOST, cookie, method=b"GET", peer=LAN), Principal)
    assert isinstance(ask(door, PUBLIC_HOST, cookie, own, token, peer=LAN), Principal)
    for method in (b"POST", b"PUT", b"PATCH", b"DELETE"):
        found = ask(door, PUBLIC_HOST, cookie, own, method=method, peer=LAN)
        assert isinstance(found, ForbiddenError)
        wrong = (b"x-huiyan-csrf", b"0" * len(csrf))
        assert isinstance(ask(door, PUBLIC_HOST, cookie, own, wrong, method=method), ForbiddenError)
    assert isinstance(ask(door, PUBLIC_HOST, cookie, token, own, scope=Scope.ADMIN), ForbiddenError)


@pytest.mark.parametrize(
    "header",
    [
        (b"origin", b"http://evil.example"),
        (b"origin", b"https://gpu.example:8000"),
        (b"origin", b"http://gpu.example:9000"),
        (b"origin", b"null"),
        (b"origin", b"https://allowed.example"),
        (b"sec-fetch-site", b"cross-site"),
    ],
)
def test_a_cookie_is_worth_nothing_on_another_page(
    make_door: MakeDoor, keys: Keys, header: tuple[bytes, bytes]
) -> None:
    door = make_door("0.0.0.0", cors_origins=["https://allowed.example"])
    cookie, csrf = signed_in(door, keys)
    token = (b"x-huiyan-csrf", csrf.encode())
    for method in (b"GET", b"POST"):
        found = ask(door, PUBLIC_HOST, cookie, token, header, method=method, peer=LAN)
        assert isinstance(found, ForbiddenError)


def test_a_session_ends_with_its_key_and_with_signing_out(make_door: MakeDoor, keys: Keys) -> None:
    door = make_door("0.0.0.0")
    cookie, _ = signed_in(door, keys)
    session = door.sessions.read(cookie[1])
    assert session is not None
    keys.ended.add(session.id)
    keys.load()
    assert isinstance(ask(door, PUBLIC_HOST, cookie, method=b"GET"), AuthenticationError)
    second, _ = signed_in(door, keys)
    assert isinstance(ask(door, PUBLIC_HOST, second, method=b"GET"), Principal)
    keys.revoke_all()
    assert isinstance(ask(door, PUBLIC_HOST, second, method=b"GET"), AuthenticationError)


def test_a_changed_cookie_is_none(make_door: MakeDoor, keys: Keys) -> None:
    door = make_door("0.0.0.0")
    (_, cookie), _ = signed_in(door, keys)
    value = cookie.partition(b"huiyan_session_8000=")[2]
    for position in range(len(value)):
        changed = bytearray(value)
        changed[position] ^= 1
        assert door.sessions.read(b"huiyan_session_8000=" + bytes(changed)) is None
    for odd in (b"", b"huiyan_session_8000=", b"huiyan_session_8000=...", b"huiyan_session_8000=\xff.\xff"):
        assert door.sessions.read(odd) is None
    assert door.sessions.read(b"other=" + value) is None


def test_an_expired_session_is_none(keys: Keys) -> None:
    sessions = Sessions(keys.ring, cookie_name="c", ttl_s=-1)
    principal = keys.ring.lookup(keys.add().encode())
    assert principal is not None
    _, value = sessions.open(principal)
    assert sessions.read(f"c={value}".encode()) is None


@pytest.mark.parametrize("secure", [False, True])
def test_the_cookies_attributes(keys: Keys, secure: bool) -> None:
    sessions = Sessions(keys.ring, cookie_name="huiyan_session_8000", ttl_s=600)
    for cookie in (sessions.set_cookie("v", secure=secure), sessions.clear_cookie(secure=secure)):
        assert b"; HttpOnly; SameSite=Strict" in cookie
        assert b"; Path=/;" in cookie
        assert cookie.endswith(b"; Secure") is secure
    assert b"Max-Age=0" in sessions.clear_cookie(secure=secure)


# Proxies.


def proxied(**more: bytes) -> list[tuple[bytes, bytes]]:
    given = {"host": b"127.0.0.1:8000", "x_forwarded_for": b"203.0.113.9", **more}
    return [(name.replace("_", "-").encode(), value) for name, value in given.items()]


def test_a_session_behind_a_trusted_proxy(make_door: MakeDoor, keys: Keys) -> None:
    door = make_door(trusted_proxies=["127.0.0.1"])
    cookie, csrf = signed_in(door, keys)
    headers = proxied(
        x_forwarded_proto=b"https",
        x_forwarded_host=b"chat.example",
        origin=b"https://chat.example",
        x_huiyan_csrf=csrf.encode(),
    )
    assert isinstance(ask(door, *headers, cookie), Principal)
    assert door.secure(headers, peer="127.0.0.1", secure=False)
    # The same from somebody who only says that they are a proxy.
    assert isinstance(ask(door, *headers, cookie, peer=LAN), ForbiddenError)
    assert not door.secure(headers, peer=LAN, secure=False)


def test_a_trusted_proxy_makes_nobody_local(make_door: MakeDoor, keys: Keys) -> None:
    door = make_door(trusted_proxies=["127.0.0.0/8", "::1"])
    for headers in (proxied(), proxied(x_forwarded_for=b"127.0.0.1"), proxied(x_forwarded_for=b"")):
        assert isinstance(ask(door, *headers), AuthenticationError)


def test_the_pages_files_come_through_a_trusted_proxy_only(make_door: MakeDoor) -> None:
    def open_to(door: Door, peer: str, **more: Any) -> RequestError | None:
        headers = proxied(x_forwarded_proto=b"https", x_forwarded_host=b"chat.example", **more)
        return door.check_open(headers, method=b"GET", peer=peer, secure=False)

    assert open_to(make_door(trusted_proxies=["127.0.0.1"]), "127.0.0.1") is None
    assert isinstance(open_to(make_door(), "127.0.0.1"), AuthenticationError)
    assert isinstance(open_to(make_door(trusted_proxies=["10.0.0.0/8"]), "127.0.0.1"), AuthenticationError)


# What needs no key.


def test_open_routes_on_loopback_keep_the_guard(make_door: MakeDoor) -> None:
    door = make_door()

    def check(*headers: tuple[bytes, bytes], method: bytes = b"GET") -> RequestError | None:
        return door.check_open(list(headers), method=method, peer="127.0.0.1", secure=False)

    assert check(HOST) is None
    assert isinstance(check((b"host", b"evil.example")), ForbiddenError)
    assert isinstance(check(HOST, HOST), ForbiddenError)
    assert isinstance(check(HOST, (b"origin", b"http://evil.example"), method=b"POST"), ForbiddenError)


def test_open_routes_on_a_public_address(make_door: MakeDoor) -> None:
    door = make_door("0.0.0.0")

    def check(*headers: tuple[bytes, bytes], method: bytes = b"GET") -> RequestError | None:
        return door.check_open(list(headers), method=method, peer=LAN, secure=False)

    assert check(PUBLIC_HOST, (b"sec-fetch-site", b"cross-site")) is None
    assert check(PUBLIC_HOST, (b"origin", b"http://gpu.example:8000"), method=b"POST") is None
    assert isinstance(check(PUBLIC_HOST, (b"origin", b"http://evil.example"), method=b"POST"), ForbiddenError)
    assert isinstance(check(PUBLIC_HOST, PUBLIC_HOST), ForbiddenError)


# Other sites' pages with a key.


def test_another_sites_page_needs_a_key_and_a_place_on_the_list(make_door: MakeDoor, keys: Keys) -> None:
    allowed = (b"origin", b"https://app.example")
    door = make_door(cors_origins=["https://APP.example"])
    secret = keys.add()
    assert isinstance(ask(door, HOST, allowed, bearer(secret)), Principal)
    assert isinstance(ask(door, HOST, allowed), ForbiddenError)
    other = (b"origin", b"https://other.example")
    assert isinstance(ask(door, HOST, other, bearer(secret)), ForbiddenError)
    keys.revoke_all()
    # "Any key will do" is for programs, never for pages.
    assert not isinstance(ask(door, HOST, allowed, bearer("sk-any")), Principal)


# The launcher's own commands.


def test_the_launchers_commands_come_in_wherever_the_gateway_listens(make_door: MakeDoor, keys: Keys) -> None:
    keys.add()
    for host in ("127.0.0.1", "0.0.0.0"):
        door = make_door(host=host)
        assert isinstance(ask(door, HOST, bearer("own-key")), AuthenticationError)
        door.own_key = b"own-key"
        assert ask(door, HOST, bearer("own-key"), scope=Scope.ADMIN) is LOCAL
        assert isinstance(ask(door, HOST, bearer("own-key-")), AuthenticationError)
        assert isinstance(ask(door, HOST, bearer("own-key"), FORWARDED), ForbiddenError)
        page = (b"origin", b"https://evil.example")
        assert isinstance(ask(door, HOST, bearer("own-key"), page), ForbiddenError)


def test_no_launcher_no_key_of_its_own(make_door: MakeDoor, keys: Keys) -> None:
    """`huiyan serve`: the empty key opens nothing."""
    keys.add()
    door = make_door(host="0.0.0.0")
    assert isinstance(ask(door, HOST, bearer("")), AuthenticationError)


# The database is away.


def test_keys_that_were_seen_stay_valid_for_a_while_and_others_are_not_called_wrong(
    make_door: MakeDoor, keys: Keys
) -> None:
    door = make_door("0.0.0.0")
    secret = keys.add()
    keys.ring.source = Source.AWAY
    assert isinstance(ask(door, PUBLIC_HOST, bearer(secret), peer=LAN), Principal)
    assert isinstance(ask(door, PUBLIC_HOST, bearer("hy-unknown"), peer=LAN), KeysUnavailableError)
    before = keys.ring.generation
    keys.ring.source = Source.LOST
    assert keys.ring.generation > before, "connections decide anew"
    assert isinstance(ask(door, PUBLIC_HOST, bearer(secret), peer=LAN), KeysUnavailableError)
    keys.ring.source = Source.HERE
    assert isinstance(ask(door, PUBLIC_HOST, bearer(secret), peer=LAN), Principal)
    assert isinstance(ask(door, PUBLIC_HOST, bearer("hy-unknown"), peer=LAN), AuthenticationError)
