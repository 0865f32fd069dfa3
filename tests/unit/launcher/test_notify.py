"""huiyan.launcher.notify: what arrives at the service manager's socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from huiyan.launcher.events import Event
from huiyan.launcher.notify import Notifier
from huiyan.messages import Text
from huiyan.settings.environment import ManagerAddress, service_manager
from tests.support.wait import eventually


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(10)
        yield listening


def heard(manager: socket.socket) -> dict[str, str]:
    lines = manager.recv(65536).decode().splitlines()
    return dict(line.split("=", 1) for line in lines)


def notifier(manager: socket.socket, watchdog_s: float | None = None) -> Notifier:
    return Notifier(ManagerAddress(manager.getsockname(), watchdog_s))


def test_the_course_of_a_start(manager: socket.socket) -> None:
    shown: list[Event] = []
    tell = notifier(manager).reporting(shown.append)
    tell(Event(kind="step", layer="engine", state="running", text=Text("verbatim", {"text": "weights\nX=1"})))
    assert heard(manager) == {"STATUS": "engine: weights X=1"}
    tell(Event(kind="first_key", text=Text("verbatim", {"text": "hy-secret"}), key="hy-secret"))
    tell(Event(kind="ready", text=Text("ready", {"url": "http://localhost:8000/"})))
    ready = heard(manager)
    assert ready["READY"] == "1"
    assert "http://localhost:8000/" in ready["STATUS"]
    # After that, steps are restarts of a part: the service itself stays ready.
    tell(Event(kind="step", layer="engine", state="running", text=Text("state.starting", {})))
    tell(Event(kind="stopping", text=Text("stopping", {})))
    assert heard(manager)["STOPPING"] == "1"
    assert len(shown) == 5


def test_an_abstract_socket() -> None:
    name = f"huiyan-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(10)
        assert Notifier(ManagerAddress(f"@{name}", None)).send(READY=1)
        assert heard(listening) == {"READY": "1"}


if not sys.platform.startswith("linux"):
    del test_an_abstract_socket


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "/" + "x" * 300])
def test_a_manager_that_is_not_there_harms_nobody(address: str) -> None:
    told = Notifier(ManagerAddress(address, None))
    assert not told.send(READY=1)
    told.ready("x")
    told.stopping("x")


def everything(manager: socket.socket) -> list[dict[str, str]]:
    """What has arrived, without waiting."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(heard(manager))
    return found


async def test_signs_of_life_while_the_loop_turns(manager: socket.socket) -> None:
    manager.setblocking(False)
    beats: list[dict[str, str]] = []

    async def beaten() -> bool:
        beats.extend(everything(manager))
        return len(beats) >= 3

    with notifier(manager, watchdog_s=0.02).alive():
        await eventually(beaten, 30)
    assert all(beat == {"WATCHDOG": "1"} for beat in beats)
    everything(manager)
    # Several intervals later nothing has come: the signs ended with the loop's work.
    await asyncio.sleep(0.05)
    assert everything(manager) == []


async def test_no_watchdog_no_signs(manager: socket.socket) -> None:
    manager.setblocking(False)
    with notifier(manager).alive():
        await asyncio.sleep(0.01)
    assert everything(manager) == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ("", None)),
        ({"NOTIFY_SOCKET": "/run/systemd/notify"}, ("/run/systemd/notify", None)),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "2000000"}, ("@x", 2.0)),
        ({"NOTIFY_SOCKET": "vsock:2:1", "WATCHDOG_USEC": "soon"}, ("", None)),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}, ("/s", None)),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "0"}, ("/s", None)),
    ],
)
def test_what_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: tuple[str, float | None]
) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert service_manager() == expected
