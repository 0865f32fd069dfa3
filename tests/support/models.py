"""Small models for a store: files made from a seed, and their locks."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from pathlib import Path

from huiyan.store.lock import LockedFile, ModelLock
from huiyan.store.snapshots import Snapshot, Store

MODEL_ID = "Qwen/Tiny-VL"


def files_of(version: int, *, big_bytes: int = 200_000) -> dict[str, bytes]:
    """A model of six files; from one version to the next the weights' second shard and one text change."""
    same = random.Random("the same in every version")
    own = random.Random(version)
    return {
        "config.json": b'{"model_type": "qwen3_vl"}\n',
        "chat_template.jinja": f"version {version}\n".encode(),
        "model-00001-of-00002.safetensors": same.randbytes(big_bytes),
        "model-00002-of-00002.safetensors": own.randbytes(big_bytes // 2),
        "nested/dir/tokenizer.json": same.randbytes(3000),
        "empty.txt": b"",
    }


def lock_of(files: Mapping[str, bytes], *, model_id: str = MODEL_ID, source: str = "modelscope") -> ModelLock:
    return ModelLock(
        source=source,
        endpoint="https://hub.example",
        id=model_id,
        revision="master",
        files=tuple(
            LockedFile(path=path, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
            for path, data in sorted(files.items())
        ),
    )


def fetch(store: Store, files: Mapping[str, bytes], *, model_id: str = MODEL_ID) -> Snapshot:
    """A pull from memory, the way every pull goes: pinned, in pieces, what is there is not fetched again."""
    lock = lock_of(files, model_id=model_id)
    with store.pin(lock):
        for file in lock.files:
            with store.blobs.open_partial(file.sha256, file.size_bytes) as partial:
                for start, stop in partial.missing():
                    for at in range(start, stop, 60_000):
                        partial.write(at, files[file.path][at : min(at + 60_000, stop)])
                partial.finish()
        return store.install(lock)


def tree_bytes(tree: Path) -> dict[str, bytes]:
    return {
        path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file()
    }
