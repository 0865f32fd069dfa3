"""What vLLM will make of a model, a card and its flags: the figures of its start, before it starts."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from huiyan.hardware.gpu import Gpu
from huiyan.hardware.model_shape import ModelShape
from huiyan.hardware.plan import memory
from huiyan.hardware.plan.flags import VllmFlags
from huiyan.messages import Text

#: bfloat16 on tensor cores; below it vLLM refuses the published weights.
BF16_CAPABILITY: Final = (8, 0)
#: 8-bit KV cache of the Triton and FlashAttention backends (vllm/v1/attention/backends/triton_attn.py).
FP8_KV_CAPABILITY: Final = (8, 9)


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes and tokens. weights_bytes: as 'Model loading took'. activation_bytes: peak of the profile run and
    what is not torch's, both within `requested_bytes`. graphs_bytes and encoder_bytes: beyond it.

    kv_bytes: 'Available KV cache memory'. kv_tokens: 'GPU KV cache size'. max_concurrency: requests of
    max_model_len at once. needed_bytes: of the card's free memory, everything together. reason: why it does
    not fit; None when it does.
    """

    weights_bytes: int
    activation_bytes: int
    graphs_bytes: int
    encoder_bytes: int
    requested_bytes: int
    needed_bytes: int
    kv_bytes: int
    kv_tokens: int
    max_concurrency: float
    reason: Text | None = None

    @property
    def fits(self) -> bool:
        return self.reason is None


def predict(shape: ModelShape, gpu: Gpu, flags: VllmFlags) -> Prediction:
    """What vLLM 0.25.1 reports for this configuration on this card, and whether it starts.

    Only arithmetic: nothing is looked at. Source of every term: `huiyan.hardware.plan.memory`.
    """
    weights = memory.load_bytes(shape, flags)
    profile = memory.profile_bytes(shape, flags)
    activation = profile + memory.NON_TORCH_BYTES
    encoder = memory.encoder_bytes(shape, flags)
    graphs = memory.graphs_bytes(shape, flags)
    if flags.kv_cache_memory_bytes is not None:
        kv_bytes = flags.kv_cache_memory_bytes
        requested = weights + activation + kv_bytes
    else:
        requested = math.ceil(gpu.cuda_total_bytes * flags.gpu_memory_utilization)
        kv_bytes = max(0, requested - weights - activation)
    per_token = shape.kv_bytes_per_token(flags.kv_cache_dtype)
    tokens = memory.kv_tokens(kv_bytes, per_token)
    blocks = memory.request_blocks(flags.max_model_len)
    # The encoder runs when the profile's activations are free again: only its excess is new.
    beyond = graphs + max(0, encoder - profile) + memory.CUDA_CONTEXT_BYTES
    beyond += memory.buffers_bytes(shape, flags)
    if flags.gpu_preprocessing:
        beyond += memory.GPU_PREPROCESSING_BYTES
    found = Prediction(
        weights_bytes=weights,
        activation_bytes=activation,
        graphs_bytes=graphs,
        encoder_bytes=encoder,
        requested_bytes=requested,
        needed_bytes=requested + beyond,
        kv_bytes=kv_bytes,
        kv_tokens=tokens,
        max_concurrency=tokens / memory.BLOCK_TOKENS / blocks,
    )
    return msgspec.structs.replace(found, reason=_why_not(shape, gpu, flags, found))


def _why_not(shape: ModelShape, gpu: Gpu, flags: VllmFlags, found: Prediction) -> Text | None:
    """The first thing that is in the way, in the order in which vLLM would meet them."""
    if gpu.capability < BF16_CAPABILITY:
        return Text("plan.why.capability", {"found": gpu.compute_capability, "needed": "8.0"})
    if flags.kv_cache_dtype == "fp8" and gpu.capability < FP8_KV_CAPABILITY:
        return Text("plan.why.fp_kv", {"found": gpu.compute_capability, "needed": "8.9"})
    if flags.max_model_len > shape.text.context_tokens:
        return Text("plan.why.context", {"asked": flags.max_model_len, "native": shape.text.context_tokens})
    at_start = found.requested_bytes + memory.CUDA_CONTEXT_BYTES
    if at_start > gpu.memory_free_bytes:
        return Text("plan.why.busy", {"needed": gib(at_start), "free": gib(gpu.memory_free_bytes)})
    if found.kv_bytes <= 0:
        return Text(
            "plan.why.weights",
            {
                "weights": gib(found.weights_bytes),
                "activation": gib(found.activation_bytes),
                "requested": gib(found.requested_bytes),
            },
        )
    blocks = memory.request_blocks(flags.max_model_len)
    if found.kv_tokens < blocks * memory.BLOCK_TOKENS:
        per_token = shape.kv_bytes_per_token(flags.kv_cache_dtype)
        return Text(
            "plan.why.cache",
            {
                "context": flags.max_model_len,
                "needed": gib(blocks * memory.BLOCK_TOKENS * per_token),
                "left": gib(found.kv_bytes),
                "tokens": found.kv_tokens,
            },
        )
    if found.needed_bytes > gpu.memory_free_bytes:
        return Text(
            "plan.why.headroom",
            {
                "beyond": gib(found.needed_bytes - found.requested_bytes),
                "left": gib(gpu.memory_free_bytes - found.requested_bytes),
            },
        )
    return None


def gib(size_bytes: int) -> str:
    return f"{size_bytes / memory.GIB:.2f} GiB"
