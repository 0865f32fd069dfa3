"""The vision tower: patches in, one feature for each square of four patches out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nano.model.config import VisionConfig
from nano.model.layers import LAYERS


class VisionBlock(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        hidden, inner = config.hidden_size, config.intermediate_size
        self.norm1, self.norm2 = nn.LayerNorm(hidden, 1e-6), nn.LayerNorm(hidden, 1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(hidden, 3 * hidden), "proj": nn.Linear(hidden, hidden)})
        self.mlp = nn.ModuleDict(
            {"linear_fc1": nn.Linear(hidden, inner), "linear_fc2": nn.Linear(inner, hidden)}
        )

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        linears = (self.attn["qkv"], self.attn["proj"], self.mlp["linear_fc1"], self.mlp["linear_fc2"])
        qkv, proj, fc1, fc2 = ((linear.weight, linear.bias) for linear in linears)
        norm1 = (self.norm1.weight, self.norm1.bias)
        norm2 = (self.norm2.weight, self.norm2.bias)
        return LAYERS["vision"](x, cos, sin, *norm1, *qkv, *proj, *norm2, *fc1, *fc2)


class Merger(nn.Module):
    """Four patches to one feature. norm_after: normalise the four together, not each alone."""

    def __init__(self, config: VisionConfig, *, norm_after: bool) -> None:
        super().__init__()
        self.norm_after = norm_after
        self.width = config.hidden_size * config.spatial_merge_size**2
        self.norm = nn.LayerNorm(self.width if norm_after else config.hidden_size, 1e-6)
        self.linear_fc1 = nn.Linear(self.width, self.width)
        self.linear_fc2 = nn.Linear(self.width, config.out_hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """x: [pictures, patches, hidden] in merge order; returns [pictures, patches / 4, out]."""
        x = x.reshape(x.shape[0], -1, self.width)
        four_apart = x.view(*x.shape[:2], 4, -1)
        x = self.norm(x) if self.norm_after else self.norm(four_apart).flatten(2)
        out: Tensor = self.linear_fc2(F.gelu(self.linear_fc1(x)))
        return out


class PatchEmbedding(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        kernel = (config.temporal_patch_size, config.patch_size, config.patch_size)
        self.proj = nn.Conv3d(3, config.hidden_size, kernel, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """x: [pictures, patches, 768]. A still picture is one frame twice: the kernels are summed."""
        return F.linear(x, self.proj.weight.sum(2).flatten(1), self.proj.bias)


class VisionTower(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.config = config
        self.patch_embed = PatchEmbedding(config)
        self.pos_embed = nn.Embedding(config.num_position_embeddings, config.hidden_size)
        self.blocks = nn.ModuleList(VisionBlock(config) for _ in range(config.depth))
        self.merger = Merger(config, norm_after=False)
        self.deepstack_merger_list = nn.ModuleList(
            Merger(config, norm_after=True) for _ in config.deepstack_visual_indexes
        )
        self._grids: dict[tuple[int, int], tuple[Tensor, Tensor, Tensor, Tensor]] = {}

    def forward(self, patches: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor, list[Tensor]]:
        """patches: [pictures, rows * columns, 768] in merge order.

        Returns (features of the last layer [pictures, patches, hidden], merged [pictures,
        patches / 4, out], the same merged after each deepstack layer).
        """
        table, weights, cos, sin = self._grid(rows, columns, patches.device)
        x = self.patch_embed(patches)
        x = x + (self.pos_embed(table) * weights[..., None].to(x.dtype)).sum(0)
        cos, sin = cos.to(x.dtype), sin.to(x.dtype)
        deep: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            x = block(x, cos, sin)
            if i in self.config.deepstack_visual_indexes:
                deep.append(self.deepstack_merger_list[len(deep)](x))
        return x, self.merger(x), deep

    def _grid(self, rows: int, columns: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """For each patch: the four nearest entries of the position table [4, patches] and their weights,
        and cos and sin of its 2-D rotary embedding [patches, head_dim]. Merge order.
        """
        key = (rows, columns)
        if key not in self._grids:
            order = torch.arange(rows * columns).view(rows // 2, 2, columns // 2, 2)
            order = order.transpose(1, 2).flatten()
            row, column = order // columns, order % columns
            self._grids[key] = tuple(
                tensor.to(device)
                for tensor in (
                    *self._interpolation(row, column, rows, columns),
                    *self._rotation(row, column),
                )
            )
        return self._grids[key]

    def _interpolation(self, row: Tensor, column: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        side = int(self.config.num_position_embeddings**0.5)
        y = torch.linspace(0, side - 1, rows)[row]
        x = torch.linspace(0, side - 1, columns)[column]
        top, left = y.long(), x.long()
        bottom, right = (top + 1).clamp(max=side - 1), (left + 1).clamp(max=side - 1)
        dy, dx = y - top, x - left
        corners = [
            top * side + left,
            top * side + right,
            bottom * side + left,
            bottom * side + right,
        ]
        weights = [(1 - dy) * (1 - dx), (1 - dy) * dx, dy * (1 - dx), dy * dx]
        return torch.stack(corners), torch.stack(weights)

    def _rotation(self, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
        half = self.config.head_dim // 2
        frequencies = 1.0 / 10000 ** (torch.arange(0, half, 2).float() / half)
        angles = torch.cat([row[:, None] * frequencies, column[:, None] * frequencies], 1).repeat(1, 2)
        return angles.cos(), angles.sin()
