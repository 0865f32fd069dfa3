"""A host that is gone without a word is noticed by what its system does not confirm."""

from __future__ import annotations

import socket

import pytest

from huiyan.engines import lost_host
from tests.support.hosts import network
from tests.support.wait import wait_until


def test_what_is_confirmed_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_host, "UNCONFIRMED_S", 0.0)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as here,
    ):
        here.sendall(b"nobody reads this, and yet its system has it")
        wait_until(lambda: not lost_host.is_unconfirmed(here), "it is confirmed")


def test_a_system_that_tells_nothing_loses_nothing() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as unconnected:
        assert not lost_host.is_unconfirmed(unconnected)


def test_a_host_whose_packets_vanish_is_noticed_and_its_return(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_host, "UNCONFIRMED_S", 1.0)
    with network("here", "there") as net:
        server = net["there"].listen()
        with server, net["here"].connect(net["there"], server.getsockname()[1]) as here:
            here.sendall(b"first")
            wait_until(lambda: not lost_host.is_unconfirmed(here), "it is confirmed")
            net.cut("here", "there")
            assert not lost_host.is_unconfirmed(here)
            here.sendall(b"second")
            wait_until(lambda: lost_host.is_unconfirmed(here), "nothing is confirmed any more", timeout_s=30)
            net.heal()
            wait_until(lambda: not lost_host.is_unconfirmed(here), "it was sent again", timeout_s=30)
