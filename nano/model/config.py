"""Sizes, in the names of transformers' Qwen3VLConfig."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextConfig:
    hidden_size: int = 320
    intermediate_size: int = 896
    num_hidden_layers: int = 8
    num_attention_heads: int = 6
    num_key_value_heads: int = 2
    head_dim: int = 64
    max_position_embeddings: int = 4096
    rms_norm_eps: float = 1e-6
    rope_theta: float = 100_000.0
    #: Frequencies for time, height and width.
    mrope_section: tuple[int, int, int] = (12, 10, 10)


@dataclass(frozen=True)
class VisionConfig:
    depth: int = 8
    hidden_size: int = 320
    intermediate_size: int = 1280
    num_heads: int = 5
    out_hidden_size: int = 320
    patch_size: int = 16
    spatial_merge_size: int = 2
    temporal_patch_size: int = 2
    #: A square grid that is interpolated.
    num_position_embeddings: int = 1024
    #: After these layers, features go to the first text layers as well.
    deepstack_visual_indexes: tuple[int, int] = (2, 5)

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_heads


TEXT = TextConfig()
VISION = VisionConfig()
