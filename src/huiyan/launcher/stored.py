"""The store as a start sees it: the directory of a model that is there, whole enough to be loaded.

Safetensors are the business of the engine that reads them: `stored_model` gives it the directory, too.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from huiyan.errors import DigestMismatchError
from huiyan.messages import refusal
from huiyan.store import catalogue, companions
from huiyan.store.lock import ModelLock
from huiyan.store.snapshots import Store


class StoredModel(msgspec.Struct, frozen=True, kw_only=True):
    """id: exact case. directory: of its current snapshot; a later switch does not change what lies there."""

    id: str
    digest: str
    directory: Path
    lock: ModelLock

    @property
    def is_gguf(self) -> bool:
        return any(file.path.lower().endswith(".gguf") for file in self.lock.files)


def stored_model(store_dir: Path, name: str, *, engine: str) -> StoredModel | None:
    """What `name` stands for on this engine; None when it is not in the store.

    name: in any case; without its owner where the catalogue knows one alone. engine: as the catalogue has it;
    the same model in that engine's format is taken where the name itself is not here in it.
    Raises: SnapshotIncompleteError, DigestMismatchError for a file of another size, StoreError.
    """
    if not store_dir.is_dir():
        return None
    store = Store(store_dir)
    found: StoredModel | None = None
    for candidate in (catalogue.exact_id(name), catalogue.for_engine(name, engine)):
        model = _current(store, catalogue.split_variant(candidate)[0])
        if model is not None and (found is None or model.is_gguf == (engine == "llama_cpp")):
            found = model
    if found is None:
        return None
    companions.check(found.directory, model_id=found.id)
    for file in found.lock.files:
        if (found.directory / file.path).stat().st_size != file.size_bytes:
            raise refusal(DigestMismatchError, "models.wrong_size", id=found.id, path=file.path)
    return found


def _current(store: Store, model_id: str) -> StoredModel | None:
    known = store.resolve_name(model_id)
    snapshot = None if known is None else store.current(known)
    if known is None or snapshot is None:
        return None
    return StoredModel(id=known, digest=snapshot.digest, directory=snapshot.tree, lock=snapshot.lock)
