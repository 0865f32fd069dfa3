"""Whole versions of huiyan, side by side below the data directory, and which one counts.

    versions/0.2.0-3f9a12bc77de/bin/python          an environment of its own, made by uv from a lock
    versions/0.2.0-3f9a12bc77de/huiyan-version.json written last: without it the environment is not whole
    versions/selected.json                          the one that counts; none: the installation made by hand

A state's name holds its version and the digest of wheel and lock. Environments are made under another name
and renamed; the pointer is replaced by a rename; nothing here is ever changed in place.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from huiyan.errors import UpdateError
from huiyan.messages import refusal
from huiyan.store.durable import sync_directory
from huiyan.store.manifest import write_atomic

#: Of the component, in the journal and in feeds.
NAME: Final = "huiyan"
KIND: Final = "huiyan"

MARKER: Final = "huiyan-version.json"
_POINTER: Final = "selected.json"
NEW: Final = ".new-"
_OLD: Final = ".old-"


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """One environment that is whole. lock: the requirements that it was made from, in it."""

    state: str
    version: str
    python: str
    wheel_sha256: str
    lock_sha256: str
    made_unix_s: float


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """The pointer. origin: the Python of the installation that was made by hand, and its version."""

    state: str
    version: str
    python: str
    origin: str
    origin_version: str


class Versions:
    """Of one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.root = data_dir / "versions"
        self._pointer = self.root / _POINTER

    def directory(self, state: str) -> Path:
        return self.root / state

    def installed(self) -> list[Installed]:
        """Whole environments, the latest made first."""
        found = []
        for marker in self.root.glob(f"[0-9]*/{MARKER}"):
            try:
                found.append(msgspec.json.decode(marker.read_bytes(), type=Installed))
            except (OSError, msgspec.MsgspecError):
                continue  # not made by this program, or broken: not ours to offer
        return sorted(found, key=lambda each: each.made_unix_s, reverse=True)

    def state_of(self, prefix: Path) -> str:
        """The state whose environment that is; "" for one that huiyan did not make here."""
        here = prefix.resolve()
        return here.name if here.parent == self.root.resolve() else ""

    def find(self, state: str) -> Installed | None:
        return next((each for each in self.installed() if each.state == state), None)

    def selected(self) -> Selected | None:
        """None: the installation made by hand counts. Raises: UpdateError for a pointer nobody can read."""
        try:
            return msgspec.json.decode(self._pointer.read_bytes(), type=Selected)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise refusal(UpdateError, "upgrade.pointer", path=self._pointer, reason=error) from error

    def active(self) -> str:
        """The state that counts; "" for the installation made by hand."""
        selected = self.selected()
        return "" if selected is None else selected.state

    def python(self, state: str, *, origin: str) -> str:
        """The interpreter of a state. origin: of the installation made by hand. Raises: UpdateError."""
        if state == "":
            selected = self.selected()
            return origin if selected is None else selected.origin
        found = self.find(state)
        if found is None or not os.access(found.python, os.X_OK):
            raise refusal(UpdateError, "upgrade.gone", state=state, path=self.directory(state))
        return found.python

    def select(self, state: str, *, origin: str, origin_version: str) -> None:
        """Make `state` count from the next command on, atomically; again is harmless.

        origin: Python of the installation made by hand, and its version, where no pointer names it yet.
        Raises: UpdateError, DiskFullError, StoreError.
        """
        if state == "":
            with contextlib.suppress(FileNotFoundError):
                self._pointer.unlink()
                sync_directory(self.root)
            return
        before = self.selected()
        found = self.find(state)
        if found is None:
            raise refusal(UpdateError, "upgrade.gone", state=state, path=self.directory(state))
        pointer = Selected(
            state=state,
            version=found.version,
            python=found.python,
            origin=origin if before is None else before.origin,
            origin_version=origin_version if before is None else before.origin_version,
        )
        write_atomic(self._pointer, msgspec.json.encode(pointer), mode=0o600)
        sync_directory(self.root)

    def keep(self, states: Iterable[str]) -> None:
        """Remove every environment but these and the selected one, and what kills have left."""
        kept = {*states, self.active()}
        for each in self.installed():
            if each.state not in kept:
                doomed = self.root / f"{_OLD}{each.state}"
                with contextlib.suppress(FileNotFoundError):
                    # Out of sight first: a kill in the middle must not leave half an environment.
                    self.directory(each.state).rename(doomed)
        self.sweep()

    def sweep(self) -> None:
        """What kills have left: only the holder of the update lock comes here."""
        with contextlib.suppress(FileNotFoundError):
            for entry in self.root.iterdir():
                if entry.name.startswith((NEW, _OLD)):
                    shutil.rmtree(entry, ignore_errors=True)
