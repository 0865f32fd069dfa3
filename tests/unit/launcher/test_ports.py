"""Layer 3: defaults move, named ports are refused, nobody else is touched, nothing can come in between."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from huiyan.errors import CheckRefusedError, PortInUseError
from huiyan.launcher import ports


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def take(which: str, wanted: int, *, explicit: bool) -> ports.Port:
    if which == "--port":
        return ports.listen("127.0.0.1", wanted, explicit=explicit)
    return ports.reserve(wanted, explicit=explicit)


@pytest.mark.parametrize("which", ["--port", "--engine-port"])
def test_a_default_moves_and_says_who_is_there(busy: int, which: str) -> None:
    port = take(which, busy, explicit=False)
    with port.socket:
        assert port.number > busy
        assert port.moved is not None
        words = port.moved.render("en")
        assert str(busy) in words
        assert str(port.number) in words
        assert str(os.getpid()) in words, "the holder is this process"


@pytest.mark.parametrize("which", ["--port", "--engine-port"])
def test_a_named_port_is_refused_with_a_free_one(busy: int, which: str) -> None:
    with pytest.raises(PortInUseError, match=str(busy)) as caught:
        take(which, busy, explicit=True)
    suggested = int(caught.value.hint.split(f"{which} ")[1].split(")")[0])
    with socket.create_server(("127.0.0.1", suggested)):
        pass
    # Whoever was there is still served.
    socket.create_connection(("127.0.0.1", busy), timeout=5).close()


def test_zero_takes_any_and_listens() -> None:
    port = ports.listen("127.0.0.1", 0, explicit=True)
    with port.socket:
        assert port.moved is None
        socket.create_connection(("127.0.0.1", port.number), timeout=5).close()


def test_a_socket_that_a_child_has_already_is_used(busy: int) -> None:
    with socket.socket() as unbound:
        port = ports.listen("127.0.0.1", busy, explicit=False, unbound=unbound)
        assert port.socket is unbound
        socket.create_connection(("127.0.0.1", port.number), timeout=5).close()


def test_a_socket_of_the_wrong_family_is_not_used() -> None:
    with socket.socket() as unbound:
        try:
            port = ports.listen("::1", 0, explicit=False, unbound=unbound)
        except CheckRefusedError:
            pytest.skip("this machine has no IPv6")
        with port.socket:
            assert port.socket is not unbound


# 203.0.113.0/24 is nobody's (RFC 5737), as are names below .invalid (RFC 6761).
@pytest.mark.parametrize("host", ["203.0.113.7", "nowhere.invalid", "", " ", "a" * 70])
def test_an_address_that_is_not_this_machines_is_refused(host: str) -> None:
    with pytest.raises(CheckRefusedError, match="no address") as caught:
        ports.listen(host, 0, explicit=False)
    assert "127.0.0.1" in caught.value.hint
    assert "0.0.0.0" in caught.value.hint


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "0.0.0.0"])
def test_addresses_of_this_machine_are_taken(host: str) -> None:
    port = ports.listen(host, 0, explicit=False)
    with port.socket:
        reached = host if host.startswith("127.") else "127.0.0.1"
        socket.create_connection((reached, port.number), timeout=5).close()


def test_all_addresses_of_both_families() -> None:
    try:
        port = ports.listen("::", 0, explicit=False)
    except CheckRefusedError:
        pytest.skip("this machine has no IPv6")
    with port.socket:
        for reached in ("127.0.0.1", "::1"):
            socket.create_connection((reached, port.number), timeout=5).close()


def test_a_reserved_port_is_nobody_elses_but_our_engines() -> None:
    port = ports.reserve(0, explicit=False)
    with port.socket:
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port.number))
        with pytest.raises(PortInUseError):
            ports.reserve(port.number, explicit=True)
        with pytest.raises(PortInUseError):
            ports.listen("127.0.0.1", port.number, explicit=True)
        for _ in range(2):  # the engine, and the one after its restart
            with socket.socket() as engine:
                engine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                engine.bind(("127.0.0.1", port.number))
                engine.listen()
                with socket.create_connection(("127.0.0.1", port.number), timeout=5):
                    engine.accept()[0].close()


def test_connections_that_linger_after_an_engine_do_not_cost_its_port() -> None:
    """The side that closes first keeps the port in TIME_WAIT for a minute."""
    with ports.reserve(0, explicit=False).socket as first:
        number = first.getsockname()[1]
        with socket.socket() as engine:
            engine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            engine.bind(("127.0.0.1", number))
            engine.listen()
            with socket.create_connection(("127.0.0.1", number), timeout=5) as client:
                engine.accept()[0].close()
                assert client.recv(1) == b""
    with socket.socket() as plain, pytest.raises(OSError, match="in use"):
        plain.bind(("127.0.0.1", number))
    with ports.reserve(number, explicit=True).socket:
        with pytest.raises(PortInUseError):
            ports.reserve(number, explicit=True)
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", number))


def test_no_free_port_is_said(monkeypatch: pytest.MonkeyPatch, busy: int) -> None:
    monkeypatch.setattr(ports, "_ATTEMPTS", 1)
    with pytest.raises(PortInUseError, match="No free port"):
        ports.listen("127.0.0.1", busy, explicit=False)


def test_a_privileged_port_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forbidden(socket.socket):
        def bind(self, address: object) -> None:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket", Forbidden)
    with pytest.raises(CheckRefusedError, match="Permission denied") as caught:
        ports.listen("127.0.0.1", 80, explicit=True)
    assert "1024" in caught.value.hint
