"""vLLM 0.25.1's use of GPU memory, term by term.

    requested  = ceil(utilisation x CUDA total)                       v1/worker/utils.py: request_memory
    KV cache   = requested - weights - peak of the profile run - what is not torch's
                                                     v1/worker/gpu_worker.py: determine_available_memory
    KV tokens  = floor(KV cache / (16 x bytes per token)) x 16        v1/core/kv_cache_utils.py

Dense models run in the second model runner (`VllmConfig.use_v2_model_runner`). Its profile run
(v1/worker/gpu/model_runner.py: profile_run) is one pass of the language model over
max_num_batched_tokens and one of the sampler over max_num_seqs. It runs NO vision encoder, and its estimate
of CUDA graphs is 0: both are taken from the card beyond `requested`, which is what the plan keeps free.

Every number that no source file gives is a constant here, with where it was measured, so that one place
changes when there are better measurements.
"""

from __future__ import annotations

import math
from typing import Final

from huiyan.hardware.model_shape import ModelShape
from huiyan.hardware.plan.flags import VllmFlags

MIB: Final = 1024**2
GIB: Final = 1024**3

#: Tokens of one block of the KV cache (`CacheConfig.block_size` on CUDA).
BLOCK_TOKENS: Final = 16

_BF16: Final = 2
_FP32: Final = 4

#: `MRotaryEmbedding` makes its table of cosines and sines for four times the native context.
_ROPE_TABLES: Final = 4

#: 'Model loading took' beyond parameters, rope table and deepstack buffers: 16.79 GiB were reported
#: where those are 16.77 (8B bf16), 7.23 where they are 7.19 (GPTQ).
LOAD_RESIDUE_BYTES: Final = 23 * MIB
LOAD_RESIDUE_INT4_BYTES: Final = 40 * MIB

#: CUDA modules, cuBLAS, Triton: what the process holds beside torch after the profile run. 20.28 GiB
#: requested - 16.79 - 2.29 - 0.94 (sampler at 1,024 sequences), and 20.28 - 7.23 - 11.85 - 0.94: 0.26 both
#: times.
NON_TORCH_BYTES: Final = 262 * MIB

#: A CUDA context, there before vLLM takes its first look at free memory: outside of `requested` for good.
#: Measured on an H100: 552,402,944 bytes (torch 2.11.0+cu130, driver 580.159).
CUDA_CONTEXT_BYTES: Final = 527 * MIB

#: Pictures resized on the GPU by the server process: a context of its own and its tensors, about 0.6 GiB.
GPU_PREPROCESSING_BYTES: Final = 614 * MIB

#: Graphs of one kind took 0.45 GiB for 51 sizes (decode only), two kinds 1.0 GiB.
GRAPH_BYTES: Final = 9 * MIB
GRAPH_KINDS: Final = 2
GRAPH_BASE_BYTES: Final = 64 * MIB


def load_bytes(shape: ModelShape, flags: VllmFlags) -> int:
    """What 'Model loading took' reports: weights, rope table, deepstack buffers."""
    text = shape.text
    rope = text.context_tokens * _ROPE_TABLES * text.head_dim * _BF16
    deepstack = shape.vision.deepstack_levels * flags.max_num_batched_tokens * text.hidden_size * _BF16
    packed = shape.quantization.method in ("gptq", "awq")
    residue = LOAD_RESIDUE_INT4_BYTES if packed else LOAD_RESIDUE_BYTES
    return shape.weights_bytes + rope + deepstack + residue


def profile_bytes(shape: ModelShape, flags: VllmFlags) -> int:
    """Peak of the profile run: the larger of language pass and sampler.

    Language: residual, normed input, gate, up and their product for every token of the batch.
    Sampler: logits of every sequence in bf16 and again in float32, while the batch's hidden states live.
    """
    text, tokens = shape.text, flags.max_num_batched_tokens
    language = tokens * (3 * text.hidden_size + 3 * text.intermediate_size) * _BF16
    rows = min(flags.max_num_seqs, tokens)
    hidden = (tokens + rows) * text.hidden_size * _BF16
    sampler = rows * text.vocab_size * (_BF16 + _FP32) + hidden
    return max(language, sampler)


def encoder_bytes(shape: ModelShape, flags: VllmFlags) -> int:
    """Vision encoder at work on as much as one step may take, and its cache of finished pictures.

    A step encodes up to max(max_num_batched_tokens, tokens of the largest picture) tokens
    (v1/core/encoder_cache_manager.py: compute_mm_encoder_budget); the cache holds as many. Per patch: the
    pixels, residual, normed input, and the MLP's width twice; per token: the output and one of each deepstack
    level.
    """
    if flags.images + flags.videos == 0:
        return 0
    vision = shape.vision
    tokens = encoder_budget_tokens(shape, flags)
    patches = tokens * vision.merge_size**2
    per_patch = vision.patch_elements + 2 * vision.hidden_size + 2 * vision.intermediate_size
    outputs = tokens * vision.out_hidden_size * (1 + vision.deepstack_levels) * _BF16
    return patches * per_patch * _BF16 + 2 * outputs


def buffers_bytes(shape: ModelShape, flags: VllmFlags) -> int:
    """Buffers made between loading and profiling, which neither figure counts: they lie beyond `requested`.

    A counter of every word for each sequence (v1/worker/gpu/sample/penalties.py), and the embeddings of a
    batch (v1/worker/gpu/mm/encoder_runner.py).
    """
    counters = flags.max_num_seqs * shape.text.vocab_size * 4
    return counters + flags.max_num_batched_tokens * shape.text.hidden_size * _BF16


def encoder_budget_tokens(shape: ModelShape, flags: VllmFlags) -> int:
    """Visual tokens that one step may encode."""
    return max(flags.max_num_batched_tokens, flags.image_max_pixels // shape.vision.token_edge_px**2)


def graph_sizes(flags: VllmFlags) -> int:
    """How many batch sizes are captured (config/vllm.py: _set_cudagraph_sizes)."""
    largest = min(flags.max_num_seqs * 2, 512, flags.max_num_batched_tokens)
    sizes = {size for size in (1, 2, 4) if size <= largest}
    sizes |= set(range(8, min(largest + 1, 256), 8)) | set(range(256, largest + 1, 16))
    if flags.max_num_batched_tokens <= largest:
        sizes.add(flags.max_num_batched_tokens)
    return len(sizes)


def graphs_bytes(shape: ModelShape, flags: VllmFlags) -> int:
    """CUDA graphs, none with --enforce-eager. Scaled by layers: the 8B's 36 were measured."""
    if flags.enforce_eager:
        return 0
    return GRAPH_BASE_BYTES + GRAPH_KINDS * graph_sizes(flags) * GRAPH_BYTES * shape.text.layers // 36


def kv_tokens(kv_bytes: int, bytes_per_token: int) -> int:
    """Tokens of as many whole blocks as fit."""
    return max(0, kv_bytes) // (BLOCK_TOKENS * bytes_per_token) * BLOCK_TOKENS


def request_blocks(max_model_len: int) -> int:
    """Blocks of one request of the longest kind."""
    return math.ceil(max_model_len / BLOCK_TOKENS)
