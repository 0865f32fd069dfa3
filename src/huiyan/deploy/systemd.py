"""Puts the unit where systemd finds it, and takes it away again. Every step can be done twice.

The unit is written whole before systemd hears of it, and removed last: whoever is stopped in between runs the
command again. A unit that somebody else wrote, or changed by hand, is left alone.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from huiyan.deploy import unit
from huiyan.deploy.signed_text import owner_of, signed
from huiyan.errors import NotOursError, ServiceManagerError
from huiyan.messages import refusal
from huiyan.store.durable import failures_of, sync_directory, write_beside

SYSTEM_DIRECTORY: Final = Path("/etc/systemd/system")
#: sd_booted(3): there where systemd runs the machine.
BOOTED: Final = Path("/run/systemd/system")
_COMMAND: Final = "service install"
_TIMEOUT_S: Final = 90.0
_ASKED: Final = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "MainPID",
    "NRestarts",
    "StatusText",
)

#: Runs a command with these arguments and tells exit status and output.
Run = Callable[[Sequence[str]], tuple[int, str]]


class UnitStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What systemd says of the unit; load "not-found": it knows none. owner: of the unit's file."""

    path: str
    owner: str
    load: str = ""
    active: str = ""
    sub: str = ""
    enabled: str = ""
    pid: int = 0
    restarts: int = 0
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Systemd:
    """The machine's manager (system), or the one of this user. directory: where its units lie."""

    system: bool
    directory: Path
    run: Run

    @property
    def path(self) -> Path:
        return self.directory / unit.NAME

    def install(self, service: unit.Service, *, start: bool) -> bool:
        """Write the unit; with `start`, have it run now and at every boot. Returns whether the file changed.

        Raises: NotOursError, ServiceManagerError, StoreError and its kinds.
        """
        self._refuse_others()
        text = signed(unit.render(service), command=_COMMAND)
        with failures_of(self.path):
            changed = not self.path.exists() or self.path.read_text("utf-8") != text
        if changed:
            write_beside(self.path, text.encode())
        if start:
            self._ask("daemon-reload")
            self._ask("enable", unit.NAME)
            # `enable --now` would leave one that runs with what it was started with. Loading a model may take
            # minutes, so nobody waits here: the status tells how far it is.
            self._ask("restart", "--no-block", unit.NAME)
        return changed

    def uninstall(self, *, stop: bool) -> bool:
        """Stop it and remove the unit; data stays. Returns whether there was one.

        Raises: NotOursError, ServiceManagerError, StoreError and its kinds.
        """
        self._refuse_others()
        with failures_of(self.path):
            there = self.path.exists()
        if not there:
            return False
        if stop:
            self._ask("disable", "--now", unit.NAME)
        with failures_of(self.path):
            self.path.unlink(missing_ok=True)
            sync_directory(self.directory)
        if stop:
            self._ask("daemon-reload")
        return True

    def status(self) -> UnitStatus:
        """Raises: ServiceManagerError, StoreError."""
        owner = owner_of(self.path)
        output = self._ask("show", unit.NAME, f"--property={','.join(_ASKED)}")
        said = _properties(output)
        return UnitStatus(
            path=str(self.path),
            owner=owner,
            load=said.get("LoadState", ""),
            active=said.get("ActiveState", ""),
            sub=said.get("SubState", ""),
            enabled=said.get("UnitFileState", ""),
            pid=_number(said.get("MainPID", "")),
            restarts=_number(said.get("NRestarts", "")),
            text=said.get("StatusText", ""),
        )

    def _refuse_others(self) -> None:
        owner = owner_of(self.path)
        if owner == "other":
            raise refusal(NotOursError, "service.other", path=self.path)
        if owner == "changed":
            raise refusal(NotOursError, "service.changed", path=self.path, name=unit.NAME)

    def _ask(self, *words: str) -> str:
        """Raises: ServiceManagerError with what systemctl said."""
        command = ["systemctl", *([] if self.system else ["--user"]), "--no-ask-password", *words]
        status, output = self.run(command)
        if status != 0:
            lines = output.strip().splitlines() or [f"exit status {status}"]
            shown = " ".join(command)
            journal = "journalctl " + ("" if self.system else "--user ") + f"--unit {unit.NAME} -n 50"
            raise refusal(
                ServiceManagerError, "service.refused", command=shown, reason=lines[-1], journal=journal
            )
        return output


def run_command(environment: Mapping[str, str]) -> Run:
    """Real processes. Missing programs and silence count as failures."""

    def run(words: Sequence[str]) -> tuple[int, str]:
        try:
            done = subprocess.run(
                list(words),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
            )
        except FileNotFoundError:
            return 127, f"{words[0]} is not installed"
        except subprocess.TimeoutExpired:
            return 124, f"no answer within {_TIMEOUT_S:.0f} s"
        return done.returncode, done.stdout if done.returncode == 0 else done.stdout + done.stderr

    return run


def _properties(output: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in output.splitlines())
    return {name: value for name, mark, value in pairs if mark}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
