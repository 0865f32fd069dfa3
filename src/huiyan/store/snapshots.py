"""The model store: what the rest of huiyan asks and tells it.

A pull, by whoever fetches: `with store.pin(lock)`: for each file `store.blobs.has` or `open_partial`, then
`store.install(lock)`. Every method may be called from several processes and threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from huiyan.errors import LockError, ModelFileMissingError, ModelNotInStoreError, StoreError
from huiyan.messages import refusal
from huiyan.store.archive import export_models, import_models
from huiyan.store.blobs import Blobs
from huiyan.store.compose import Snapshot, Snapshots
from huiyan.store.durable import can_clone, failures_of, make_directory
from huiyan.store.gc import Collector, GcReport
from huiyan.store.history import Entry
from huiyan.store.layout import Layout
from huiyan.store.lock import ModelLock
from huiyan.store.locks import FileLock
from huiyan.store.pins import Pin
from huiyan.store.record import VerifiedFiles
from huiyan.store.refs import Refs
from huiyan.store.usage import Usage, measure
from huiyan.store.verify import Damage, Verifier

__all__ = ["Damage", "Entry", "GcReport", "ModelInfo", "Snapshot", "Store", "Usage"]


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """digest: of the current snapshot. previous: what `rollback` goes back to. pulled_at: UTC, "" unknown.

    damaged: its list of files cannot be read; a pull mends it.
    """

    id: str
    digest: str
    size_bytes: int
    previous: str | None
    pulled_at: str
    damaged: bool = False


class Store:
    def __init__(self, root: Path, *, on_wait: Callable[[], None] | None = None) -> None:
        """on_wait: called while another process holds a lock that is needed; what it raises ends the wait."""
        self.layout = Layout(root)
        self.blobs = Blobs(self.layout, VerifiedFiles(self.layout))
        self._on_wait = on_wait
        self._snapshots = Snapshots(self.layout, self.blobs)
        self._refs = Refs(self.layout, on_wait)

    def pin(self, *locks: ModelLock, everything: bool = False) -> Pin:
        """Keep what these locks name from being collected, there already or not, until the pin is released.

        everything: for a pull whose digests are not known beforehand. Raises: StoreError, DiskFullError.
        """
        return Pin(
            self.layout,
            blobs={file.sha256 for lock in locks for file in lock.files},
            snapshots={lock.digest() for lock in locks},
            everything=everything,
        )

    def install(self, lock: ModelLock, on_bytes: Callable[[int], None] | None = None) -> Snapshot:
        """Compose and switch, with nothing collected between the two.

        Raises: ModelFileMissingError, LockError, DiskFullError, StoreError.
        """
        with FileLock(self.layout.store_lock, shared=True, on_wait=self._on_wait):
            digest = self.compose(lock, on_bytes)
            self.switch(lock.id, digest)
            return self.snapshot(digest)

    def compose(self, lock: ModelLock, on_bytes: Callable[[int], None] | None = None) -> str:
        """Make (or mend) the snapshot of a lock whose blobs are all there. Returns its digest.

        on_bytes: told the size of each piece of a blob that had to be hashed. Until `switch` only a pin
        keeps it. Raises: ModelFileMissingError, LockError, DiskFullError, StoreError.
        """
        return self._snapshots.compose(lock, on_bytes)

    def tree(self, digest: str) -> Path:
        """The directory with the model's files. Raises: ModelNotInStoreError, LockError."""
        return self.snapshot(digest).tree

    def snapshot(self, digest: str) -> Snapshot:
        """Raises: ModelNotInStoreError, LockError when its list of files is damaged."""
        return self._snapshots.read(digest)

    def switch(self, model_id: str, digest: str) -> None:
        """Make it current, in one step. Raises: ModelNotInStoreError, LockError, StoreError."""
        found = self.snapshot(digest).id
        if found != model_id:
            raise refusal(StoreError, "store.snapshot_of_other", digest=digest[:12], found=found, id=model_id)
        self._refs.switch(model_id, digest)

    def current(self, model_id: str) -> Snapshot | None:
        """None when the model is not here, or so damaged that only a pull can mend it."""
        known = self._refs.resolve(model_id)
        digest = None if known is None else self._refs.current(known)
        if digest is None:
            return None
        try:
            return self.snapshot(digest)
        except (LockError, ModelNotInStoreError):
            return None

    def previous(self, model_id: str) -> Snapshot | None:
        """What `rollback` goes back to."""
        known = self._refs.resolve(model_id)
        digest = None if known is None else self._refs.previous(known)
        if digest is None:
            return None
        try:
            return self.snapshot(digest)
        except (LockError, ModelNotInStoreError):
            return None

    def rollback(self, model_id: str) -> Snapshot:
        """Make the previous snapshot current; a second time goes forward again.

        Raises: ModelNotInStoreError, StoreError when there is no previous one.
        """
        known = self.known(model_id)
        previous = self.previous(known)
        if previous is None:
            raise refusal(StoreError, "store.no_previous", id=known)
        self._refs.switch(known, previous.digest, "rollback")
        return previous

    def models(self) -> list[ModelInfo]:
        """Every model that has a current snapshot, by id."""
        found = []
        for model_id in self._refs.ids():
            digest = self._refs.current(model_id)
            if digest is None:
                continue
            snapshot = self.current(model_id)
            entries = [entry for entry in self._refs.history(model_id) if entry.digest == digest]
            found.append(
                ModelInfo(
                    id=model_id,
                    digest=digest,
                    size_bytes=0 if snapshot is None else snapshot.size_bytes,
                    previous=self._refs.previous(model_id),
                    pulled_at=entries[-1].at if entries else "",
                    damaged=snapshot is None,
                )
            )
        return found

    def history(self, model_id: str) -> list[Entry]:
        """Switches and rollbacks, oldest first."""
        return self._refs.history(model_id)

    def resolve_name(self, model_id: str) -> str | None:
        """The exact-case id of what is here: `qwen/…` finds `Qwen/…`."""
        return self._refs.resolve(model_id)

    def known(self, model_id: str) -> str:
        """`resolve_name`, or an error. Raises: ModelNotInStoreError."""
        known = self.resolve_name(model_id)
        if known is None:
            raise refusal(ModelNotInStoreError, "store.no_model", id=model_id)
        return known

    def remove(self, model_id: str) -> int:
        """Remove a model, its snapshots, and the blobs that no other has. Returns the bytes that were freed.

        Raises: ModelNotInStoreError, StoreError.
        """
        return self._collector().forget(self.resolve_name(model_id) or model_id)

    def gc(self, *, dry_run: bool = False) -> GcReport:
        """Remove what nothing needs: kept are each model's current and previous snapshot, and what is pinned.

        Waits for those who are adding just now, not for downloads. Raises: StoreError.
        """
        return self._collector().collect(dry_run=dry_run)

    def export(
        self, model_ids: Sequence[str], target: Path, on_bytes: Callable[[int], None] | None = None
    ) -> Path:
        """The current snapshots of these models and their lock: a tar if `target` is named *.tar.

        on_bytes: told the size of each piece that was written. Raises: ModelNotInStoreError, StoreError
        when `target` exists or a file is damaged, DiskFullError.
        """
        snapshots = []
        for model_id in model_ids:
            snapshot = self.current(self.known(model_id))
            if snapshot is None:
                raise refusal(ModelFileMissingError, "store.blob_missing", id=model_id, path="lock.toml")
            snapshots.append(snapshot)
        with self.pin(*(snapshot.lock for snapshot in snapshots)):
            for snapshot in snapshots:
                self.compose(snapshot.lock)
            return export_models(self.blobs, [snapshot.lock for snapshot in snapshots], target, on_bytes)

    def import_archive(self, path: Path, on_bytes: Callable[[int], None] | None = None) -> list[Snapshot]:
        """What `export` wrote, checked by the lock in it, made current. Returns the snapshots.

        on_bytes: told the size of each piece that was read. Raises: ArchiveRefusedError, DiskFullError,
        StoreError.
        """
        with self.pin(everything=True):
            return [self.install(lock) for lock in import_models(self.blobs, path, on_bytes).models]

    def verify(
        self,
        model_id: str | None = None,
        *,
        deep: bool,
        mark: bool = True,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[Damage]:
        """What is not as the locks say, in one model or in the whole store; empty: all is well.

        deep: read every byte; otherwise only files that changed since they were hashed. mark: move what is
        damaged to damaged/, so that nothing loads it and a pull fetches it again.
        on_progress: (bytes done, bytes in all). Raises: ModelNotInStoreError, StoreError.
        """
        verifier = Verifier(
            self.layout,
            self.blobs,
            self._snapshots,
            self._refs,
            deep=deep,
            mark=mark,
            on_progress=on_progress,
        )
        return verifier.run(None if model_id is None else self.known(model_id))

    def usage(self) -> Usage:
        """Measured anew at each call. Raises: StoreError."""
        with failures_of(self.layout.tmp), FileLock(self.layout.store_lock, shared=True):
            make_directory(self.layout.tmp)
            return measure(self.layout, self.blobs, self._readable(), clones=can_clone(self.layout.tmp))

    def _readable(self) -> list[Snapshot]:
        found = []
        for digest in self._snapshots.all():
            try:
                found.append(self.snapshot(digest))
            except (LockError, ModelNotInStoreError):
                continue
        return found

    def _collector(self) -> Collector:
        return Collector(self.layout, self.blobs, self._snapshots, self._refs, self._on_wait)
