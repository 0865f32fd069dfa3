"""Without a GPU: which GGUF model this machine's memory takes, and how fast it will be, roughly."""

from __future__ import annotations

from typing import Final

import msgspec

from huiyan.hardware.images import MARKERS_PER_IMAGE, TEXT_TOKENS, most_images
from huiyan.hardware.plan.flags import LlamaCppFlags
from huiyan.hardware.plan.llama_cpp import memory_needed_bytes, threads
from huiyan.hardware.plan.predict import gib
from huiyan.hardware.plan.wish import MOST_IMAGES, Wish
from huiyan.hardware.presets import SHAPES
from huiyan.hardware.probe import Machine
from huiyan.messages import Text

#: Q4_K_M files of the language model in bytes; the vision tower's mmproj file is 16 bits.
Q4_BYTES: Final = {"2B": 1_110_000_000, "4B": 2_500_000_000, "8B": 5_030_000_000}

#: Preferred first. 8B is shown and never chosen: 1.5 to 2.7 tokens/s is no conversation.
MODELS: Final = ("4B", "2B")
SHOWN: Final = ("8B", *MODELS)

#: 8B at 4 bits gave 1.5 to 2.7 tokens/s on two busy cores. Writing one token reads the language model once,
#: so that is so many bytes a second: of both cores for the low end, of one alone for the high end.
_SLOW_BYTES_PER_CORE_S: Final = 1.5 * Q4_BYTES["8B"] / 2
_FAST_BYTES_PER_CORE_S: Final = 2.7 * Q4_BYTES["8B"]
#: Beyond this the memory is the bound, not the cores: two channels of DDR4, two of DDR5.
_SLOW_MEMORY_BYTES_S: Final = 20e9
_FAST_MEMORY_BYTES_S: Final = 50e9
#: Without vector instructions that llama.cpp has kernels for.
_PLAIN_FACTOR: Final = 0.25

#: Left for the system, the gateway and the browser.
_LEFT_BYTES: Final = 1024**3
CONTEXTS: Final = (16_384, 8_192, 4_096)
#: llama.cpp warns that boxes want at least this many tokens for a picture.
_IMAGE_TOKENS: Final = 1_024


class GgufFile(msgspec.Struct, frozen=True, kw_only=True):
    """A GGUF model in numbers. file_bytes: with its mmproj file. language_bytes: what one token reads.

    context_tokens: what it was trained for; None where that is not known.
    """

    model: str
    file_bytes: int
    language_bytes: int
    kv_bytes_per_token: int
    context_tokens: int | None = None


class CpuCandidate(msgspec.Struct, frozen=True, kw_only=True):
    """A GGUF model on the CPU. tokens_per_s: (low, high), an expectation and no promise."""

    model: str
    file_bytes: int
    flags: LlamaCppFlags
    needed_bytes: int
    tokens_per_s: tuple[float, float]
    images: int
    reason: Text | None = None

    @property
    def suits(self) -> bool:
        return self.reason is None


def cpu_candidates(machine: Machine, wish: Wish, gguf: GgufFile | None = None) -> list[CpuCandidate]:
    """Largest model first, each at the longest context that the memory takes; `gguf` alone where it is given.

    Empty where a model was asked for that is too large for a CPU to be of use.
    """
    if gguf is not None:
        return [_candidate(machine, wish, gguf)]
    models = SHOWN if wish.model is None else (wish.model,)
    return [_candidate(machine, wish, _preset(model)) for model in models if model in Q4_BYTES]


def choose_cpu(found: list[CpuCandidate], wish: Wish) -> CpuCandidate | None:
    """The only one, or the one that was asked for, else the largest of MODELS; None: nano answers."""
    names = MODELS if wish.model is None and len(found) > 1 else tuple(one.model for one in found)
    return next((one for one in found if one.model in names and one.suits), None)


def _preset(model: str) -> GgufFile:
    shape = SHAPES[model]
    return GgufFile(
        model=model,
        file_bytes=Q4_BYTES[model] + shape.vision_bytes,
        language_bytes=Q4_BYTES[model],
        kv_bytes_per_token=shape.kv_bytes_per_token(),
        context_tokens=shape.text.context_tokens,
    )


def _candidate(machine: Machine, wish: Wish, file: GgufFile) -> CpuCandidate:
    room = machine.memory_available_bytes - _LEFT_BYTES

    def needed(context: int) -> int:
        return memory_needed_bytes(
            weights_bytes=file.file_bytes,
            kv_bytes_per_token=file.kv_bytes_per_token,
            context_tokens=context,
            slots=wish.users,
        )

    per_image = min(wish.tokens_per_image, _IMAGE_TOKENS)
    request = wish.images * (per_image + MARKERS_PER_IMAGE) + TEXT_TOKENS
    trained = file.context_tokens or CONTEXTS[0]
    lengths = sorted({min(one, trained) for one in CONTEXTS}, reverse=True)
    long_enough = [one for one in lengths if one >= request] or lengths[:1]
    contexts = [min(wish.context, trained)] if wish.context is not None else long_enough
    context = next((one for one in contexts if needed(one) <= room), contexts[-1])
    reason = None
    if needed(context) > room:
        reason = Text("plan.why.memory", {"needed": gib(needed(context)), "free": gib(max(0, room))})
    elif request > context:
        reason = Text(
            "plan.why.images",
            {
                "images": wish.images,
                "size": "x".join(map(str, wish.image_size)),
                "needed": request,
                "context": context,
                "most": most_images(context, per_image),
            },
        )
    cores = threads(machine, demo=False)
    factor = 1.0 if machine.cpu.fast or not machine.cpu.features else _PLAIN_FACTOR
    slow = min(_SLOW_BYTES_PER_CORE_S * cores, _SLOW_MEMORY_BYTES_S) * factor / file.language_bytes
    fast = min(_FAST_BYTES_PER_CORE_S * cores, _FAST_MEMORY_BYTES_S) * factor / file.language_bytes
    return CpuCandidate(
        model=file.model,
        file_bytes=file.file_bytes,
        flags=LlamaCppFlags(
            context_tokens=context, slots=wish.users, threads=cores, image_max_tokens=per_image
        ),
        needed_bytes=needed(context),
        tokens_per_s=(slow, fast),
        images=min(MOST_IMAGES, most_images(context, per_image, text_tokens=TEXT_TOKENS)),
        reason=reason,
    )
