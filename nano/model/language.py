"""The language model's layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nano.model.config import TextConfig
from nano.model.layers import LAYERS


class TextLayer(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        hidden, inner, head = config.hidden_size, config.intermediate_size, config.head_dim
        queries, keys = config.num_attention_heads * head, config.num_key_value_heads * head

        def linear(inputs: int, outputs: int) -> nn.Module:
            return nn.Linear(inputs, outputs, bias=False)

        def norm(width: int) -> nn.Module:
            return nn.RMSNorm(width, config.rms_norm_eps)

        self.self_attn = nn.ModuleDict(
            {
                "q_proj": linear(hidden, queries),
                "k_proj": linear(hidden, keys),
                "v_proj": linear(hidden, keys),
                "o_proj": linear(queries, hidden),
                "q_norm": norm(head),
                "k_norm": norm(head),
            }
        )
        self.mlp = nn.ModuleDict(
            {
                "gate_proj": linear(hidden, inner),
                "up_proj": linear(hidden, inner),
                "down_proj": linear(inner, hidden),
            }
        )
        self.input_layernorm, self.post_attention_layernorm = norm(hidden), norm(hidden)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        attention = ("q_proj", "k_proj", "v_proj", "q_norm", "k_norm", "o_proj")
        return LAYERS["text"](
            x,
            cos,
            sin,
            self.input_layernorm.weight,
            *(self.self_attn[name].weight for name in attention),
            self.post_attention_layernorm.weight,
            *(self.mlp[name].weight for name in ("gate_proj", "up_proj", "down_proj")),
        )


class LanguageModel(nn.Module):
    """Embedding, layers and norm; the output projection is the embedding."""

    def __init__(self, config: TextConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(vocabulary_size, config.hidden_size)
        self.layers = nn.ModuleList(TextLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)

    def angles(self, positions: Tensor) -> Tensor:
        """Interleaved multimodal rotary embedding.

        positions: [3, rows, tokens] for time, height, width. Returns [rows, 1, tokens, head_dim].
        """
        head = self.config.head_dim
        steps = torch.arange(0, head, 2, device=positions.device).float() / head
        by_axis = positions[..., None].float() * (1.0 / self.config.rope_theta**steps)
        mixed = by_axis[0].clone()
        for axis in (1, 2):
            end = self.config.mrope_section[axis] * 3
            mixed[..., axis:end:3] = by_axis[axis][..., axis:end:3]
        return mixed.repeat(1, 1, 2)[:, None]
