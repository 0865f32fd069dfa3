"""Configurations of vLLM for a card and a wish: each with its figures, and why where it does not do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from huiyan.hardware.gpu import Gpu
from huiyan.hardware.images import most_images
from huiyan.hardware.model_shape import ModelShape
from huiyan.hardware.plan.flags import VllmFlags
from huiyan.hardware.plan.memory import GIB, MIB
from huiyan.hardware.plan.predict import Prediction, predict
from huiyan.hardware.plan.wish import MOST_IMAGES, Wish
from huiyan.hardware.presets import SHAPES, quantized
from huiyan.hardware.profiles import Profile
from huiyan.messages import Text

#: Contexts that are tried where none was asked for; the page's guard keeps conversations within 32K.
CONTEXTS: Final = (32_768, 16_384, 8_192, 4_096)
#: Weights in the order of preference, and the models: a smaller one only where a larger does not do.
WEIGHTS: Final = ("bf16", "fp8", "gptq-int4")
MODELS: Final = ("8B", "4B", "2B")
#: Shown in the table, but chosen only when asked for by name.
LARGER: Final = ("32B",)

#: For fragmentation, for what others on the card take meanwhile, and for what no term of the model names.
MARGIN_BYTES: Final = 512 * MIB
MARGIN_SHARE: Final = 0.02
_MOST_UTILIZATION: Final = 0.95
_LEAST_UTILIZATION: Final = 0.01
#: Pictures are not made smaller than this for memory's sake: text in them could not be read.
_LEAST_IMAGE_TOKENS: Final = 1_280
_FEWEST_SEQS: Final = 16
_MOST_SEQS: Final = 256
#: Host memory below which vLLM's cache of prepared pictures (one in each of its two processes) is kept small.
_LARGE_HOST_BYTES: Final = 32 * GIB


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """model: a preset's name, or the directory's. images: most pictures of the wished size in one request.

    at_once: requests like the wished one that the cache holds together. reason: why it will not do.
    """

    model: str
    quantization: str
    shape: ModelShape
    flags: VllmFlags
    prediction: Prediction
    images: int
    at_once: int
    reason: Text | None = None

    @property
    def suits(self) -> bool:
        return self.reason is None

    @property
    def context(self) -> int:
        return self.flags.max_model_len


def candidates(
    gpu: Gpu,
    wish: Wish,
    profile: Profile,
    *,
    shape: ModelShape | None = None,
    host_memory_bytes: int | None = None,
) -> list[Candidate]:
    """One for each model and kind of weights: at the longest context that suits, or with why none does.

    shape: of the one model that is meant; presets otherwise.
    """
    return [
        _best(
            [
                _judge(model, kind, found, gpu, wish, profile, context, host_memory_bytes)
                for context in _contexts(wish)
            ]
        )
        for model, kind, found in _shapes(wish, shape)
    ]


def choose(found: Sequence[Candidate]) -> Candidate | None:
    """The largest model whose weights leave room: the most exact ones that reach the longest context.

    None where nothing suits.
    """
    models = list(dict.fromkeys(one.model for one in found if one.model not in LARGER))
    models += [model for model in LARGER if all(one.model == model for one in found)]
    for model in models:
        fitting = [one for one in found if one.model == model and one.suits]
        if fitting:
            return max(fitting, key=lambda one: one.context)  # the first of equals: the most exact
    return None


def _shapes(wish: Wish, shape: ModelShape | None) -> Iterator[tuple[str, str, ModelShape]]:
    if shape is not None:
        yield shape.name, _weights_name(shape), shape
        return
    for model in (wish.model,) if wish.model in SHAPES else (*MODELS, *LARGER):
        for kind in WEIGHTS if wish.quantization is None else (wish.quantization,):
            yield model, kind, quantized(SHAPES[model], kind)


def _weights_name(shape: ModelShape) -> str:
    method = shape.quantization.method
    return {"none": "bf16", "fp8": "fp8"}.get(method, f"{method}-int{shape.quantization.bits}")


def _contexts(wish: Wish) -> tuple[int, ...]:
    if wish.context is not None:
        return (wish.context,)
    return tuple(context for context in CONTEXTS if context >= wish.request_tokens) or (CONTEXTS[0],)


def _best(tried: Sequence[Candidate]) -> Candidate:
    """The longest context that suits; else the shortest, whose reason no shorter one can mend."""
    return next((one for one in tried if one.suits), tried[-1])


def _judge(
    model: str,
    kind: str,
    shape: ModelShape,
    gpu: Gpu,
    wish: Wish,
    profile: Profile,
    context: int,
    host_memory_bytes: int | None,
) -> Candidate:
    flags = flags_for(shape, gpu, wish, profile, context=context, host_memory_bytes=host_memory_bytes)
    prediction = predict(shape, gpu, flags)
    images = most_images(context, wish.tokens_per_image)
    at_once = min(prediction.kv_tokens // wish.request_tokens, flags.max_num_seqs)
    reason = prediction.reason
    if reason is None and wish.request_tokens > context:
        reason = Text(
            "plan.why.images",
            {
                "images": wish.images,
                "size": "x".join(map(str, wish.image_size)),
                "needed": wish.request_tokens,
                "context": context,
                "most": images,
            },
        )
    if reason is None and at_once < wish.users:
        reason = Text("plan.why.users", {"users": wish.users, "found": at_once})
    return Candidate(
        model=model,
        quantization=kind,
        shape=shape,
        flags=flags,
        prediction=prediction,
        images=min(images, MOST_IMAGES),
        at_once=at_once,
        reason=reason,
    )


def flags_for(
    shape: ModelShape,
    gpu: Gpu,
    wish: Wish,
    profile: Profile,
    *,
    context: int,
    host_memory_bytes: int | None = None,
) -> VllmFlags:
    """Flags under which everything, pictures being looked at included, stays within the card's free part."""
    small_host = host_memory_bytes is not None and host_memory_bytes < _LARGE_HOST_BYTES
    flags = VllmFlags(
        max_model_len=context,
        gpu_memory_utilization=_MOST_UTILIZATION,
        max_num_seqs=profile.max_num_seqs or _seqs(wish.users),
        max_num_batched_tokens=profile.max_num_batched_tokens or _batch(gpu),
        images=max(1, min(MOST_IMAGES, most_images(context, wish.tokens_per_image))),
        image_min_pixels=shape.image_min_pixels,
        image_max_pixels=_pixels(shape, wish),
        kv_cache_dtype=profile.kv_cache_dtype,
        mm_processor_cache_gb=1.0 if small_host else 4.0,
        enforce_eager=profile.enforce_eager,
        safetensors_load_strategy=profile.load_strategy,
    )
    first = predict(shape, gpu, flags)
    beyond = first.needed_bytes - first.requested_bytes
    margin = MARGIN_BYTES + int(gpu.cuda_total_bytes * MARGIN_SHARE)
    room = min(gpu.memory_free_bytes, int(gpu.cuda_total_bytes * profile.share)) - beyond - margin
    # Rounded down: the share is written with four decimals.
    utilization = int(room / gpu.cuda_total_bytes * 10_000) / 10_000
    bounded = min(_MOST_UTILIZATION, max(_LEAST_UTILIZATION, utilization))
    return msgspec.structs.replace(flags, gpu_memory_utilization=bounded)


def _seqs(users: int) -> int:
    """Sequences at once: twice the users, for titles, batch sheets and second attempts; a power of two."""
    wanted = max(_FEWEST_SEQS, 2 * users)
    return min(_MOST_SEQS, 1 << (wanted - 1).bit_length())


def _batch(gpu: Gpu) -> int:
    """Tokens of one step: more makes long prompts faster and takes memory from the cache."""
    if gpu.memory_total_bytes >= 40 * GIB:
        return 8_192
    return 4_096 if gpu.memory_total_bytes >= 16 * GIB else 2_048


def _pixels(shape: ModelShape, wish: Wish) -> int:
    """The largest picture that the engine takes: the wished size, within the model's own bound."""
    tokens = max(wish.tokens_per_image, _LEAST_IMAGE_TOKENS)
    return min(shape.image_max_pixels, tokens * shape.vision.token_edge_px**2)
