"""Weights on disk: a folder of parts of at most 15 MiB, bf16, without the auxiliary head."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from nano.model import NanoVL

_PART_BYTES = 15 * 2**20
_BYTES_PER_WEIGHT = 2


def save(model: NanoVL, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[dict[str, Tensor]] = [{}]
    size_bytes = 0
    for name, weight in model.state_dict().items():
        if name.startswith("aux"):
            continue
        weight_bytes = weight.numel() * _BYTES_PER_WEIGHT
        if size_bytes + weight_bytes > _PART_BYTES:
            parts.append({})
            size_bytes = 0
        parts[-1][name] = weight.detach().to(torch.bfloat16).cpu()
        size_bytes += weight_bytes
    for number, part in enumerate(parts):
        torch.save(part, folder / f"part{number}.pt")


def load(folder: Path) -> dict[str, Tensor]:
    """Parameter name to weight."""
    weights: dict[str, Tensor] = {}
    for path in sorted(folder.glob("part*.pt")):
        weights.update(torch.load(path))
    return weights
