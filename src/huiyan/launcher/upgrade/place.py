"""Where a full upgrade finds things below the data directory, and the steps that both programs share."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from packaging.version import Version

from huiyan import log
from huiyan.errors import ComponentMismatchError, UpdateError
from huiyan.launcher.upgrade.handover import Program
from huiyan.messages import refusal
from huiyan.settings.model import Settings
from huiyan.state import FILE_NAME, earlier
from huiyan.updates.journal import Entry, Journal, Step
from huiyan.updates.transaction import INTERRUPTED
from huiyan.updates.versions import NAME, Versions

_log = log.get_logger(__name__)

#: Versions that are kept beside the one that counts, so that going back needs no network.
_KEPT: Final = 2


class Place:
    """Of one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self.versions = Versions(data_dir)
        self.journal = Journal(data_dir / "updates" / "journal.jsonl")

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Nobody else updates meanwhile. Raises: UpdateError."""
        directory = self._data_dir / "updates"
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise refusal(UpdateError, "upgrade.busy") from None
            yield
        finally:
            os.close(fd)

    def database(self, settings: Settings) -> Path | None:
        """The SQLite file of keys and usage; None where another database is used, or none exists yet."""
        access = settings.gateway.access
        if access.database_url is not None:
            return None
        file = (access.state_dir or settings.data_dir / "state") / FILE_NAME
        return file if file.exists() else None

    def secret(self, settings: Settings) -> Path:
        return (settings.gateway.access.state_dir or settings.data_dir / "state") / "secret"

    def plain_start(self) -> list[str]:
        """How the next start is likely to be called."""
        return ["start", "--no-browser", "--json", "--data-dir", str(self._data_dir)]

    def check_newer(self, version: str, now: str) -> None:
        """Raises: ComponentMismatchError for an older version: that is a roll back, or a new installation."""
        if Version(version) < Version(now):
            raise refusal(ComponentMismatchError, "upgrade.older", version=version, now=now)

    def environment_of(self, state: str, program: Program) -> dict[str, str]:
        """What the Python of a state needs of this one's variables: only the installation made by hand."""
        return program.environment if state == "" else {}

    def previous(self) -> tuple[str, str]:
        """(state, version) before the one that counts. Raises: UpdateError."""
        active = self.versions.active()
        known = {each.state: each.version for each in self.versions.installed()}
        for entry in reversed(self.journal.latest().values()):
            if entry.component == NAME and entry.step is Step.COMMITTED and entry.after == active:
                selected = self.versions.selected()
                if entry.before == "" and selected is not None:
                    return "", selected.origin_version
                if entry.before in known:
                    return entry.before, known[entry.before]
        raise refusal(UpdateError, "upgrade.no_previous")

    def commit(self, entry: Entry, *, before: Program) -> Entry:
        """The new state counts from here on. before: the program that it replaces.

        Raises: UpdateError, DiskFullError, StoreError.
        """
        self.versions.select(entry.after, origin=before.python, origin_version=before.version)
        done = self.journal.note(entry, Step.COMMITTED)
        installed = [each.state for each in self.versions.installed()]
        self.versions.keep([entry.before, *installed[:_KEPT]])
        return done

    def recover(self, settings: Settings) -> Entry | None:
        """End what a kill has interrupted, before anything is started; returns what was ended.

        The pointer decides: it is moved last. Raises: UpdateError, StoreError.
        """
        ended = None
        for entry in self.journal.unfinished():
            if entry.component != NAME:
                continue
            if not entry.touched:
                ended = self.journal.note(entry, Step.ABANDONED, detail=INTERRUPTED)
            elif self.versions.active() == entry.after:
                ended = self.journal.note(entry, Step.COMMITTED, detail=INTERRUPTED)
            else:
                database = self.database(settings)
                if database is not None:
                    earlier.go_back(database)
                ended = self.journal.note(entry, Step.ROLLED_BACK, detail=INTERRUPTED)
            _log.warning("the upgrade to %s was interrupted: %s", entry.version, ended.step)
        self.versions.sweep()
        return ended
