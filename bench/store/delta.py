"""Bytes that an update of the vision tower moves, of a synthetic model with Qwen3-VL-8B's proportions."""

from __future__ import annotations

import tempfile
from pathlib import Path

from huiyan.sources.huggingface import HuggingFace
from huiyan.sources.offline import Network
from huiyan.sources.pull import Wish, pull
from huiyan.sources.transfer import Transfer, TransferOptions
from huiyan.store.snapshots import Store
from huiyan.testing.hub import FakeHub
from huiyan.testing.hub_models import safetensors, small_model, some_bytes

#: Bytes of the 8B: 351 tensors of the vision tower, 36 layers of 11 tensors, embedding and head.
VISION_BYTES, TEXT_BYTES = 1_152_776_672, 16_381_470_720
VISION_TENSORS, TEXT_TENSORS = 351, 398
SHARDS = 4


def model(scale: int, vision_seed: str) -> dict[str, bytes]:
    """As published: the vision tower lies in one shard, after its share of the text."""
    text = TEXT_BYTES // scale // TEXT_TENSORS
    vision = VISION_BYTES // scale // VISION_TENSORS
    shards: list[dict[str, bytes]] = [{} for _ in range(SHARDS)]
    for number in range(TEXT_TENSORS):
        name = f"model.language_model.tensors.{number}"
        shards[number * SHARDS // TEXT_TENSORS][name] = some_bytes(text, name)
    for number in range(VISION_TENSORS):
        name = f"model.visual.tensors.{number}"
        shards[-1][name] = some_bytes(vision, f"{name} {vision_seed}")
    files = {path: data for path, data in small_model().items() if not path.endswith(".safetensors")}
    for number, tensors in enumerate(shards):
        files[f"model-{number + 1:05}-of-{SHARDS:05}.safetensors"] = safetensors(tensors)
    return files


def measure(scale: int = 64) -> dict[str, float]:
    """By the tensors that were named, and by the digests of a lock; and what two snapshots share on disk."""
    transfer = Transfer(TransferOptions(), Network())
    with tempfile.TemporaryDirectory() as directory, FakeHub() as hub:
        old, new = model(scale, "old"), model(scale, "new")
        held = hub.add("bench/model", old)
        source = HuggingFace(Network(), hub.url, token_path=Path("/nonexistent"))
        stores = [Store(Path(directory) / name) for name in ("named", "locked", "elsewhere")]
        for store in stores[:2]:
            pull(store, [source], Wish(model_id="bench/model"), transfer=transfer)
        held.push(new)
        named = pull(
            stores[0],
            [source],
            Wish(model_id="bench/model", only=("model.visual.*",)),
            transfer=transfer,
        )
        lock = pull(stores[2], [source], Wish(model_id="bench/model"), transfer=transfer).lock
        locked = pull(stores[1], [source], Wish(model_id="bench/model", locked=lock), transfer=transfer)
        vision = sum(len(data) for name, data in _tensors(new) if name.startswith("model.visual."))
        usage = stores[0].usage()
        return {
            "model_bytes": named.lock.size_bytes,
            "vision_bytes": vision,
            "moved_by_name_bytes": named.moved_bytes,
            "moved_by_lock_bytes": locked.moved_bytes,
            "logical_bytes": usage.logical_bytes,
            "stored_bytes": usage.stored_bytes,
            "saved_bytes": usage.saved_bytes,
            "whole_shards": len(named.whole) + len(locked.whole),
        }


def _tensors(files: dict[str, bytes]) -> list[tuple[str, bytes]]:
    from huiyan.store.tensors import parse_header

    return [
        (tensor.name, data[tensor.start : tensor.stop])
        for path, data in files.items()
        if path.endswith(".safetensors")
        for tensor in parse_header(data, size_bytes=len(data)).tensors
    ]
