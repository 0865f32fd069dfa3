"""Components that consist of files: one directory for each state, one symlink that says which is active.

    components/prompt-adapter/states/<digest>/adapter.json …
    components/prompt-adapter/active -> states/<digest>

A state's name is the digest of what is in it, so that it is complete or not there: it is made under another
name and renamed. `active` is replaced by a rename, too. Nothing here is ever changed in place.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from huiyan.errors import DigestMismatchError, DiskFullError, UpdateError
from huiyan.messages import refusal
from huiyan.updates.feed import Component, FeedFile

_RELEASE: Final = ".release.json"
_DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

#: Gives the bytes of one file of a component, in pieces. Raises: UpdateError, StoreError.
Fetch = Callable[[FeedFile], Iterable[bytes]]


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What a state is, for people: it takes no part in the digest."""

    name: str
    version: str
    title: dict[str, str] = {}
    notes: dict[str, str] = {}


def state_digest(files: Iterable[FeedFile]) -> str:
    """Of paths, sizes and digests: the same files are the same state, whoever served them."""
    listed = sorted((file.path, file.size_bytes, file.sha256) for file in files)
    return hashlib.sha256(msgspec.json.encode(listed)).hexdigest()


class ComponentDirs:
    """The states of one component, below `root`/<name>."""

    def __init__(self, root: Path, name: str) -> None:
        self._root = root / name
        self._states = self._root / "states"
        self._active = self._root / "active"

    def active(self) -> str:
        """The digest of the active state; "" when there is none, and what is built in counts."""
        try:
            return self._active.readlink().name
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except OSError as error:
            raise _failed(self._active, error) from error

    def directory(self, state: str) -> Path:
        """Where the files of `state` are."""
        return self._states / state

    def has(self, state: str) -> bool:
        return state == "" or self.directory(state).is_dir()

    def states(self) -> list[str]:
        """Digests of the complete states here, the latest made first."""
        try:
            found = [entry for entry in self._states.iterdir() if not entry.name.startswith(".")]
        except FileNotFoundError:
            return []
        found.sort(key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
        return [entry.name for entry in found]

    def installed(self) -> list[Path]:
        """Directories of all complete states, the latest made first."""
        return [self.directory(state) for state in self.states()]

    def release(self, state: str) -> Release | None:
        """What `state` is called; None for "" and for one that says nothing of itself."""
        try:
            return msgspec.json.decode((self.directory(state) / _RELEASE).read_bytes(), type=Release)
        except (OSError, msgspec.DecodeError):
            return None

    def stage(self, component: Component, fetch: Fetch) -> str:
        """Make the state of `component` whole; nothing happens when it is here already.

        Raises: DigestMismatchError, DiskFullError, UpdateError, and what `fetch` raises.
        """
        state = state_digest(component.files)
        if self.has(state):
            return state
        temporary: Path | None = None
        try:
            self._states.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sweep()
            temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=self._states))
            for file in component.files:
                _write(temporary / file.path, file, fetch(file))
            named = Release(
                name=component.name, version=component.version, title=component.title, notes=component.notes
            )
            _sync_write(temporary / _RELEASE, [msgspec.json.encode(named)])
            for directory, _, _ in os.walk(temporary):
                _sync_directory(Path(directory))
            temporary.rename(self.directory(state))
            _sync_directory(self._states)
        except OSError as error:
            raise _failed(self._states, error) from error
        finally:
            if temporary is not None and temporary.exists():
                shutil.rmtree(temporary, ignore_errors=True)
        return state

    def select(self, state: str) -> None:
        """Make `state` the active one; "": what is built in. Raises: DiskFullError, UpdateError."""
        if not self.has(state):
            raise refusal(UpdateError, "component.gone", state=state[:12], name=self._root.name)
        try:
            if state == "":
                self._active.unlink(missing_ok=True)
            else:
                link = self._root / f".active-{os.getpid()}"
                link.unlink(missing_ok=True)
                link.symlink_to(f"states/{state}")
                link.replace(self._active)
            if self._root.is_dir():
                _sync_directory(self._root)
        except OSError as error:
            raise _failed(self._active, error) from error

    def keep(self, states: Iterable[str]) -> int:
        """Remove every state but these and the active one; returns the bytes that were given back."""
        kept = {*states, self.active()}
        freed_bytes = 0
        for state in self.states():
            if state not in kept:
                doomed = self._states / f".old-{state}"
                with contextlib.suppress(FileNotFoundError):
                    # Out of sight first: a kill in the middle of the removal must not leave half a state.
                    self.directory(state).rename(doomed)
                freed_bytes += _size_bytes(doomed)
                shutil.rmtree(doomed, ignore_errors=True)
        self._sweep()
        return freed_bytes

    def _sweep(self) -> None:
        """What kills have left: only the holder of the update lock comes here."""
        for entry in self._states.iterdir():
            if entry.name.startswith((".new-", ".old-")):
                shutil.rmtree(entry, ignore_errors=True)


def _write(path: Path, file: FeedFile, pieces: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    size_bytes = 0

    def checked() -> Iterable[bytes]:
        nonlocal size_bytes
        for piece in pieces:
            size_bytes += len(piece)
            if size_bytes > file.size_bytes:
                break
            digest.update(piece)
            yield piece

    _sync_write(path, checked())
    if size_bytes != file.size_bytes or digest.hexdigest() != file.sha256:
        raise refusal(DigestMismatchError, "release_feed.digest", url=file.url, path=file.path)


def _sync_write(path: Path, pieces: Iterable[bytes]) -> None:
    with path.open("xb") as out:
        for piece in pieces:
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size_bytes(directory: Path) -> int:
    return sum(path.lstat().st_size for path in directory.rglob("*") if path.is_file())


def _failed(path: Path, error: OSError) -> UpdateError | DiskFullError:
    if error.errno in _DISK_FULL:
        return refusal(DiskFullError, "component.disk_full", path=path)
    return refusal(UpdateError, "component.write", path=path, reason=error.strerror)
