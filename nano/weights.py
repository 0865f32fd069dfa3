"""A model's safetensors file, read and rewritten in place of some tensors."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

TOWER = "model.visual."


def read(path: Path) -> dict[str, Tensor]:
    """Every tensor of a bf16 file by its name."""
    start, entries = _header(path)
    data = bytearray(path.read_bytes())
    weights: dict[str, Tensor] = {}
    for name, entry in entries.items():
        count, offset = math.prod(entry["shape"]), start + entry["data_offsets"][0]
        flat = torch.frombuffer(data, dtype=torch.bfloat16, count=count, offset=offset)
        weights[name] = flat.reshape(entry["shape"])
    return weights


def write_tower(old: Path, new: Path, tower: Mapping[str, Tensor]) -> None:
    """Write `new`: `old`, byte for byte, but for the tensors of `tower`, which lie below `TOWER`.

    Raises: ValueError when a tensor is not one of the tower's or has another size.
    """
    start, entries = _header(old)
    data = bytearray(old.read_bytes())
    for name, tensor in tower.items():
        begin, end = (start + offset for offset in entries[name]["data_offsets"])
        raw = tensor.detach().to("cpu", torch.bfloat16).contiguous().view(torch.uint8).numpy().tobytes()
        if len(raw) != end - begin or not name.startswith(TOWER):
            raise ValueError(f"{name} does not fit")
        data[begin:end] = raw
    new.write_bytes(data)


def _header(path: Path) -> tuple[int, dict[str, Any]]:
    """(offset of the first tensor's bytes, entry by name)."""
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        entries = json.loads(file.read(size))
    return 8 + size, {name: entry for name, entry in entries.items() if name != "__metadata__"}
