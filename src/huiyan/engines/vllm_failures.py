"""Why vLLM ended, from the lines that it, PyTorch and CUDA write about it.

The first cause in a log is the cause: what follows it are other processes that noticed. Patterns are held
against recorded logs (tests/data/vllm) and messages in the sources of vLLM 0.25.1 and PyTorch 2.11.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from huiyan.engines.child_spec import Failure

#: Codes that a smaller plan may mend.
MEMORY_CODES: Final = frozenset(
    {"engine_gpu_out_of_memory", "engine_gpu_busy", "engine_context_too_large", "engine_out_of_memory"}
)


class _Kind(NamedTuple):
    """permanent: another try with the same settings would end the same way."""

    code: str
    pattern: re.Pattern[str]
    message: str
    hint: str
    permanent: bool = False


def _kind(code: str, words: str, message: str, hint: str, *, permanent: bool = False) -> _Kind:
    return _Kind(code, re.compile(words), message, hint, permanent)


_KINDS: Final = (
    _kind(
        "engine_context_too_large",
        r"To serve at least one request with the model's max seq len \((?P<length>\d+)\)",
        "The GPU memory that is left beside the weights is too small for a context of {length} tokens.",
        "Choose a smaller context (HUIYAN_ENGINE__CONTEXT_TOKENS) or a quantised model; see `huiyan plan`.",
        permanent=True,
    ),
    _kind(
        "engine_gpu_busy",
        r"Free memory on device \S* ?\((?P<free>[\d.]+)/(?P<total>[\d.]+) GiB\) on startup is less than",
        "Only {free} of {total} GiB of the GPU are free: another program holds the rest.",
        "End the other program (`nvidia-smi` names it), or start with the profile for shared cards.",
    ),
    _kind(
        "engine_gpu_out_of_memory",
        r"CUDA out of memory|No available memory for the cache blocks|cudaErrorMemoryAllocation"
        r"|CUBLAS_STATUS_ALLOC_FAILED|CUDA error: out of memory|OutOfMemoryError",
        "The GPU memory is not enough for this model with these settings.",
        "Take a quantised model, fewer pictures or a smaller context: `huiyan plan` says what fits.",
    ),
    _kind(
        "engine_driver",
        r"driver on your system is too old|CUDA driver version is insufficient|Failed to infer device type"
        r"|libcuda\.so[.\d]*: cannot open|No CUDA GPUs are available|Driver/library version mismatch"
        r"|unsupported display driver / cuda driver combination|forward compatibility was attempted"
        r"|Found no NVIDIA driver|CUDA unknown error|CUDA-capable device is detected",
        "The NVIDIA driver cannot run this engine.",
        "`huiyan doctor` says which driver it needs; after an update of the driver, restart the machine.",
        permanent=True,
    ),
    _kind(
        "engine_gpu_too_old",
        r"no kernel image is available|not supported on (?:this GPU|your GPU)|minimum capability",
        "This GPU is too old for the engine or for this quantisation.",
        "`huiyan plan` says what the card can run.",
        permanent=True,
    ),
    _kind(
        "engine_gpu_fault",
        r"illegal memory access|uncorrectable ECC error|unspecified launch failure|device-side assert"
        r"|GPU is lost|CUDA error: misaligned address|hardware stack error",
        "The GPU reported a fault.",
        "If it comes again, look for Xid lines in `dmesg` and let the card be tested.",
    ),
    _kind(
        "engine_disk_full",
        r"No space left on device|Errno 28\b|Disk quota exceeded",
        "A disk is full, /dev/shm counts too.",
        "Make room: `huiyan doctor` shows the disks; caches of the engine lie in ~/.cache/vllm.",
    ),
    _kind(
        "engine_port",
        r"Address already in use|Errno 98\b",
        "The engine's address is taken.",
        "Stop what listens there, or choose another port: HUIYAN_ENGINE__PORT=0 takes a free one.",
    ),
    _kind(
        "engine_missing",
        r"No module named '?(?:vllm|torch)\b|ImportError: lib\w+\.so|undefined symbol",
        "vLLM cannot be imported in its environment.",
        "Install it again: huiyan engines remove vllm && huiyan engines install vllm",
        permanent=True,
    ),
    _kind(
        "engine_model_rejected",
        r"Model architectures \[.*\] (?:are not|failed)|SafetensorError|HeaderTooLarge|IncompleteBuffer"
        r"|does not appear to have a file named|not a valid JSON file|Can't load tokenizer"
        r"|weights were not initialized from checkpoint|There is no module or parameter named"
        r"|Cannot find any model weights|model type .* but Transformers does not recognize",
        "vLLM cannot load this model's files.",
        "They may be damaged or incomplete: `huiyan models verify` finds out, fetching again mends it.",
        permanent=True,
    ),
    _kind(
        "engine_flags",
        r"unrecognized arguments|error: argument|Value error, |validation error for \w+Config",
        "vLLM refuses its settings.",
        "A setting does not suit this version of vLLM: take HUIYAN_ENGINE__EXTRA_FLAGS out.",
        permanent=True,
    ),
    _kind(
        "engine_out_of_memory",
        r"Cannot allocate memory|DefaultCPUAllocator|MemoryError|Bus error",
        "The machine's memory (not the GPU's) is not enough.",
        "Close other programs; in a container, give it more memory and a larger /dev/shm.",
    ),
)


#: What the API server says of an engine core that died without a word of its own.
_CORE_GONE: Final = re.compile(r"engine core exited unexpectedly|Engine core proc \S+ died unexpectedly")
_CORE_FAILURE: Final = Failure(
    code="engine_crashed",
    message="vLLM's engine core ended without a word.",
    hint="`huiyan logs --source engine` shows its last lines; `dmesg` names the OOM killer's victims.",
)


@dataclass
class CauseFinder:
    """Fed with every line of a life; keeps the first cause."""

    #: Once it serves, the API server's errors are about single requests, whatever words are in them.
    serving: bool = False
    cause: Failure | None = None
    #: The line that named it.
    words: str = ""
    #: The last line that said anything.
    last: str = ""

    def feed(self, line: str) -> None:
        if bare := line.strip():
            self.last = bare
        if self.cause is not None:
            return
        if _CORE_GONE.search(line):
            self.cause, self.words = _CORE_FAILURE, line.strip()
        elif not (self.serving and line.startswith("(APIServer")) and (cause := cause_in(line)) is not None:
            self.cause, self.words = cause, line.strip()


def cause_in(line: str) -> Failure | None:
    """The failure that this one line names."""
    # Warnings and settings repeat the same words without meaning an end.
    if " INFO " in line or " WARNING " in line or " DEBUG " in line:
        return None
    for kind in _KINDS:
        if found := kind.pattern.search(line):
            return Failure(
                code=kind.code,
                message=kind.message.format(**found.groupdict()),
                hint=kind.hint,
                permanent=kind.permanent,
            )
    return None


def first_cause(lines: Iterable[str]) -> Failure | None:
    """Of several lines, oldest first."""
    return next((cause for line in lines if (cause := cause_in(line)) is not None), None)


def suggested_context(line: str) -> int | None:
    """The context that vLLM itself says would fit, in tokens."""
    found = re.search(r"estimated maximum model length is (\d+)", line)
    return int(found[1]) if found else None
