"""Giving bytes back: what no reference, no pin and no running process needs.

Kept are the current and the previous snapshot of each model, the blobs they name, and what is pinned.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from huiyan.errors import LockError, ModelNotInStoreError
from huiyan.store.blobs import Blobs
from huiyan.store.compose import Snapshots
from huiyan.store.durable import failures_of, move_away, remove, sync_directory
from huiyan.store.layout import Layout
from huiyan.store.locks import FileLock
from huiyan.store.pins import read_pins
from huiyan.store.refs import Refs


class GcReport(msgspec.Struct, frozen=True, kw_only=True):
    """freed_bytes: what the disk got back, measured; files that are linked from elsewhere give nothing.

    undecided: snapshots that are needed and whose list of files is damaged: no blob was removed.
    """

    freed_bytes: int
    blobs: int
    snapshots: int
    partials: int
    undecided: tuple[str, ...] = ()


class Collector:
    def __init__(
        self,
        layout: Layout,
        blobs: Blobs,
        snapshots: Snapshots,
        refs: Refs,
        on_wait: Callable[[], None] | None = None,
    ) -> None:
        self._layout = layout
        self._blobs = blobs
        self._snapshots = snapshots
        self._refs = refs
        self._on_wait = on_wait

    def collect(self, *, dry_run: bool) -> GcReport:
        """Everything that is not needed. Waits for those who are adding just now. Raises: StoreError."""
        with self._exclusive(), failures_of(self._layout.root):
            self._tidy_models(dry_run=dry_run)
            pinned = read_pins(self._layout, clean=not dry_run)
            needed = self._needed() | pinned.snapshots
            snapshots = [] if pinned.everything else [d for d in self._snapshots.all() if d not in needed]
            kept, undecided = self._blobs_of(needed)
            may_remove = not (pinned.everything or undecided)
            kept |= pinned.blobs
            blobs = [d for d in self._blobs.all() if d not in kept] if may_remove else []
            freed = _Freed()
            self._remove_snapshots(snapshots, freed, dry_run=dry_run)
            self._remove_blobs(blobs, freed, dry_run=dry_run)
            partials = self._remove_partials(freed, dry_run=dry_run)
            for leftover in (self._layout.damaged, self._layout.tmp):
                freed.add(leftover)
                if not dry_run:
                    self._empty(leftover)
            if not dry_run:
                self._remove_lock_files()
                self._blobs.record.forget_others(set(self._inodes()))
        return GcReport(
            freed_bytes=freed.total(),
            blobs=len(blobs),
            snapshots=len(snapshots),
            partials=partials,
            undecided=tuple(undecided),
        )

    def forget(self, model_id: str) -> int:
        """Remove a model with every snapshot of it and the blobs that nothing else uses. Returns bytes freed.

        Partial downloads and what other models left behind stay for `collect`. Raises: ModelNotInStoreError.
        """
        own = self._refs.roots(model_id)
        if self._refs.resolve(model_id) == model_id or not self._left_of(model_id):
            self._refs.remove(model_id)
        with self._exclusive(), failures_of(self._layout.root):
            pinned = read_pins(self._layout, clean=True)
            needed = self._needed() | pinned.snapshots
            candidates = {d for d in self._snapshots.all() if d in own or self._is_of(d, model_id)}
            snapshots = [] if pinned.everything else sorted(candidates - needed)
            gone, _ = self._blobs_of(snapshots)
            kept, undecided = self._blobs_of(set(self._snapshots.all()) - set(snapshots))
            blobs = [] if undecided or pinned.everything else sorted(gone - kept - pinned.blobs)
            freed = _Freed()
            self._remove_snapshots(snapshots, freed, dry_run=False)
            self._remove_blobs(blobs, freed, dry_run=False)
        return freed.total()

    def _left_of(self, model_id: str) -> bool:
        """Whether an earlier `forget` was killed before it was through."""
        return any(self._is_of(digest, model_id) for digest in self._snapshots.all())

    def _needed(self) -> set[str]:
        return set().union(*(self._refs.roots(model_id) for model_id in self._refs.ids()))

    def _is_of(self, digest: str, model_id: str) -> bool:
        try:
            return self._snapshots.read(digest).id == model_id
        except (LockError, ModelNotInStoreError):
            return False

    def _blobs_of(self, digests: Iterable[str]) -> tuple[set[str], list[str]]:
        """The blobs that these snapshots name, and the snapshots that do not say."""
        blobs: set[str] = set()
        undecided = []
        for digest in sorted(digests):
            try:
                blobs |= {file.sha256 for file in self._snapshots.read(digest).lock.files}
            except LockError:
                undecided.append(digest)
            except ModelNotInStoreError:
                if self._layout.snapshot(digest).exists():
                    undecided.append(digest)
        return blobs, undecided

    def _tidy_models(self, *, dry_run: bool) -> None:
        """A first switch that was killed leaves a directory without `current`: no model, no roots."""
        for model_id in () if dry_run else self._refs.ids():
            folder = self._layout.model(model_id)
            link = folder / "current"
            if link.is_symlink() or link.exists():
                current = self._refs.current(model_id)
                if current is not None:
                    self._refs.settle_locked(model_id)
            else:
                remove(move_away(folder, self._layout.tmp))

    def _remove_snapshots(self, digests: list[str], freed: _Freed, *, dry_run: bool) -> None:
        for digest in digests:
            freed.add(self._layout.tree(digest))
            if not dry_run:
                remove(move_away(self._layout.snapshot(digest), self._layout.tmp))

    def _remove_blobs(self, digests: list[str], freed: _Freed, *, dry_run: bool) -> None:
        for digest in digests:
            path = self._layout.blob(digest)
            freed.add(path)
            if not dry_run:
                remove(path)
                with contextlib.suppress(OSError):
                    path.parent.rmdir()
        if digests and not dry_run:
            sync_directory(self._layout.blobs)

    def _remove_partials(self, freed: _Freed, *, dry_run: bool) -> int:
        """Those that nobody is writing."""
        count = 0
        for path in sorted(self._layout.partial.iterdir()) if self._layout.partial.is_dir() else ():
            lock = FileLock(self._layout.partial_lock(path.name))
            if not lock.try_acquire():
                continue
            try:
                count += 1
                freed.add(path)
                if not dry_run:
                    remove(path)
            finally:
                lock.release()
        return count

    def _remove_lock_files(self) -> None:
        folder = self._layout.locks / "partial"
        for path in folder.iterdir() if folder.is_dir() else ():
            lock = FileLock(path)
            if lock.try_acquire():
                lock.release(remove=True)

    def _empty(self, directory: Path) -> None:
        with contextlib.ExitStack() as stack:
            if directory == self._layout.tmp:
                # The one thing that is made there without the store's lock.
                stack.enter_context(FileLock(self._layout.record_lock))
            for path in directory.iterdir() if directory.is_dir() else ():
                remove(path)

    def _inodes(self) -> Iterable[int]:
        for top in (self._layout.blobs, self._layout.snapshots):
            for folder, _, files in os.walk(top):
                for name in files:
                    yield (Path(folder) / name).lstat().st_ino

    def _exclusive(self) -> FileLock:
        return FileLock(self._layout.store_lock, on_wait=self._on_wait)


class _Freed:
    """Bytes of the files whose every link is among those that go."""

    def __init__(self) -> None:
        self._links: dict[tuple[int, int], list[int]] = {}

    def add(self, path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            for folder, _, files in os.walk(path):
                for name in files:
                    self._add_file(Path(folder) / name)
        else:
            self._add_file(path)

    def _add_file(self, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            found = path.lstat()
            # A file with holes (one half fetched) gives back what it occupies.
            size_bytes = min(found.st_size, found.st_blocks * 512)
            entry = self._links.setdefault((found.st_dev, found.st_ino), [found.st_nlink, size_bytes])
            entry[0] -= 1

    def total(self) -> int:
        return sum(size_bytes for left, size_bytes in self._links.values() if left <= 0)
