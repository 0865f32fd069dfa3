"""The Qwen3-VL architecture for training: pictures of one size in a batch, text padded on the right.

Parameter names equal those of transformers' Qwen3VLForConditionalGeneration, so the state can be
loaded there unchanged; the auxiliary head is dropped.
"""

from __future__ import annotations

from nano.model.config import TEXT, VISION
from nano.model.nano_vl import NanoVL, to_patches

__all__ = ["TEXT", "VISION", "NanoVL", "to_patches"]
