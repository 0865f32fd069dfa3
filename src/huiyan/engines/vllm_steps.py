"""One step down: what vLLM is started with after it found its memory too small."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import msgspec

from huiyan.engines.child_spec import Failure
from huiyan.engines.vllm import VllmEngine
from huiyan.engines.vllm_failures import MEMORY_CODES, suggested_context

#: A context below this is of no use with pictures.
_MIN_CONTEXT_TOKENS: Final = 2048
_CONTEXT_STEP_TOKENS: Final = 256
_MIN_FRACTION: Final = 0.1
_FRACTION_STEP: Final = 0.07
#: Left to the driver and to programs that grow a little.
_SPARE_GIB: Final = 0.5
_SMALL_BATCH_TOKENS: Final = 2048
_SMALL_IMAGE_TOKENS: Final = 1280
_NO_ROOM: Final = "No available memory for the cache blocks"
_BUSY: Final = re.compile(r"Only ([\d.]+) of ([\d.]+) GiB")


def lower(engine: VllmEngine, failure: Failure) -> tuple[VllmEngine, str] | None:
    """(the engine with less, what was lowered); None where nothing of this kind would help."""
    if failure.code not in MEMORY_CODES:
        return None
    if failure.code == "engine_context_too_large":
        return _shorter(engine, suggested_context(failure.message))
    if failure.code == "engine_gpu_busy":
        return _beside_others(engine, failure.message)
    if failure.code == "engine_gpu_out_of_memory":
        return _smaller(engine, failure.message)
    return None


def _shorter(engine: VllmEngine, fits: int | None) -> tuple[VllmEngine, str] | None:
    context = (fits or engine.card.context_tokens // 2) // _CONTEXT_STEP_TOKENS * _CONTEXT_STEP_TOKENS
    if not _MIN_CONTEXT_TOKENS <= context < engine.card.context_tokens:
        return None
    card = msgspec.structs.replace(engine.card, context_tokens=context)
    return replace(engine, card=card), f"context {context} tokens"


def _beside_others(engine: VllmEngine, message: str) -> tuple[VllmEngine, str] | None:
    found = _BUSY.search(message)
    if found is None:
        return None
    fraction = int(100 * (float(found[1]) - _SPARE_GIB) / float(found[2])) / 100
    if not _MIN_FRACTION <= fraction < (engine.settings.gpu_memory_fraction or 1.0):
        return None
    return _with(engine, gpu_memory_fraction=fraction), f"{fraction:.0%} of the GPU's memory"


def _smaller(engine: VllmEngine, message: str) -> tuple[VllmEngine, str] | None:
    """What costs least first: smaller steps, smaller pictures, less cache, no graphs."""
    settings, card = engine.settings, engine.card
    if settings.kv_cache_bytes is not None:
        return _with(engine, kv_cache_bytes=None), "the cache's size is left to vLLM"
    if settings.max_batched_tokens is None or settings.max_batched_tokens > _SMALL_BATCH_TOKENS:
        return _with(engine, max_batched_tokens=_SMALL_BATCH_TOKENS), f"steps of {_SMALL_BATCH_TOKENS} tokens"
    if card.image_max_tokens > _SMALL_IMAGE_TOKENS:
        smaller = msgspec.structs.replace(card, image_max_tokens=_SMALL_IMAGE_TOKENS)
        return replace(engine, card=smaller), f"pictures of at most {_SMALL_IMAGE_TOKENS} tokens"
    if not settings.eager:
        return _with(engine, eager=True), "no CUDA graphs"
    fraction = round((settings.gpu_memory_fraction or 0.9) - _FRACTION_STEP, 2)
    # Where the weights alone are too much for its share, a smaller share is no help.
    if fraction < _MIN_FRACTION or _NO_ROOM in message:
        return None
    return _with(engine, gpu_memory_fraction=fraction), f"{fraction:.0%} of the GPU's memory"


def _with(engine: VllmEngine, **changes: object) -> VllmEngine:
    return replace(engine, settings=replace(engine.settings, **changes))  # type: ignore[arg-type]  # checked by name
