"""Snapshots: a model's files under their names, made of blobs, with the lock that says what they are."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from huiyan.errors import LockError, ModelFileMissingError, ModelNotInStoreError
from huiyan.messages import refusal
from huiyan.store.blobs import Blobs, hash_file
from huiyan.store.durable import (
    failures_of,
    make_directory,
    move_away,
    new_file,
    place,
    remove,
    replace_file,
    sync_directory,
    temporary,
)
from huiyan.store.layout import Layout
from huiyan.store.lock import LockedFile, LockFile, ModelLock, checked, decode_lock, encode_lock
from huiyan.store.locks import FileLock
from huiyan.store.names import is_sha256

_SEAL: Final = b"# sha256 of the lines above: "


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """digest: of its lock, and its name. tree: the directory that an engine loads."""

    digest: str
    lock: ModelLock
    tree: Path

    @property
    def id(self) -> str:
        return self.lock.id

    @property
    def size_bytes(self) -> int:
        return self.lock.size_bytes


class Snapshots:
    def __init__(self, layout: Layout, blobs: Blobs) -> None:
        self._layout = layout
        self._blobs = blobs

    def all(self) -> list[str]:
        """Digests of those that lie there, whole or not."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(path.name for path in self._layout.snapshots.iterdir() if is_sha256(path.name))
        return []

    def read(self, digest: str) -> Snapshot:
        """Raises: ModelNotInStoreError, LockError when its list of files is damaged."""
        lock = read_sealed(self._layout.snapshot_lock(digest)) if is_sha256(digest) else None
        if lock is None:
            raise refusal(ModelNotInStoreError, "store.no_snapshot", digest=digest[:12])
        if lock.digest() != digest:
            raise _unusable(self._layout.snapshot_lock(digest), "it is another snapshot's")
        return Snapshot(digest=digest, lock=lock, tree=self._layout.tree(digest))

    def compose(self, lock: ModelLock, on_bytes: Callable[[int], None] | None = None) -> str:
        """Make the snapshot, or mend the one that is there. Returns its digest.

        Each blob's size and recorded verification are checked; one that no record knows is hashed
        (`on_bytes`). Raises: ModelFileMissingError, LockError, DiskFullError, StoreError.
        """
        lock = checked(lock)
        digest = lock.digest()
        final = self._layout.snapshot(digest)
        with FileLock(self._layout.store_lock, shared=True), failures_of(final):
            self._check_blobs(lock, on_bytes)
            if not final.is_dir():
                self._build(lock, final)
            self._mend(lock, digest)
        return digest

    def _check_blobs(self, lock: ModelLock, on_bytes: Callable[[int], None] | None) -> None:
        for file in lock.files:
            size_bytes = self._blobs.size(file.sha256, on_bytes)
            if size_bytes is None:
                raise refusal(ModelFileMissingError, "store.blob_missing", id=lock.id, path=file.path)
            if size_bytes != file.size_bytes:
                raise refusal(
                    LockError,
                    "store.size_lie",
                    path=file.path,
                    claimed=f"{file.size_bytes:,}",
                    size=f"{size_bytes:,}",
                )

    def _build(self, lock: ModelLock, final: Path) -> None:
        made = temporary(self._layout.tmp)
        tree = made / "tree"
        try:
            tree.mkdir(parents=True)
            for file in lock.files:
                target = tree / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                self._place(file, target)
            new_file(made / "lock.toml", _sealed(lock))
            for folder, _, _ in os.walk(made, topdown=False):
                sync_directory(Path(folder))
            make_directory(final.parent)
            try:
                made.rename(final)
            except OSError as error:
                # Another process has made the same one meanwhile.
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
            sync_directory(final.parent)
        finally:
            with contextlib.suppress(OSError):
                remove(made)

    def _mend(self, lock: ModelLock, digest: str) -> None:
        """Each file is put in place by a rename: whoever reads the tree meanwhile misses no whole file."""
        tree = self._layout.tree(digest)
        for extra in extra_files(tree, lock):
            move_away(extra, self._under(self._layout.damaged), "extra-")
        for file in lock.files:
            target = tree / file.path
            if not self._is_whole(target, file):
                self._replace(file, target)
        path = self._layout.snapshot_lock(digest)
        with contextlib.suppress(LockError):
            there = read_sealed(path)
            if there is not None and there.digest() == digest and _tensors(there) >= _tensors(lock):
                return
        replace_file(path, _sealed(lock), tmp=self._layout.tmp)

    def _is_whole(self, path: Path, file: LockedFile) -> bool:
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        if not stat.S_ISREG(found.st_mode) or found.st_size != file.size_bytes:
            return False
        if not self._blobs.record.knows(found, file.sha256):
            if hash_file(path) != file.sha256:
                return False
            self._blobs.record.add(found, file.sha256)
        return True

    def _replace(self, file: LockedFile, target: Path) -> None:
        if target.is_dir() and not target.is_symlink():
            move_away(target, self._under(self._layout.damaged), "extra-")
        for parent in reversed(list(target.relative_to(self._layout.root).parents)):
            above = self._layout.root / parent
            if above.is_symlink() or (above.exists() and not above.is_dir()):
                move_away(above, self._under(self._layout.damaged), "extra-")
        made = temporary(self._layout.tmp)
        self._place(file, made)
        make_directory(target.parent)
        made.replace(target)
        # A rename between two links to one file leaves both.
        made.unlink(missing_ok=True)
        sync_directory(target.parent)

    def _place(self, file: LockedFile, target: Path) -> None:
        blob = self._blobs.path(file.sha256)
        place(blob, target)
        found = target.stat()
        if found.st_ino != blob.stat().st_ino:
            self._blobs.record.add(found, file.sha256)

    def _under(self, directory: Path) -> Path:
        make_directory(directory)
        return directory


def extra_files(tree: Path, lock: ModelLock) -> Iterator[Path]:
    """What lies in the tree without being in the lock: files, and anything that is no directory."""
    expected = {tree / file.path for file in lock.files}
    for folder, folders, files in os.walk(tree):
        for name in [*files, *(name for name in folders if (Path(folder) / name).is_symlink())]:
            path = Path(folder) / name
            if path not in expected:
                yield path


def read_sealed(path: Path) -> ModelLock | None:
    """The lock of a snapshot; None when there is none. Raises: LockError when a byte of it changed."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    text, mark, seal = data.rpartition(_SEAL)
    if not mark or seal != hashlib.sha256(text).hexdigest().encode() + b"\n":
        raise _unusable(path, "its checksum is wrong")
    models = decode_lock(text, path).models
    if len(models) != 1:
        raise _unusable(path, "not one model")
    return models[0]


def _sealed(lock: ModelLock) -> bytes:
    text = encode_lock(LockFile(models=(lock,)))
    return text + _SEAL + hashlib.sha256(text).hexdigest().encode() + b"\n"


def _tensors(lock: ModelLock) -> int:
    return sum(len(file.tensors) for file in lock.files)


def _unusable(path: Path, reason: str) -> LockError:
    return refusal(LockError, "store.lock_unreadable", path=path, reason=reason)
