"""A new vision encoder: those tensors of a model whose names begin with a prefix, and nothing else.

The release's lock pins the complete new model. Whether it is the model that is here but for those tensors is
seen from the two locks, before a byte of weights is fetched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from huiyan.errors import ComponentMismatchError, DigestMismatchError, StoreError
from huiyan.messages import refusal
from huiyan.store.compose import Snapshot
from huiyan.store.lock import LockedFile, ModelLock, decode_lock
from huiyan.store.snapshots import Store
from huiyan.store.tensors import read_header, tensor_digests
from huiyan.updates import patch_file
from huiyan.updates.feed import Component
from huiyan.updates.place import Place, into_blob

#: A lock is text; one with the digests of a hundred thousand tensors has about 12 MB.
_MAX_LOCK_BYTES: Final = 64 * 1024 * 1024
_WEIGHTS: Final = ".safetensors"

#: (bytes done, bytes in all)
OnBytes = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a release changes. tensors: by shard, those that are new. moved_bytes: of them."""

    lock: ModelLock
    tensors: Mapping[str, tuple[str, ...]]
    moved_bytes: int

    @property
    def nothing(self) -> bool:
        return not self.tensors


class Shards(Protocol):
    """Fetches blobs that a release does not carry itself, from where the model came from."""

    def fetch(self, lock: ModelLock, only: tuple[str, ...], on_bytes: OnBytes) -> None:
        """Bring every blob of `lock` into the store, and only what is missing. Raises: StoreError."""


def read_lock(component: Component, place: Place) -> ModelLock:
    """The lock that a release names, held against its digest.

    Raises: ReleaseFeedError, DigestMismatchError, LockError, ComponentMismatchError.
    """
    assert component.tensors is not None
    assert component.base is not None
    data = bytearray()
    for piece in place.pieces(component.tensors.lock):
        data += piece
        if len(data) > _MAX_LOCK_BYTES:
            break
    if hashlib.sha256(data).hexdigest() != component.tensors.lock_sha256:
        raise refusal(
            DigestMismatchError, "release_feed.other_lock", lock=component.tensors.lock, name=component.name
        )
    lock = decode_lock(bytes(data), component.tensors.lock).find(component.base.model)
    if lock is None:
        raise refusal(ComponentMismatchError, "fit.lock_without", model=component.base.model)
    return lock


def compare(component: Component, lock: ModelLock, here: Snapshot) -> Change:
    """What the release changes in the model that is here.

    Raises: ComponentMismatchError when it would change anything but its own tensors, or belongs to another
    configuration; TensorHeaderError.
    """
    assert component.tensors is not None
    assert component.base is not None
    prefix = component.tensors.prefix
    old = {file.path: file for file in here.lock.files}
    new = {file.path: file for file in lock.files}
    for path, sha256 in component.base.configs.items():
        if path not in old or old[path].sha256 != sha256:
            raise refusal(
                ComponentMismatchError,
                "fit.base",
                name=component.name,
                version=component.version,
                path=path,
                model=here.id,
            )
    if set(old) != set(new):
        odd = min(set(old) ^ set(new))
        raise refusal(ComponentMismatchError, "fit.files", model=here.id, odd=odd)
    changed: dict[str, tuple[str, ...]] = {}
    moved_bytes = 0
    for path, file in new.items():
        if file.sha256 == old[path].sha256:
            continue
        if not path.endswith(_WEIGHTS):
            raise refusal(ComponentMismatchError, "fit.no_weights", path=path, name=component.name)
        names = _changed(here.tree / path, old[path], file, prefix)
        header = read_header(here.tree / path).by_name()
        moved_bytes += sum(header[name].size_bytes for name in names)
        changed[path] = names
    return Change(lock=lock, tensors=changed, moved_bytes=moved_bytes)


def _changed(path: Path, old: LockedFile, new: LockedFile, prefix: str) -> tuple[str, ...]:
    before = old.tensors or tensor_digests(path)
    if set(before) != set(new.tensors):
        raise refusal(ComponentMismatchError, "fit.tensors", path=new.path)
    names = tuple(sorted(name for name, digest in new.tensors.items() if before[name] != digest))
    for name in names:
        if not name.startswith(prefix):
            raise refusal(ComponentMismatchError, "fit.prefix", name=name, prefix=prefix)
    return names


class VisionStaging:
    """Composes the new snapshot; blocks, for a thread. What was fetched is kept when it is interrupted."""

    def __init__(
        self,
        store: Store,
        component: Component,
        place: Place,
        *,
        shards: Shards | None = None,
        on_bytes: OnBytes = lambda done, total: None,
    ) -> None:
        """shards: for releases that name no files of their own."""
        self._store = store
        self._component = component
        self._place = place
        self._shards = shards
        self._on_bytes = on_bytes

    def plan(self) -> Change:
        """What it would change.

        Raises: ReleaseFeedError, ComponentMismatchError, StoreError and their kinds.
        """
        assert self._component.base is not None
        model_id = self._component.base.model
        here = self._store.current(model_id)
        if here is None:
            raise refusal(
                ComponentMismatchError, "fit.not_in_store", name=self._component.name, model=model_id
            )
        return compare(self._component, read_lock(self._component, self._place), here)

    def run(self) -> str:
        """Digest of the new snapshot, complete and verified. Raises: as `plan`, and DiskFullError."""
        change = self.plan()
        here = self._store.current(change.lock.id)
        assert here is not None
        with self._store.pin(change.lock):
            if self._component.files:
                self._patch(change, here)
            elif self._shards is not None:
                assert self._component.tensors is not None
                self._shards.fetch(change.lock, (self._component.tensors.prefix + "*",), self._on_bytes)
            else:
                raise refusal(StoreError, "fit.no_hub", name=self._component.name)
            digest = self._store.compose(change.lock)
        tree = self._store.tree(digest)
        for path in change.tensors:
            patch_file.check_forms(read_header(tree / path), read_header(here.tree / path))
        return digest

    def _patch(self, change: Change, here: Snapshot) -> None:
        blobs = self._store.blobs
        total = sum(file.size_bytes for file in self._component.files)
        done = 0

        def on_piece(size_bytes: int) -> None:
            nonlocal done
            done += size_bytes
            self._on_bytes(min(done, total), total)

        on_piece(0)

        carried = {file.path: file for file in self._component.files}
        for path, names in change.tensors.items():
            locked = change.lock.file(path)
            if blobs.has(locked.sha256, locked.size_bytes):
                continue
            if path not in carried:
                raise refusal(ComponentMismatchError, "fit.not_brought", path=path)
            patch = into_blob(self._place, carried[path], blobs, on_piece)
            with blobs.open_partial(locked.sha256, locked.size_bytes) as partial:
                if partial.missing():
                    patch_file.apply(
                        patch,
                        here.tree / path,
                        size_bytes=locked.size_bytes,
                        names=names,
                        write=partial.write,
                    )
                partial.finish()
