"""The flags of an engine as values, and as the words of its command line."""

from __future__ import annotations

import json
from typing import Literal

import msgspec

from huiyan.hardware.images import DEFAULT_MAX_PIXELS, DEFAULT_MIN_PIXELS
from huiyan.hardware.model_shape import KvDtype

LoadStrategy = Literal["lazy", "eager", "prefetch"]


class VllmFlags(msgspec.Struct, frozen=True, kw_only=True):
    """What the planner decides about vLLM 0.25.1. Model, address and key are the engine's.

    gpu_memory_utilization: of the card's CUDA total; unused where kv_cache_memory_bytes is given, which
    overrides it. images, videos: per request. enforce_eager: no CUDA graphs. async_scheduling: None leaves
    it to vLLM. gpu_preprocessing: pictures are resized on the card; no flag of vLLM's, but memory.
    """

    max_model_len: int
    gpu_memory_utilization: float = 0.9
    kv_cache_memory_bytes: int | None = None
    max_num_seqs: int = 16
    max_num_batched_tokens: int = 8192
    images: int = 9
    videos: int = 1
    image_min_pixels: int = DEFAULT_MIN_PIXELS
    image_max_pixels: int = DEFAULT_MAX_PIXELS
    kv_cache_dtype: KvDtype = "auto"
    mm_processor_cache_gb: float = 4.0
    enforce_eager: bool = False
    async_scheduling: bool | None = None
    safetensors_load_strategy: LoadStrategy | None = None
    gpu_preprocessing: bool = False

    def arguments(self) -> list[str]:
        """Words for `vllm serve MODEL`, in a fixed order."""
        words = ["--max-model-len", str(self.max_model_len)]
        if self.kv_cache_memory_bytes is not None:
            words += ["--kv-cache-memory-bytes", str(self.kv_cache_memory_bytes)]
        else:
            words += ["--gpu-memory-utilization", f"{self.gpu_memory_utilization:.4f}".rstrip("0")]
        words += ["--max-num-seqs", str(self.max_num_seqs)]
        words += ["--max-num-batched-tokens", str(self.max_num_batched_tokens)]
        words += ["--limit-mm-per-prompt", _json({"image": self.images, "video": self.videos})]
        size = {"shortest_edge": self.image_min_pixels, "longest_edge": self.image_max_pixels}
        words += ["--mm-processor-kwargs", _json({"size": size})]
        words += ["--mm-processor-cache-gb", f"{self.mm_processor_cache_gb:g}"]
        if self.kv_cache_dtype != "auto":
            words += ["--kv-cache-dtype", self.kv_cache_dtype]
        if self.async_scheduling is not None:
            words.append("--async-scheduling" if self.async_scheduling else "--no-async-scheduling")
        if self.enforce_eager:
            words.append("--enforce-eager")
        if self.safetensors_load_strategy is not None:
            words += ["--safetensors-load-strategy", self.safetensors_load_strategy]
        return words


class LlamaCppFlags(msgspec.Struct, frozen=True, kw_only=True):
    """What the planner decides about llama.cpp. context_tokens: of one slot; the server gets the product."""

    context_tokens: int
    slots: int
    threads: int
    gpu_layers: int = 0
    image_min_tokens: int | None = None
    image_max_tokens: int | None = None

    def arguments(self) -> list[str]:
        """Words for `llama-server --model FILE --mmproj FILE`."""
        words = ["--ctx-size", str(self.context_tokens * self.slots), "--parallel", str(self.slots)]
        words += ["--threads", str(self.threads), "--n-gpu-layers", str(self.gpu_layers)]
        if self.image_min_tokens is not None:
            words += ["--image-min-tokens", str(self.image_min_tokens)]
        if self.image_max_tokens is not None:
            words += ["--image-max-tokens", str(self.image_max_tokens)]
        return words


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
