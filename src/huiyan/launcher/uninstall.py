"""What huiyan has put on this machine, and taking it away again.

Only entries that huiyan makes are known here; whatever else lies in the data directory is named and left.
An entry is renamed before it is removed, so that a kill leaves nothing that looks whole; running it again
goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from huiyan.deploy.signed_text import owner_of
from huiyan.deploy.systemd import SYSTEM_DIRECTORY
from huiyan.deploy.unit import NAME as UNIT_NAME
from huiyan.errors import StoreError
from huiyan.messages import refusal
from huiyan.settings.environment import config_home
from huiyan.settings.model import Settings
from huiyan.store.durable import sync_directory
from huiyan.tools.places import socket_path

Kind = Literal["program", "data", "installation", "foreign"]

#: Can be made again by huiyan.
_PROGRAM: Final = ("versions", "engines", "tools", "run", "updates", "launcher.lock")
#: Somebody's: keys and usage, pictures, models, certificates, logs, settings.
_DATA: Final = ("state", "images", "models", "components", "tls", "logs", "huiyan.toml")
#: Removed last: until then nobody can start huiyan here.
_LOCK: Final = "launcher.lock"
_REMOVING: Final = ".removing-"
#: Written by start_all.sh into the environment that it makes.
_STAMP: Final = "huiyan.stamp"


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One thing on this machine. kind: what it counts as; `foreign`: not made by huiyan, never touched.

    size_bytes: what it takes on the disk. removed: by this call; `remedy`: how to remove what is left.
    """

    path: str
    kind: Kind
    size_bytes: int
    removed: bool = False
    remedy: str = ""


def survey(settings: Settings) -> list[Piece]:
    """Everything, largest first within its kind; nothing is changed. Blocks."""
    return sorted(_pieces(settings), key=lambda each: (each.kind, -each.size_bytes))


def remove(
    settings: Settings, *, data: bool, on_piece: Callable[[Piece], None] = lambda _: None
) -> list[Piece]:
    """Take away what can be made again; with `data`, also what is somebody's. Nothing may be running. Blocks.

    on_piece: told each before it goes. Returns everything, with what was removed. Raises: StoreError.
    """
    root = settings.data_dir
    done = []
    for piece in survey(settings):
        path = Path(piece.path)
        gone = piece.kind == "program" or (data and piece.kind == "data")
        if gone and path.name != _LOCK:
            on_piece(piece)
            _remove(path)
        done.append(msgspec.structs.replace(piece, removed=gone))
    for litter in _litter(root):
        _remove(litter)
    with contextlib.suppress(FileNotFoundError):
        (root / _LOCK).unlink()
    with contextlib.suppress(OSError):
        root.rmdir()  # only where nothing of anybody's is left
    return done


def _pieces(settings: Settings) -> Iterator[Piece]:
    root = settings.data_dir
    known: dict[str, Kind] = {**dict.fromkeys(_PROGRAM, "program"), **dict.fromkeys(_DATA, "data")}
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        kind: Kind = "program" if path.name.startswith(_REMOVING) else known.get(path.name, "foreign")
        yield Piece(path=str(path), kind=kind, size_bytes=size_of(path))
    # Named in the settings, and perhaps shared with others: whoever named it there removes it.
    access = settings.gateway.access
    for named in (settings.models.directory(root), access.state_dir):
        if named is not None and named.is_dir() and not named.is_relative_to(root):
            yield Piece(path=str(named), kind="foreign", size_bytes=size_of(named), remedy=f"rm -r {named}")
    # A unit of systemd has a command of its own, which also tells systemd.
    for directory, flag in ((SYSTEM_DIRECTORY, "--system"), (config_home() / "systemd" / "user", "--user")):
        unit = directory / UNIT_NAME
        if owner_of(unit) in ("huiyan", "changed"):
            remedy = f"huiyan service uninstall {flag}"
            yield Piece(path=str(unit), kind="installation", size_bytes=size_of(unit), remedy=remedy)
    environment = Path(sys.prefix)
    if not environment.is_relative_to(root):
        ours = (environment / _STAMP).is_file()
        remedy = f"rm -r {environment}" if ours else f"{sys.executable} -m pip uninstall huiyan"
        size_bytes = size_of(environment) if ours else 0
        yield Piece(path=str(environment), kind="installation", size_bytes=size_bytes, remedy=remedy)


def _litter(root: Path) -> Iterator[Path]:
    """In the directory for temporary files: of this data directory, or locks that nobody holds."""
    socket = socket_path(root)
    if not socket.is_relative_to(root):
        yield socket.parent
    for lock in Path(tempfile.gettempdir()).glob(f"huiyan-{os.getuid()}-engine-port-*.lock"):
        with contextlib.suppress(OSError), lock.open("rb") as file:
            if os.fstat(file.fileno()).st_uid == os.getuid():
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield lock


def _remove(path: Path) -> None:
    """Raises: StoreError."""
    try:
        if not path.is_symlink() and path.is_dir():
            doomed = path
            if not path.name.startswith(_REMOVING):
                doomed = path.with_name(f"{_REMOVING}{path.name}")
                shutil.rmtree(doomed, ignore_errors=True)
                path.rename(doomed)
            shutil.rmtree(doomed)
        else:
            # A link goes, what it leads to stays.
            path.unlink(missing_ok=True)
        sync_directory(path.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise refusal(StoreError, "uninstall.failed", path=path, reason=error.strerror) from error


def size_of(path: Path) -> int:
    """Bytes on the disk; a file with several names counts once, links are not followed."""
    seen: set[tuple[int, int]] = set()
    total = 0
    waiting = [path]
    while waiting:
        each = waiting.pop()
        with contextlib.suppress(OSError):
            found = each.lstat()
            if (found.st_dev, found.st_ino) in seen:
                continue
            seen.add((found.st_dev, found.st_ino))
            total += found.st_blocks * 512
            if stat.S_ISDIR(found.st_mode):
                waiting.extend(each.iterdir())
    return total
