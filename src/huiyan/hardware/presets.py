"""Qwen3-VL's published shapes, so that a plan is possible before anything is fetched.

Sources: `config.json` of Qwen/Qwen3-VL-{2B,4B,8B,32B}-Instruct. The bytes that `ModelShape` computes from
them are those of the published indexes: 4,255,064,064 · 8,875,631,616 · 17,534,247,392 · 66,714,780,128.
Thinking variants have the same shapes.
"""

from __future__ import annotations

from typing import Final

import msgspec

from huiyan.hardware.model_shape import ModelShape, Quantization, TextShape, VisionShape

_VOCABULARY: Final = 151_936
_CONTEXT_TOKENS: Final = 262_144


def _small_tower(out: int) -> VisionShape:
    return VisionShape(depth=24, hidden_size=1024, intermediate_size=4096, out_hidden_size=out)


def _large_tower(out: int) -> VisionShape:
    return VisionShape(depth=27, hidden_size=1152, intermediate_size=4304, out_hidden_size=out)


def _text(layers: int, hidden: int, inner: int, heads: int, *, tied: bool) -> TextShape:
    return TextShape(
        layers=layers,
        hidden_size=hidden,
        intermediate_size=inner,
        attention_heads=heads,
        kv_heads=8,
        head_dim=128,
        vocab_size=_VOCABULARY,
        tied_embeddings=tied,
        context_tokens=_CONTEXT_TOKENS,
    )


#: By size, smallest first.
SHAPES: Final[dict[str, ModelShape]] = {
    "2B": ModelShape(
        name="Qwen3-VL-2B", text=_text(28, 2048, 6144, 16, tied=True), vision=_small_tower(2048)
    ),
    "4B": ModelShape(
        name="Qwen3-VL-4B", text=_text(36, 2560, 9728, 32, tied=True), vision=_small_tower(2560)
    ),
    "8B": ModelShape(
        name="Qwen3-VL-8B", text=_text(36, 4096, 12_288, 32, tied=False), vision=_large_tower(4096)
    ),
    "32B": ModelShape(
        name="Qwen3-VL-32B", text=_text(64, 5120, 25_600, 64, tied=False), vision=_large_tower(5120)
    ),
}

#: What the checkpoints come in: the publisher's bf16 and FP8, the community's 4 bits. `fp8-online` is what
#: vLLM's `--quantization fp8` makes of bf16 files while it loads them: every linear layer, the tower's, too.
QUANTIZATIONS: Final[dict[str, Quantization]] = {
    "bf16": Quantization(),
    "fp8": Quantization(method="fp8", bits=8),
    "gptq-int4": Quantization(method="gptq", bits=4),
    "fp8-online": Quantization(method="fp8", bits=8, vision=True),
    "awq-int4": Quantization(method="awq", bits=4),
}


def quantized(shape: ModelShape, quantization: str) -> ModelShape:
    """`shape` with other weights. Raises: KeyError for a name that is not in QUANTIZATIONS."""
    return msgspec.structs.replace(
        shape, quantization=QUANTIZATIONS[quantization], weights_from_files=None, vision_from_files=None
    )
