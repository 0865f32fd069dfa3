"""huiyan.deploy.systemd: what is written, what systemctl is asked, and what is never touched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from huiyan.deploy import unit
from huiyan.deploy.signed_text import owner_of
from huiyan.deploy.systemd import Systemd, run_command
from huiyan.errors import NotOursError, ServiceManagerError

SERVICE = unit.Service(command=["/opt/huiyan/bin/python", "-m", "huiyan", "start"])
OTHER = unit.Service(command=["/opt/huiyan/bin/python", "-m", "huiyan", "start", "--port", "80"])


class Manager:
    """Stands for systemctl: notes what it is asked, and refuses the verb that it is told to."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.refuses = ""
        self.output = ""

    def __call__(self, words: Sequence[str]) -> tuple[int, str]:
        self.asked.append(list(words))
        return (1, "Failed: it does not want to\n") if self.refuses in words else (0, self.output)

    def verbs(self) -> list[str]:
        return [next(word for word in words[1:] if not word.startswith("-")) for words in self.asked]


@pytest.fixture
def manager() -> Manager:
    return Manager()


@pytest.fixture
def systemd(manager: Manager, tmp_path: Path) -> Systemd:
    return Systemd(system=True, directory=tmp_path / "units", run=manager)


def test_install_writes_enables_starts_and_does_not_wait(systemd: Systemd, manager: Manager) -> None:
    assert systemd.install(SERVICE, start=True)
    assert "ExecStart=/opt/huiyan/bin/python -m huiyan start\n" in systemd.path.read_text("utf-8")
    assert manager.verbs() == ["daemon-reload", "enable", "restart"]
    assert "--no-block" in manager.asked[-1]
    assert owner_of(systemd.path) == "huiyan"


def test_a_second_install_changes_nothing_and_another_one_replaces(systemd: Systemd) -> None:
    systemd.install(SERVICE, start=False)
    before = systemd.path.stat().st_mtime_ns
    assert not systemd.install(SERVICE, start=False)
    assert systemd.path.stat().st_mtime_ns == before
    assert systemd.install(OTHER, start=False)
    assert "--port 80" in systemd.path.read_text("utf-8")
    assert [path.name for path in systemd.directory.iterdir()] == [unit.NAME]


def test_without_systemctl_only_the_file_is_written(systemd: Systemd, manager: Manager) -> None:
    systemd.install(SERVICE, start=False)
    assert systemd.uninstall(stop=False)
    assert not systemd.path.exists()
    assert manager.asked == []


def test_an_install_that_was_stopped_half_way_goes_on(systemd: Systemd, manager: Manager) -> None:
    manager.refuses = "enable"
    with pytest.raises(ServiceManagerError, match="it does not want to") as caught:
        systemd.install(SERVICE, start=True)
    assert "journalctl" in caught.value.hint
    manager.refuses, manager.asked = "", []
    assert not systemd.install(SERVICE, start=True)
    assert manager.verbs() == ["daemon-reload", "enable", "restart"]


def test_an_uninstall_that_was_refused_leaves_the_unit(systemd: Systemd, manager: Manager) -> None:
    systemd.install(SERVICE, start=True)
    manager.refuses = "disable"
    with pytest.raises(ServiceManagerError):
        systemd.uninstall(stop=True)
    assert systemd.path.exists()
    manager.refuses = ""
    assert systemd.uninstall(stop=True)
    assert not systemd.uninstall(stop=True)


@pytest.mark.parametrize(
    "content", [b"[Service]\nExecStart=/usr/bin/other\n", b"\xff\xfe\x00", b"", b"#" * 2_000_000]
)
def test_what_somebody_else_wrote_is_left_alone(systemd: Systemd, manager: Manager, content: bytes) -> None:
    systemd.directory.mkdir()
    systemd.path.write_bytes(content)
    with pytest.raises(NotOursError, match="not written by huiyan"):
        systemd.install(SERVICE, start=True)
    with pytest.raises(NotOursError, match="not written by huiyan"):
        systemd.uninstall(stop=True)
    assert systemd.path.read_bytes() == content
    assert manager.asked == []


def test_what_was_changed_by_hand_is_left_alone(systemd: Systemd) -> None:
    systemd.install(SERVICE, start=False)
    systemd.path.write_text(systemd.path.read_text("utf-8").replace("yes", "no", 1), "utf-8")
    with pytest.raises(NotOursError, match="changed by hand") as caught:
        systemd.install(OTHER, start=False)
    assert "systemctl edit" in caught.value.hint


def test_a_link_is_not_followed(systemd: Systemd, tmp_path: Path) -> None:
    systemd.install(SERVICE, start=False)
    kept = tmp_path / "kept.service"
    systemd.path.rename(kept)
    systemd.path.symlink_to(kept)
    with pytest.raises(NotOursError):
        systemd.install(OTHER, start=False)
    assert "--port" not in kept.read_text("utf-8")


def test_status_reads_what_systemd_says(systemd: Systemd, manager: Manager) -> None:
    systemd.install(SERVICE, start=False)
    manager.output = (
        "LoadState=loaded\nActiveState=activating\nSubState=start\nUnitFileState=enabled\n"
        "MainPID=42\nNRestarts=1\nStatusText=engine: weights a=b\n"
    )
    found = systemd.status()
    assert (found.owner, found.load, found.active, found.sub) == ("huiyan", "loaded", "activating", "start")
    assert (found.pid, found.restarts, found.enabled) == (42, 1, "enabled")
    assert found.text == "engine: weights a=b"


def test_a_user_asks_the_managers_own_instance(manager: Manager, tmp_path: Path) -> None:
    systemd = Systemd(system=False, directory=tmp_path, run=manager)
    systemd.install(SERVICE, start=True)
    assert all("--user" in words for words in manager.asked)


def test_commands_that_are_missing_or_fail_are_told_apart(tmp_path: Path) -> None:
    run = run_command({"PATH": "/usr/bin:/bin"})
    assert run(["sh", "-c", "echo said; exit 0"]) == (0, "said\n")
    status, output = run(["sh", "-c", "echo out; echo why >&2; exit 3"])
    assert status == 3
    assert output.splitlines()[-1] == "why"
    assert run([str(tmp_path / "nothing")])[0] == 127
