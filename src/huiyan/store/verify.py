"""Holding what lies on the disk against what the locks say.

Quick: sizes, and whether size, time and inode are those of a file that was hashed before; instant. Deep:
every byte is read. What is damaged is moved to damaged/, so that nothing loads it and the next pull
fetches it again.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from huiyan.errors import LockError, ModelNotInStoreError
from huiyan.messages import refusal
from huiyan.store.blobs import Blobs, hash_file
from huiyan.store.compose import Snapshot, Snapshots, extra_files
from huiyan.store.durable import failures_of, make_directory, move_away, remove
from huiyan.store.history import read_history, write_history
from huiyan.store.layout import Layout
from huiyan.store.locks import FileLock
from huiyan.store.pins import Pin
from huiyan.store.refs import Refs

DamageKind = Literal["missing", "size", "content", "extra", "lock", "reference", "history", "record"]


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """path: below the store's root, with forward slashes. model: whose it is, "" where that is not known."""

    path: str
    kind: DamageKind
    model: str = ""
    sha256: str = ""


class Verifier:
    """One run. `mark`: whether what is damaged is moved away; without it nothing is changed."""

    def __init__(
        self,
        layout: Layout,
        blobs: Blobs,
        snapshots: Snapshots,
        refs: Refs,
        *,
        deep: bool,
        mark: bool,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        """on_progress: told the bytes that were looked at, and how many there are."""
        self._layout = layout
        self._blobs = blobs
        self._snapshots = snapshots
        self._refs = refs
        self._deep = deep
        self._mark = mark
        self._on_progress = on_progress
        self._found: list[Damage] = []
        self._done_bytes = 0
        self._total_bytes = 0
        #: (device, inode) → digest of what was hashed in this run.
        self._hashed: dict[tuple[int, int], str] = {}

    def run(self, model_id: str | None) -> list[Damage]:
        """One model, or the whole store. Raises: ModelNotInStoreError, StoreError."""
        if model_id is not None and model_id not in self._refs.ids():
            raise refusal(ModelNotInStoreError, "store.no_model", id=model_id)
        self._blobs.record.reload()
        ids = [model_id] if model_id is not None else self._refs.ids()
        with failures_of(self._layout.root):
            if not self._blobs.record.is_whole():
                self._add(self._layout.verified, "record")
                if self._mark:
                    remove(self._layout.verified)
            for known in ids:
                self._check_references(known)
            digests = (
                {digest for known in ids for digest in self._refs.roots(known)}
                if model_id is not None
                else set(self._snapshots.all())
            )
            with Pin(self._layout, snapshots=digests):
                snapshots = [s for digest in sorted(digests) if (s := self._read(digest)) is not None]
                others = self._other_blobs(snapshots) if model_id is None and self._deep else []
                self._count(snapshots, others)
                for snapshot in snapshots:
                    self._check_snapshot(snapshot)
                for sha256 in others:
                    self._check_file(self._layout.blob(sha256), sha256, None, "")
        return self._found

    def _check_references(self, model_id: str) -> None:
        folder = self._layout.model(model_id)
        for name in ("current", "previous"):
            link = folder / name
            if not (link.is_symlink() or link.exists()):
                continue
            digest = self._refs.link(model_id, name)
            if digest is None or not self._belongs(digest, model_id):
                self._add(link, "reference", model_id)
        history = folder / "history.jsonl"
        entries, whole = read_history(history)
        if not whole:
            self._add(history, "history", model_id)
            if self._mark:
                with self._shared(), FileLock(self._layout.refs_lock):
                    write_history(history, entries, tmp=self._layout.tmp)

    def _belongs(self, digest: str, model_id: str) -> bool:
        if not self._layout.snapshot(digest).is_dir():
            return False
        try:
            return self._snapshots.read(digest).id == model_id
        except (LockError, ModelNotInStoreError):
            # Its list is damaged or missing, which is said of the list.
            return True

    def _read(self, digest: str) -> Snapshot | None:
        path = self._layout.snapshot_lock(digest)
        try:
            return self._snapshots.read(digest)
        except ModelNotInStoreError:
            if self._layout.snapshot(digest).is_dir():
                self._add(path, "missing")
        except LockError:
            self._add(path, "lock")
            if self._mark:
                self._move_away(path)
        return None

    def _check_snapshot(self, snapshot: Snapshot) -> None:
        for extra in list(extra_files(snapshot.tree, snapshot.lock)):
            self._add(extra, "extra", snapshot.id)
            if self._mark:
                self._move_away(extra)
        for file in snapshot.lock.files:
            self._check_file(snapshot.tree / file.path, file.sha256, file.size_bytes, snapshot.id)
            if self._deep:
                self._check_file(self._layout.blob(file.sha256), file.sha256, file.size_bytes, snapshot.id)

    def _check_file(self, path: Path, sha256: str, size_bytes: int | None, model: str) -> None:
        kind = self._damage_of(path, sha256, size_bytes)
        if kind is None:
            return
        self._add(path, kind, model, sha256)
        if self._mark and kind != "missing":
            self._move_away(path)

    def _damage_of(self, path: Path, sha256: str, size_bytes: int | None) -> DamageKind | None:
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return "missing"
        if not stat.S_ISREG(found.st_mode):
            return "content"
        key = (found.st_dev, found.st_ino)
        if size_bytes is not None and found.st_size != size_bytes:
            return "size"
        if key not in self._hashed:
            if not self._deep and self._blobs.record.knows(found, sha256):
                self._advance(found.st_size)
                return None
            try:
                self._hashed[key] = hash_file(path, self._advance)
            except PermissionError:
                raise
            except OSError:
                # The disk cannot read it any more: as damaged as can be.
                return "content"
            if self._hashed[key] == sha256 and not self._blobs.record.knows(found, sha256):
                self._blobs.record.add(found, sha256)
        return None if self._hashed[key] == sha256 else "content"

    def _other_blobs(self, snapshots: list[Snapshot]) -> list[str]:
        named = {file.sha256 for snapshot in snapshots for file in snapshot.lock.files}
        return [sha256 for sha256 in self._blobs.all() if sha256 not in named]

    def _count(self, snapshots: list[Snapshot], others: list[str]) -> None:
        sizes: dict[tuple[int, int], int] = {}
        for path in self._paths(snapshots, others):
            with contextlib.suppress(OSError):
                found = path.lstat()
                sizes[found.st_dev, found.st_ino] = found.st_size
        self._total_bytes = sum(sizes.values())

    def _paths(self, snapshots: list[Snapshot], others: list[str]) -> Iterator[Path]:
        for snapshot in snapshots:
            for file in snapshot.lock.files:
                yield snapshot.tree / file.path
                if self._deep:
                    yield self._layout.blob(file.sha256)
        for sha256 in others:
            yield self._layout.blob(sha256)

    def _advance(self, size_bytes: int) -> None:
        self._done_bytes += size_bytes
        if self._on_progress is not None:
            self._on_progress(min(self._done_bytes, self._total_bytes), self._total_bytes)

    def _move_away(self, path: Path) -> None:
        with self._shared():
            make_directory(self._layout.damaged)
            with contextlib.suppress(FileNotFoundError):
                move_away(path, self._layout.damaged, f"{path.name[:16]}-")

    def _add(self, path: Path, kind: DamageKind, model: str = "", sha256: str = "") -> None:
        self._found.append(Damage(path=self._relative(path), kind=kind, model=model, sha256=sha256))

    def _relative(self, path: Path) -> str:
        return os.fspath(path.relative_to(self._layout.root))

    def _shared(self) -> FileLock:
        return FileLock(self._layout.store_lock, shared=True)
