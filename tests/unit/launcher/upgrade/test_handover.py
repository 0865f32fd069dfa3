"""What one program leaves to the next, and the way back from every kind of trouble."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest

from huiyan.errors import UpdateError
from huiyan.launcher.upgrade import handover as handing
from huiyan.launcher.upgrade.guard import Takeover, takeover_of
from huiyan.launcher.upgrade.handover import Handover, Program, Retiree
from huiyan.updates.journal import Entry, Step


class Became(BaseException):
    """In place of the end of this program."""

    def __init__(self, python: str, words: list[str], environment: dict[str, str]) -> None:
        self.python, self.words, self.environment = python, words, environment
        self.fd = int(words[-1])
        self.inherited = {fd for fd in range(3, 256) if _inheritable(fd)}
        self.left = msgspec.json.decode(os.pread(self.fd, 1 << 20, 0), type=Handover)


def _inheritable(fd: int) -> bool:
    try:
        return os.get_inheritable(fd)
    except OSError:
        return False


@pytest.fixture(autouse=True)
def no_exec(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def execve(python: str, words: list[str], environment: dict[str, str]) -> NoReturn:
        raise Became(python, words, environment)

    monkeypatch.setattr(os, "execve", execve)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


@pytest.fixture
def handover(tmp_path: Path) -> Iterator[Handover]:
    pairs = [socket.socketpair() for _ in range(3)]
    fds = [sock.detach() for pair in pairs for sock in pair]
    yield make(fds, timeout_s=60.0)
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            continue


def make(fds: list[int], **changes: Any) -> Handover:
    entry = Entry(
        update="1",
        step=Step.SWITCHING,
        component="huiyan",
        kind="huiyan",
        version="0.2.0",
        before="",
        after="0.2.0-x",
        at_unix_s=1.0,
    )
    made = Handover(
        schema=handing.SCHEMA,
        entry=entry,
        before=Program(
            python="/old/python",
            arguments=["start", "--port", "1"],
            version="0.1.0",
            environment={"PYTHONPATH": "/x"},
        ),
        back=False,
        reason="",
        in_turn=False,
        listener_fd=fds[0],
        lock_fd=fds[1],
        control_fd=fds[2],
        control_path="/run/launcher.sock",
        retirees=[Retiree(role="engine", pid=1, lifeline_fd=fds[3], output_fd=fds[4])],
        pull=None,
        litter=[],
        timeout_s=60.0,
        started_unix_s=1.0,
    )
    return msgspec.structs.replace(made, **changes)


def test_descriptors_go_along_and_nothing_else(handover: Handover, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/of/this/one")
    new = Program(python="/new/python", arguments=["start", "--port", "1"], version="0.2.0")
    with pytest.raises(Became) as became:
        handing.become(new, handover)
    assert became.value.left == handover
    assert set(handover.descriptors) <= became.value.inherited
    assert became.value.words[0] == "/new/python"
    assert became.value.words[-4:-2] == ["--port", "1"]
    assert "PYTHONPATH" not in became.value.environment
    # `exec` was refused: nothing has changed.
    assert not any(os.get_inheritable(fd) for fd in handover.descriptors)


def test_nobody_inherits_them_from_the_new_program(handover: Handover) -> None:
    fd = handing._write(handover)
    for each in handover.descriptors:
        os.set_inheritable(each, True)
    assert handing.read(fd) == handover
    assert not any(os.get_inheritable(each) for each in handover.descriptors)


def test_rubbish_is_refused() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    with pytest.raises(UpdateError):
        handing.read(reader)
    os.close(reader)


def test_command_line_as_it_was_typed() -> None:
    assert handing.without_flag(["start", "--takeover-fd", "7", "--json"]) == ["start", "--json"]
    assert takeover_of(["start", "--json"]) is None


def test_gives_back_to_the_version_before(handover: Handover) -> None:
    takeover = Takeover(handover)
    with pytest.raises(Became) as became:
        takeover.give_back("it broke")
    left = became.value.left
    assert (became.value.python, became.value.environment["PYTHONPATH"]) == ("/old/python", "/x")
    assert (left.back, left.reason, left.before.python) == (True, "it broke", sys.executable)
    assert left.descriptors == handover.descriptors


def test_a_hang_gives_back(handover: Handover) -> None:
    Takeover(handover)
    assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= handover.timeout_s + 30.0
    with pytest.raises(Became) as became:
        signal.raise_signal(signal.SIGALRM)
    assert became.value.left.back
    assert "not ready within" in became.value.left.reason


def test_after_the_commit_there_is_no_way_back(handover: Handover) -> None:
    takeover = Takeover(handover)
    takeover.settle()
    takeover.settle()
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0.0
    for fd in handover.descriptors:
        with pytest.raises(OSError):
            os.fstat(fd)


def test_what_was_given_back_to_does_not_watch_itself(handover: Handover) -> None:
    Takeover(msgspec.structs.replace(handover, back=True))
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0.0
