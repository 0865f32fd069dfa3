"""The sizes of a Qwen3-VL model from its configuration: weights by part, KV cache per token."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from huiyan.hardware.images import DEFAULT_MAX_PIXELS, DEFAULT_MIN_PIXELS

Method = Literal["none", "fp8", "gptq", "awq"]
KvDtype = Literal["auto", "fp8"]

_BF16_BYTES: Final = 2
#: FP8 checkpoints carry one float32 scale per 128 x 128 block (`weight_block_size` of the official ones).
_FP8_BLOCK: Final = 128 * 128
_FP8_SCALE_BYTES: Final = 4


class Quantization(msgspec.Struct, frozen=True, kw_only=True):
    """How the linear layers of the language model are stored; everything else stays bf16.

    bits: of one weight. group_size: weights that share a scale (GPTQ, AWQ). lm_head, vision: whether the head
    and the linear layers of the vision tower are, too (published copies leave both alone).
    """

    method: Method = "none"
    bits: int = 16
    group_size: int = 128
    lm_head: bool = False
    vision: bool = False

    def linear_bytes(self, elements: int) -> int:
        """Bytes of `elements` weights of linear layers, with scales and zero points."""
        if self.method == "none":
            return elements * _BF16_BYTES
        if self.method == "fp8":
            return elements + elements // _FP8_BLOCK * _FP8_SCALE_BYTES
        groups = elements // self.group_size
        return elements * self.bits // 8 + groups * _BF16_BYTES + groups * self.bits // 8


class TextShape(msgspec.Struct, frozen=True, kw_only=True):
    """`text_config`. context_tokens: max_position_embeddings."""

    layers: int
    hidden_size: int
    intermediate_size: int
    attention_heads: int
    kv_heads: int
    head_dim: int
    vocab_size: int
    tied_embeddings: bool
    context_tokens: int

    @property
    def linear_elements(self) -> int:
        """Weights of the linear layers of all blocks: what quantisation applies to."""
        attention = 2 * self.hidden_size * self.head_dim * (self.attention_heads + self.kv_heads)
        return self.layers * (attention + 3 * self.hidden_size * self.intermediate_size)

    @property
    def norm_elements(self) -> int:
        return self.layers * 2 * (self.head_dim + self.hidden_size) + self.hidden_size

    @property
    def embedding_elements(self) -> int:
        """Input embeddings: the head is counted apart."""
        return self.vocab_size * self.hidden_size


class VisionShape(msgspec.Struct, frozen=True, kw_only=True):
    """`vision_config`. deepstack_levels: how many blocks hand features to early text layers."""

    depth: int
    hidden_size: int
    intermediate_size: int
    out_hidden_size: int
    patch_size: int = 16
    temporal_patch_size: int = 2
    merge_size: int = 2
    in_channels: int = 3
    position_embeddings: int = 2304
    deepstack_levels: int = 3

    @property
    def patch_elements(self) -> int:
        """Numbers in one patch as the preprocessor hands it over."""
        return self.in_channels * self.temporal_patch_size * self.patch_size**2

    @property
    def elements(self) -> int:
        """Weights and biases of the vision tower, mergers included (`model.visual.*`)."""
        width, inner, merged = self.hidden_size, self.intermediate_size, self.hidden_size * self.merge_size**2
        norms_and_biases = 4 * width + 3 * width + width + inner + width
        biases = merged + self.out_hidden_size
        mergers = 2 * width + biases + self.deepstack_levels * (2 * merged + biases)
        patches = width * self.patch_elements + width + self.position_embeddings * width
        return self.linear_elements + self.depth * norms_and_biases + patches + mergers

    @property
    def linear_elements(self) -> int:
        """Weights of its linear layers, without biases."""
        width, inner, merged = self.hidden_size, self.intermediate_size, self.hidden_size * self.merge_size**2
        mergers = (1 + self.deepstack_levels) * merged * (merged + self.out_hidden_size)
        return self.depth * (4 * width * width + 2 * width * inner) + mergers

    @property
    def token_edge_px(self) -> int:
        return self.patch_size * self.merge_size


class ModelShape(msgspec.Struct, frozen=True, kw_only=True):
    """A model as the planner sees it.

    weights_from_files: total of the index or the headers, where they were read; otherwise computed.
    """

    name: str
    text: TextShape
    vision: VisionShape
    quantization: Quantization = Quantization()
    image_min_pixels: int = DEFAULT_MIN_PIXELS
    image_max_pixels: int = DEFAULT_MAX_PIXELS
    weights_from_files: int | None = None
    vision_from_files: int | None = None

    @property
    def vision_bytes(self) -> int:
        """The vision tower: bf16, unless the engine quantises everything while it loads."""
        whole = self.vision_from_files or self.vision.elements * _BF16_BYTES
        if not self.quantization.vision:
            return whole
        linear = self.vision.linear_elements
        return whole - linear * _BF16_BYTES + self.quantization.linear_bytes(linear)

    @property
    def embedding_bytes(self) -> int:
        """Embeddings and head."""
        one = self.text.embedding_elements
        head = 0 if self.text.tied_embeddings else one * _BF16_BYTES
        if head and self.quantization.lm_head:
            head = self.quantization.linear_bytes(one)
        return one * _BF16_BYTES + head

    @property
    def language_bytes(self) -> int:
        if self.weights_from_files is not None:
            return self.weights_from_files - self.vision_bytes
        blocks = self.quantization.linear_bytes(self.text.linear_elements)
        return blocks + self.text.norm_elements * _BF16_BYTES + self.embedding_bytes

    @property
    def weights_bytes(self) -> int:
        return self.vision_bytes + self.language_bytes

    def kv_bytes_per_token(self, dtype: KvDtype = "auto") -> int:
        """Keys and values of one token in all layers: 147,456 for 8B in bf16, half of it in fp8."""
        element = 1 if dtype == "fp8" else _BF16_BYTES
        return 2 * self.text.layers * self.text.kv_heads * self.text.head_dim * element
