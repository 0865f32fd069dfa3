"""`tools add`, `update` and `remove`: at every moment the old tool is there, or the new one, or none.

A version is made under a temporary name, renamed, started once in its jail to list its tools, and only then
made the current one by renaming a link. A kill leaves a directory that nothing points at; the next change
removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from huiyan.errors import StoreError, ToolError, ToolInstallError, ToolNotFoundError
from huiyan.messages import cause_of, refusal
from huiyan.store.manifest import disk_error
from huiyan.tools import records
from huiyan.tools.manifest import NAME
from huiyan.tools.places import private_directories, tools_directory
from huiyan.tools.plugin import examined
from huiyan.tools.records import Grants, Installed, Record, Source
from huiyan.tools.sources import Made, make
from huiyan.tools.tool_log import ToolLog
from huiyan.tools.uv import Uv

#: Told the name of each step: environment, examine.
OnStep = Callable[[str], None]
_KEPT_VERSIONS: Final = 2


async def install(  # noqa: PLR0913 - one parameter for each choice of whoever installs
    data_dir: Path,
    source: Source,
    *,
    environment: Mapping[str, str],
    name: str | None = None,
    allow_network: bool | None = None,
    allow_build: bool = False,
    activate: bool = True,
    on_step: OnStep = lambda _: None,
    on_line: Callable[[str], None] = lambda _: None,
) -> Installed:
    """Install or update. allow_network: None leaves the grant as it is.

    activate: False makes and tries the version and leaves the one before current (`records.point_at`).
    environment: for uv. Raises: ToolInstallError, ToolManifestError, ToolError and its kinds, StoreError.
    """
    if name is not None and not NAME.fullmatch(name):
        raise refusal(ToolInstallError, "tool.no_name", name=name)
    tools = tools_directory(data_dir)
    with _changing(tools):
        temporary = tools / f".new-{secrets.token_hex(6)}"
        try:
            _make_directory(temporary)
            on_step("environment")
            uv = Uv(environment, on_line, allow_build=allow_build) if source.kind != "url" else None
            made = await make(source, temporary, uv)  # type: ignore[arg-type]  # not used for a URL
            return await _activate(
                data_dir,
                temporary,
                source,
                made,
                name=name,
                allow_network=allow_network,
                activate=activate,
                on_step=on_step,
            )
        except OSError as error:
            raise disk_error(error, temporary) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


async def _activate(
    data_dir: Path,
    temporary: Path,
    source: Source,
    made: Made,
    *,
    name: str | None,
    allow_network: bool | None,
    activate: bool,
    on_step: OnStep,
) -> Installed:
    chosen = name or made.name
    directory = tools_directory(data_dir) / chosen
    version = directory / made.version
    before = records.look(directory)
    grants = before.grants if before is not None else Grants()
    if allow_network is not None:
        grants = Grants(network=allow_network)
    same = before is not None and before.record.version == made.version
    if not same:
        _move(temporary, version)
    record = Record(
        name=chosen,
        version=made.version,
        source=source,
        manifest=made.manifest,
        command=_absolute(made.command, version),
        url=made.url,
        installed_unix_s=time.time(),
    )
    on_step("examine")
    trial = Installed(directory=version, record=record, grants=grants)
    try:
        record = await examined(trial, private_directories(data_dir))
    except ToolError as error:
        said = " / ".join(line for line in ToolLog(trial.log).tail(6) if line.strip())
        if not same:
            shutil.rmtree(version, ignore_errors=True)
            with contextlib.suppress(OSError):
                directory.rmdir()
        if said:
            raise refusal(
                ToolInstallError,
                "tool.not_installed_said",
                name=chosen,
                cause=cause_of(error),
                said=said[-600:],
            ) from error
        raise refusal(ToolInstallError, "tool.not_installed", name=chosen, cause=cause_of(error)) from error
    finally:
        shutil.rmtree(trial.work, ignore_errors=True)
    records.write_record(version, record)
    records.write_grants(directory, grants)
    if not activate:
        return Installed(directory=directory, record=record, grants=grants)
    if not same:
        records.point_at(directory, made.version)
    prune(directory, made.version)
    return Installed(directory=directory, record=record, grants=grants)


def _move(temporary: Path, version: Path) -> None:
    shutil.rmtree(version, ignore_errors=True)
    version.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary.rename(version)


def _make_directory(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True)


def _absolute(command: list[str], version: Path) -> list[str]:
    """Words that name a file of the version become its path."""
    return [str(version / word) if (version / word).is_file() else word for word in command]


def find(data_dir: Path, name: str) -> Installed:
    """Raises: ToolNotFoundError."""
    found = records.look(tools_directory(data_dir) / name) if NAME.fullmatch(name) else None
    if found is None:
        raise refusal(ToolNotFoundError, "tool.unknown", name=name)
    return found


def remove(data_dir: Path, name: str) -> None:
    """Pages lose its button within a second. Raises: ToolNotFoundError, StoreError."""
    tools = tools_directory(data_dir)
    with _changing(tools):
        found = find(data_dir, name)
        doomed = tools / f".removed-{secrets.token_hex(6)}"
        try:
            found.directory.rename(doomed)
        except OSError as error:
            raise refusal(StoreError, "tool.remove", path=found.directory, reason=error.strerror) from error
        shutil.rmtree(doomed, ignore_errors=True)


def grant(data_dir: Path, name: str, *, network: bool) -> Installed:
    """Allow or forbid it the network; it is restarted. Raises: ToolNotFoundError, StoreError."""
    found = find(data_dir, name)
    records.write_grants(found.directory, Grants(network=network))
    return replace(found, grants=Grants(network=network))


@contextlib.contextmanager
def _changing(tools: Path) -> Iterator[None]:
    """One change at a time; leftovers of killed ones are cleared. Raises: StoreError."""
    try:
        tools.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(tools / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise disk_error(error, tools / ".lock") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise refusal(ToolInstallError, "tool.busy") from None
        for left in (*tools.glob(".new-*"), *tools.glob(".removed-*")):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(lock)


def prune(directory: Path, current: str) -> None:
    """Keep the current version and the one before it."""
    versions = [d for d in directory.iterdir() if (d / records.RECORD).is_file() and not d.is_symlink()]
    older = sorted((d for d in versions if d.name != current), key=lambda d: d.stat().st_mtime, reverse=True)
    for doomed in older[_KEPT_VERSIONS - 1 :]:
        shutil.rmtree(doomed, ignore_errors=True)
