"""The files of a restore, laid ready beside the data and put in place once the database has changed.

`restoring/` below the data directory is there from before the change until the last file is in its place.
The database carries the token of the last restore, changed in the same transaction as the keys: whoever comes
after a kill sees by it whether the files are still to be placed (the restore counts) or to go (it never was).
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from huiyan.errors import BackupRefusedError
from huiyan.messages import refusal
from huiyan.store.durable import failures_of, make_directory, new_file, remove, sync_directory

#: Laid ready, whole; while it is being written; while it is being removed.
READY: Final = "restoring"
_WRITING: Final = "restoring.new"
_DONE: Final = "restoring.done"
#: Where files go that describe something to be fetched again, or that are here already and differ.
RESTORED: Final = "restored"
#: What can be used as it lies there; the rest describes bytes that a backup does not hold.
_IN_PLACE: Final = ("huiyan.toml", "models.lock", "components/")
_PLAN: Final = "plan.json"


class Placing(msgspec.Struct, frozen=True, kw_only=True):
    """files: the name of each below `restoring/`, and where it goes, below the data directory."""

    token: str
    files: dict[str, str]

    @property
    def in_place(self) -> list[str]:
        return [to for to in self.files.values() if not to.startswith(f"{RESTORED}/")]

    @property
    def aside(self) -> list[str]:
        return [to for to in self.files.values() if to.startswith(f"{RESTORED}/")]


def unfinished(data_dir: Path) -> bool:
    """Whether a restore was killed here; three looks at the directory."""
    return any((data_dir / name).exists() for name in (READY, _WRITING, _DONE))


def lay_ready(data_dir: Path, files: Mapping[str, bytes]) -> Placing:
    """Write the files, and where each goes. files: by path below the data directory.

    Nothing that is here is overwritten: what differs, or needs bytes that are not here, goes aside.
    Raises: DiskFullError, StoreError.
    """
    chosen: dict[str, str] = {}
    writing = data_dir / _WRITING
    with failures_of(data_dir):
        make_directory(writing)
        writing.chmod(0o700)
        for number, (name, data) in enumerate(files.items()):
            target = data_dir / name
            if target.is_file() and target.read_bytes() == data:
                continue
            free = name.startswith(_IN_PLACE) and not target.exists()
            chosen[str(number)] = name if free else f"{RESTORED}/{name}"
            new_file(writing / str(number), data, 0o600)
        plan = Placing(token=secrets.token_hex(16), files=chosen)
        new_file(writing / _PLAN, msgspec.json.encode(plan), 0o600)
        sync_directory(writing)
        writing.rename(data_dir / READY)
        sync_directory(data_dir)
    return plan


def waiting(data_dir: Path) -> Placing | None:
    """What lies ready; leftovers of another kill are removed. Raises: BackupRefusedError, StoreError."""
    ready = data_dir / READY
    with failures_of(data_dir):
        for name in (_WRITING, _DONE):
            remove(data_dir / name)
        if not ready.exists():
            return None
        try:
            return msgspec.json.decode((ready / _PLAN).read_bytes(), type=Placing)
        except (FileNotFoundError, msgspec.MsgspecError) as error:
            # Nobody of ours leaves it so: the directory gets its name when it is whole.
            raise refusal(BackupRefusedError, "backup.unfinished", path=ready, reason=error) from error


def place(data_dir: Path, plan: Placing) -> None:
    """Put every file where it goes; again after a kill is harmless. Raises: StoreError."""
    ready = data_dir / READY
    with failures_of(data_dir):
        for staged, to in plan.files.items():
            if not (ready / staged).exists():
                continue  # placed before the kill
            target = data_dir / to
            if not to.startswith(f"{RESTORED}/") and target.exists():
                target = data_dir / RESTORED / to  # made by somebody since
            for directory in _missing(target.parent, data_dir):
                make_directory(directory)
                directory.chmod(0o700)
            (ready / staged).replace(target)
            sync_directory(target.parent)
        sync_directory(ready)
    clear(data_dir)


def clear(data_dir: Path) -> None:
    """Remove what lies ready: placed, or never to be. Raises: StoreError."""
    with failures_of(data_dir), contextlib.suppress(FileNotFoundError):
        (data_dir / READY).rename(data_dir / _DONE)
        sync_directory(data_dir)
        remove(data_dir / _DONE)


def _missing(directory: Path, root: Path) -> Iterator[Path]:
    """Directories between the two that are not there yet, from above."""
    for each in reversed([directory, *directory.parents]):
        if root in each.parents and not each.exists():
            yield each
