"""What vLLM is started with on this machine: the planner's choice, where the settings leave it open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from huiyan.engines.environments import Environments
from huiyan.engines.options import EngineOptions
from huiyan.engines.status import ModelCard
from huiyan.engines.vllm import PIXELS_PER_TOKEN, VllmEngine, VllmSettings
from huiyan.errors import MachineCheckError
from huiyan.hardware.model_files import shape_of
from huiyan.hardware.plan.flags import VllmFlags
from huiyan.hardware.plan.make import best_gpu, make_plan
from huiyan.hardware.plan.wish import wish_of
from huiyan.hardware.probe import Machine
from huiyan.hardware.profiles import profile
from huiyan.launcher.safetensors_files import SafetensorsFiles
from huiyan.messages import Text, refusal
from huiyan.settings.model import Settings

_FRACTION: Final = 0.9
#: More threads than these resize a picture no faster.
_MAX_PREPROCESSING_THREADS: Final = 8
_PROFILE: Final = "auto"


@dataclass(frozen=True, kw_only=True)
class VllmPlan:
    card: ModelCard
    settings: VllmSettings


def make(options: EngineOptions, found: Machine, files: SafetensorsFiles) -> VllmPlan:
    """For the card with the most free memory; without one, vLLM's own defaults: it says why it cannot run.

    Raises: MachineCheckError when nothing of this model fits, StoreError.
    """
    flags = None if best_gpu(found) is None else _flags(options, found, files)
    return VllmPlan(card=_card(options, files.card, flags), settings=_settings(options, found, flags))


def _flags(options: EngineOptions, found: Machine, files: SafetensorsFiles) -> VllmFlags:
    chosen_profile = profile(_PROFILE)
    wish = wish_of(chosen_profile, images=options.max_images, context=options.context_tokens)
    own_pixels = files.card.image_max_tokens * PIXELS_PER_TOKEN
    wish = msgspec.structs.replace(wish, image_max_pixels=min(wish.image_max_pixels, own_pixels))
    plan = make_plan(found, wish, chosen_profile, shape=shape_of(files.model.directory))
    if plan.chosen is None:
        reasons = [one.reason for one in plan.table if one.reason is not None]
        reason = reasons[0] if reasons else Text("verbatim", {"text": "-"})
        raise refusal(MachineCheckError, "plan.vllm_refused", model=files.card.name, reason=reason)
    return plan.chosen.flags


def _card(options: EngineOptions, card: ModelCard, flags: VllmFlags | None) -> ModelCard:
    """With the plan's bounds, within what the model itself sets."""
    if flags is None:
        return card
    planned = max(card.image_min_tokens, flags.image_max_pixels // PIXELS_PER_TOKEN)
    return msgspec.structs.replace(
        card,
        context_tokens=min(flags.max_model_len, options.context_tokens or flags.max_model_len),
        max_images=options.max_images or flags.images,
        image_max_tokens=options.image_max_tokens or min(card.image_max_tokens, planned),
    )


def _settings(options: EngineOptions, found: Machine, flags: VllmFlags | None) -> VllmSettings:
    """Where somebody named a figure, it counts; then the plan's; then vLLM's own."""
    cores = min(found.cpu_physical, found.cpu_usable)
    threads = options.preprocessing_threads or max(1, min(_MAX_PREPROCESSING_THREADS, cores // 2))
    own = VllmSettings(
        gpu_memory_fraction=options.gpu_memory_fraction or _FRACTION,
        max_num_seqs=options.max_num_seqs,
        quantization=options.quantization,
        load_format=options.load_format,
        compiled=options.compile,
        preprocessing_threads=threads,
        extra=options.extra_flags,
    )
    if flags is None:
        return own
    fraction = options.gpu_memory_fraction
    extra: tuple[str, ...] = ()
    if flags.safetensors_load_strategy is not None:
        extra += ("--safetensors-load-strategy", flags.safetensors_load_strategy)
    if flags.async_scheduling is not None:
        extra += ("--async-scheduling" if flags.async_scheduling else "--no-async-scheduling",)
    return VllmSettings(
        gpu_memory_fraction=fraction or flags.gpu_memory_utilization,
        kv_cache_bytes=None if fraction else flags.kv_cache_memory_bytes,
        kv_cache_dtype=None if flags.kv_cache_dtype == "auto" else flags.kv_cache_dtype,
        max_num_seqs=own.max_num_seqs or flags.max_num_seqs,
        max_batched_tokens=flags.max_num_batched_tokens,
        quantization=own.quantization,
        load_format=own.load_format,
        eager=flags.enforce_eager,
        compiled=own.compiled,
        preprocessing_threads=own.preprocessing_threads,
        processor_cache_gib=flags.mm_processor_cache_gb,
        # What somebody named himself stands last, where vLLM takes it over what stands before.
        extra=(*extra, *own.extra),
    )


def sentence(settings: Settings, engine: VllmEngine) -> Text:
    figures = {
        "version": Environments(settings.data_dir).used().vllm,
        "model": engine.card.name,
        "context": engine.card.context_tokens,
        "images": engine.card.max_images,
    }
    return Text("plan.vllm", figures)
