"""What is installed, as files say it: read by the host, the command line and nobody else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from huiyan.errors import StoreError
from huiyan.messages import refusal
from huiyan.store.manifest import write_atomic
from huiyan.tools.catalogue import Isolation, ToolInfo
from huiyan.tools.manifest import NAME, Manifest

RECORD: Final = "record.json"
GRANTS: Final = "grants.json"
CURRENT: Final = "current"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a tool came from, for `update`. given: as it was typed, a path made absolute."""

    kind: Literal["package", "directory", "wheel", "script", "url"]
    given: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One installed version. command: absolute; empty where `url` is the server.

    tools: as they were listed when it was installed, so that nothing has to run before it is used.
    """

    name: str
    version: str
    source: Source
    manifest: Manifest
    command: list[str] = []
    url: str = ""
    tools: list[ToolInfo] = []
    isolation: Isolation = Isolation()
    installed_unix_s: float = 0.0


class Grants(msgspec.Struct, frozen=True, kw_only=True):
    network: bool = False


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """A tool as it stands. directory: of all its versions."""

    directory: Path
    record: Record
    grants: Grants

    @property
    def work(self) -> Path:
        return self.directory / "work"

    @property
    def log(self) -> Path:
        return self.directory / "log.txt"

    @property
    def network(self) -> bool:
        """Only what it asks for and the administrator allows."""
        return self.record.manifest.network and self.grants.network


def installed(tools: Path) -> Iterator[Installed]:
    """Every tool that can be read, by name. tools: the directory of all of them."""
    with contextlib.suppress(OSError):
        for directory in sorted(tools.iterdir()):
            if NAME.fullmatch(directory.name) and (found := look(directory)) is not None:
                yield found


def look(directory: Path) -> Installed | None:
    """The tool in its directory, if there is a whole one."""
    try:
        record = msgspec.json.decode((directory / CURRENT / RECORD).read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError):
        return None
    grants = Grants()
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        grants = msgspec.json.decode((directory / GRANTS).read_bytes(), type=Grants)
    return Installed(directory=directory, record=record, grants=grants)


def fingerprint(tools: Path) -> tuple[tuple[str, str, int], ...]:
    """Changes when a tool comes, goes, or is another one: cheap enough to be asked four times a second."""
    seen: list[tuple[str, str, int]] = []
    with contextlib.suppress(OSError):
        for directory in tools.iterdir():
            if not NAME.fullmatch(directory.name):
                continue
            with contextlib.suppress(OSError):
                target = str((directory / CURRENT).readlink())
                grants = directory / GRANTS
                seen.append((directory.name, target, grants.stat().st_mtime_ns if grants.exists() else 0))
    return tuple(sorted(seen))


def write_record(version: Path, record: Record) -> None:
    """Raises: DiskFullError, StoreError."""
    write_atomic(version / RECORD, msgspec.json.format(msgspec.json.encode(record), indent=2), mode=0o600)


def write_grants(directory: Path, grants: Grants) -> None:
    """Raises: DiskFullError, StoreError."""
    write_atomic(directory / GRANTS, msgspec.json.encode(grants), mode=0o600)


def point_at(directory: Path, version: str) -> None:
    """Make `version` the current one: the old or the new, at every moment. Raises: StoreError."""
    temporary = directory / f".{CURRENT}.new"
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(version)
        temporary.replace(directory / CURRENT)
    except OSError as error:
        raise refusal(StoreError, "tool.switch", path=directory / CURRENT, reason=error.strerror) from error
