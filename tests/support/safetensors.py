"""Small safetensors files, made without the library: tests hold our reader against the format itself."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: Language and vision of Qwen3-VL-8B, bytes: what the proportions of the synthetic model are taken from.
VISION_8B_BYTES = 1_152_776_672
LANGUAGE_8B_BYTES = 16_381_470_720
VISION_8B_TENSORS = 351
LANGUAGE_8B_TENSORS = 399


def head(entries: Mapping[str, Any]) -> bytes:
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def encode(tensors: Mapping[str, bytes], *, metadata: Mapping[str, str] | None = None) -> bytes:
    """One dimension of U8 each, in the given order."""
    entries: dict[str, Any] = {} if metadata is None else {"__metadata__": dict(metadata)}
    position = 0
    for name, data in tensors.items():
        entries[name] = {
            "dtype": "U8",
            "shape": [len(data)],
            "data_offsets": [position, position + len(data)],
        }
        position += len(data)
    return head(entries) + b"".join(tensors.values())


def model_8b(*, scale: int = 2000, seed: int = 8) -> dict[str, bytes]:
    """Tensors by name with the 8B's counts and its share of vision: bytes divided by `scale`.

    The largest are the embedding and the head, as in the 8B; the others of a kind are of one size.
    """
    generator = random.Random(seed)
    table_bytes = 151_936 * 4096 * 2 // scale
    layer_bytes = (LANGUAGE_8B_BYTES // scale - 2 * table_bytes) // (LANGUAGE_8B_TENSORS - 2)
    vision_bytes = VISION_8B_BYTES // scale // VISION_8B_TENSORS
    sizes = {"model.language_model.embed_tokens.weight": table_bytes}
    for number in range(LANGUAGE_8B_TENSORS - 2):
        sizes[f"model.language_model.layers.{number // 11}.part{number % 11}.weight"] = layer_bytes
    for number in range(VISION_8B_TENSORS):
        sizes[f"model.visual.blocks.{number // 13}.part{number % 13}.weight"] = vision_bytes
    sizes["lm_head.weight"] = table_bytes
    return {name: generator.randbytes(size) for name, size in sizes.items()}


def shards(tensors: Mapping[str, bytes], *, count: int = 4) -> dict[str, bytes]:
    """Files of a model: `count` shards by bytes in the given order, and the index that names them."""
    total_bytes = sum(map(len, tensors.values()))
    parts: list[dict[str, bytes]] = [{} for _ in range(count)]
    position = 0
    for name, data in tensors.items():
        parts[min(count - 1, position * count // total_bytes)][name] = data
        position += len(data)
    names = [f"model-{number + 1:05}-of-{count:05}.safetensors" for number in range(count)]
    where = {name: names[number] for number, part in enumerate(parts) for name in part}
    index = {"metadata": {"total_size": total_bytes}, "weight_map": where}
    files = {name: encode(part) for name, part in zip(names, parts, strict=True)}
    return {**files, "model.safetensors.index.json": json.dumps(index).encode()}


def companions() -> dict[str, bytes]:
    """The small files beside the weights, as Qwen3-VL is published with them."""
    config = {"architectures": ["Qwen3VLForConditionalGeneration"], "model_type": "qwen3_vl"}
    return {
        "chat_template.json": b'{"chat_template": "{{ messages }}"}',
        "config.json": json.dumps(config).encode(),
        "generation_config.json": b'{"temperature": 0.7}',
        "merges.txt": b"#version: 0.2\n",
        "preprocessor_config.json": b'{"patch_size": 16}',
        "tokenizer.json": b'{"version": "1.0"}',
        "tokenizer_config.json": b'{"model_max_length": 262144}',
        "video_preprocessor_config.json": b'{"patch_size": 16}',
        "vocab.json": b"{}",
    }


def write(directory: Path, files: Mapping[str, bytes], only: Sequence[str] | None = None) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        if only is None or name in only:
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return directory
