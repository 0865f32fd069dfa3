"""nano's files: those in the package, or what an update of one of its components has put into the store."""

from __future__ import annotations

from pathlib import Path

from huiyan import nano
from huiyan.store.lock import LockedFile, ModelLock
from huiyan.store.manifest import read_manifest
from huiyan.store.snapshots import Snapshot, Store


def built_in() -> ModelLock:
    """What comes with huiyan, as a lock. Raises: StoreError."""
    manifest = read_manifest(nano.MANIFEST_PATH)
    files = tuple(
        LockedFile(path=file.path, size_bytes=file.size_bytes, sha256=file.sha256) for file in manifest.files
    )
    return ModelLock(source="local", id=nano.STORE_ID, files=files)


def updated(store_dir: Path) -> Snapshot | None:
    """Nano in the store, if it is made of this huiyan's own language model and is whole.

    With a huiyan that brings another nano, what was updated before belongs to another model.
    """
    if not store_dir.is_dir():
        return None
    snapshot = Store(store_dir).current(nano.STORE_ID)
    if snapshot is None:
        return None
    found = {file.path: file for file in snapshot.lock.files}
    ours = {file.path: file for file in built_in().files}
    language_model = nano.MODEL_PATH.name
    if set(found) != set(ours) or found[language_model].sha256 != ours[language_model].sha256:
        return None
    for path, file in found.items():
        try:
            if (snapshot.tree / path).stat().st_size != file.size_bytes:
                return None
        except OSError:
            return None
    return snapshot


def in_store(store: Store) -> Snapshot:
    """Nano as it is active, brought into the store as it comes with huiyan where it is not there yet.

    Raises: StoreError, DiskFullError, DigestMismatchError.
    """
    here = updated(store.layout.root)
    if here is not None:
        return here
    return restore(store)


def restore(store: Store) -> Snapshot:
    """Make nano as it comes with huiyan the current one in the store. Raises: as `in_store`."""
    lock = built_in()
    with store.pin(lock):
        for file in lock.files:
            # A copy: an upgrade of huiyan may write to its own files in place.
            store.blobs.adopt(nano.DIRECTORY / file.path, link=False, sha256=file.sha256)
        return store.install(lock)


def as_snapshot() -> Snapshot:
    """Nano in the package, as if it lay in a store."""
    lock = built_in()
    return Snapshot(digest=lock.digest(), lock=lock, tree=nano.DIRECTORY)
