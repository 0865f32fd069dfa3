"""The smallest models that the launcher takes from a store: as GGUF and as safetensors, in two versions."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from huiyan.store.lock import LockedFile, ModelLock
from huiyan.store.snapshots import Store
from huiyan.store.tensors import tensor_digests
from tests.support import safetensors
from tests.support.vllm import CONFIG

_STRING, _UINT32, _F32 = 8, 4, 0


def gguf(metadata: dict[str, str | int], tensors: dict[str, bytes]) -> bytes:
    """A GGUF file; each tensor has one axis of 32-bit numbers. Source: ggml's docs/gguf.md."""
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        out += _text(key)
        if isinstance(value, str):
            out += struct.pack("<I", _STRING) + _text(value)
        else:
            out += struct.pack("<II", _UINT32, value)
    offset = 0
    for name, data in tensors.items():
        out += _text(name) + struct.pack("<IQIQ", 1, len(data) // 4, _F32, offset)
        offset += (len(data) + 31) // 32 * 32
    out += bytes(-len(out) % 32)
    for data in tensors.values():
        out += data + bytes(-len(data) % 32)
    return out


def gguf_files(version: int) -> dict[str, bytes]:
    """A model and its projector; from one version to the next the projector's numbers change."""
    language: dict[str, str | int] = {
        "general.architecture": "qwen3vl",
        "qwen3vl.context_length": 4096,
        "qwen3vl.embedding_length": 32,
    }
    vision: dict[str, str | int] = {
        "general.architecture": "clip",
        "clip.projector_type": "qwen3vl_merger",
        "clip.vision.projection_dim": 32,
        "clip.vision.patch_size": 16,
    }
    return {
        "tiny.gguf": gguf(language, {"token_embd.weight": b"same" * 3000}),
        "mmproj-tiny.gguf": gguf(vision, {"mm.0.weight": struct.pack("<I", version) * 30_000}),
    }


def safetensors_files(version: int) -> dict[str, bytes]:
    tensors = {
        "model.language_model.embed_tokens.weight": b"1" * 64_000,
        "model.visual.merger.weight": struct.pack("<I", version) * 10_000,
    }
    return {
        **safetensors.companions(),
        "config.json": json.dumps(CONFIG).encode(),
        "model.safetensors": safetensors.encode(tensors),
    }


def install(store: Store, directory: Path, model_id: str) -> str:
    """The files of a directory, as a pull leaves them; the snapshot's digest."""
    files = []
    for path in sorted(directory.iterdir()):
        sha256 = store.blobs.adopt(path, link=False)
        tensors = tensor_digests(path) if path.suffix == ".safetensors" else {}
        files.append(
            LockedFile(path=path.name, size_bytes=path.stat().st_size, sha256=sha256, tensors=tensors)
        )
    return store.install(ModelLock(source="local", id=model_id, files=tuple(files))).digest


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()
