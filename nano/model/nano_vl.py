"""The whole model, with the auxiliary head that makes it learn to read quickly."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nano.model.config import TEXT, VISION
from nano.model.language import LanguageModel
from nano.model.vision import VisionTower

_INIT_STD = 0.02
#: Projections back into the residual stream begin smaller.
_RESIDUAL_SCALE = 0.35
_RESIDUAL = ("o_proj.weight", "down_proj.weight", "attn.proj.weight", "mlp.linear_fc2.weight")


class Pictures(NamedTuple):
    """What the vision tower takes, and where its features go.

    patches: [pictures, patches, 768] (`to_patches`). rows, columns: of the patch grid.
    token_at: flat places of the picture tokens in [rows * tokens]. auxiliary: flat indices into
    [pictures * patches] for the character head, or None.
    """

    patches: Tensor
    rows: int
    columns: int
    token_at: Tensor
    auxiliary: Tensor | None


class NanoVL(nn.Module):
    def __init__(self, vocabulary_size: int, class_count: int) -> None:
        super().__init__()
        self.model = nn.ModuleDict(
            {"visual": VisionTower(VISION), "language_model": LanguageModel(TEXT, vocabulary_size)}
        )
        self.aux = nn.Linear(VISION.hidden_size, class_count)
        self.aux_norm = nn.LayerNorm(VISION.hidden_size)
        for name, parameter in self.named_parameters():
            if parameter.dim() >= 2:
                nn.init.normal_(parameter, std=_INIT_STD)
                if name.endswith(_RESIDUAL):
                    parameter.data.mul_(_RESIDUAL_SCALE)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(
        self, ids: Tensor, positions: Tensor, wanted: Tensor, pictures: Pictures | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """ids: [rows, tokens]; positions: [3, rows, tokens]; wanted: flat places in [rows * tokens].

        Returns (logits [wanted, vocabulary], logits [auxiliary, classes] or None).
        """
        language = self.model["language_model"]
        x = language.embed_tokens(ids)
        rows, tokens, hidden = x.shape
        deep: list[Tensor] = []
        auxiliary = None
        if pictures is not None:
            features, merged, deep = self.model["visual"](pictures.patches, pictures.rows, pictures.columns)
            flat = x.view(rows * tokens, hidden)
            x = flat.index_copy(0, pictures.token_at, merged.reshape(-1, hidden)).view(x.shape)
            if pictures.auxiliary is not None:
                chosen = features.reshape(-1, features.shape[-1])[pictures.auxiliary]
                auxiliary = self.aux(self.aux_norm(chosen))
        angles = language.angles(positions)
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        for i, layer in enumerate(language.layers):
            x = layer(x, cos, sin)
            if pictures is not None and i < len(deep):
                flat = x.reshape(rows * tokens, hidden)
                x = flat.index_add(0, pictures.token_at, deep[i].reshape(-1, hidden)).view(x.shape)
        x = language.norm(x.reshape(rows * tokens, hidden)[wanted])
        return F.linear(x, language.embed_tokens.weight), auxiliary


def to_patches(pixels: Tensor, dtype: torch.dtype) -> Tensor:
    """pixels: [pictures, height, width, 3], 0..255.

    Returns [pictures, patches, 768] in -1..1, merge order.
    """
    pictures, height, width, _ = pixels.shape
    x = pixels.to(torch.float32) / 127.5 - 1
    x = x.view(pictures, height // 32, 2, 16, width // 32, 2, 16, 3).permute(0, 1, 4, 2, 5, 7, 3, 6)
    return x.reshape(pictures, (height // 16) * (width // 16), 768).to(dtype)
