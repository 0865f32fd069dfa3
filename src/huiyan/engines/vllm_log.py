"""What vLLM's output says of a start: its phases, how far each is, and what it found out about memory.

Formats of vLLM 0.25.1 (v1/worker/gpu_worker.py, v1/core/kv_cache_utils.py, both model runners, tqdm's bars),
recorded in tests/data/vllm; older and newer versions differ in little. A line that nobody knows changes
nothing: the phases are for people, and readiness is asked of the server itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import msgspec

_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_BAR: Final = re.compile(r"(\d{1,3})%\s*(?:Completed)?\s*\|[^|]*\|?\s*(\d+)/(\d+)")

#: Phase, the words that begin it, and where it lies in a usual start (measured: H100, 8B, warm disk cache).
_PHASES: Final[tuple[tuple[str, re.Pattern[str], float, float], ...]] = (
    ("vllm_importing", re.compile(r"server version|non-default args|Initializing a V1"), 0.0, 0.25),
    (
        "vllm_loading_weights",
        re.compile(r"Starting to load|Loading model from|Loading safetensors"),
        0.25,
        0.5,
    ),
    ("vllm_profiling", re.compile(r"Model loading took|Encoder cache will be initialized"), 0.5, 0.6),
    ("vllm_compiling", re.compile(r"Dynamo bytecode transform|torch\.compile|Compiling a graph"), 0.6, 0.8),
    ("vllm_profiling", re.compile(r"Available KV cache memory|GPU KV cache size"), 0.8, 0.85),
    ("vllm_capturing_graphs", re.compile(r"Capturing CUDA graphs"), 0.85, 0.97),
    ("vllm_starting_server", re.compile(r"Graph capturing finished|init engine|Starting vLLM"), 0.97, 1.0),
)

_GIB: Final = 1024**3


class MemoryReport(msgspec.Struct, kw_only=True):
    """What vLLM measured while it started; None: it did not say.

    kv_tokens: that its cache holds. concurrency: requests of the longest context that fit at once.
    """

    weights_bytes: int | None = None
    kv_bytes: int | None = None
    kv_tokens: int | None = None
    concurrency: float | None = None
    graphs_bytes: int | None = None
    load_s: float | None = None
    init_s: float | None = None
    compile_s: float | None = None


_NUMBERS: Final[tuple[tuple[re.Pattern[str], str, float], ...]] = (
    (re.compile(r"Model loading took ([\d.]+) GiB"), "weights_bytes", _GIB),
    (re.compile(r"Model loading took [\d.]+ GiB(?: memory)? and ([\d.]+) seconds"), "load_s", 1),
    (re.compile(r"Available KV cache memory: (-?[\d.]+) GiB"), "kv_bytes", _GIB),
    (re.compile(r"GPU KV cache size: ([\d,]+) tokens"), "kv_tokens", 1),
    (re.compile(r"Maximum concurrency for [\d,]+ tokens per request: ([\d.]+)x"), "concurrency", 1),
    (re.compile(r"Graph capturing finished in .*? took (-?[\d.]+) GiB"), "graphs_bytes", _GIB),
    (re.compile(r"init engine .*? took ([\d.]+) s"), "init_s", 1),
    (re.compile(r"torch\.compile took ([\d.]+) s"), "compile_s", 1),
)
_WHOLE: Final = {"weights_bytes", "kv_bytes", "kv_tokens", "graphs_bytes"}


@dataclass(frozen=True, kw_only=True)
class Progress:
    """code: `vllm_…`, the phase. percent: of the phase, where it says so. fraction: of the whole start."""

    code: str
    percent: int | None
    fraction: float


@dataclass
class StartLog:
    """Fed with every line; `memory` fills as they come."""

    memory: MemoryReport = field(default_factory=MemoryReport)
    _place: int = -1
    _told: Progress | None = None

    def feed(self, line: str) -> Progress | None:
        """The progress, when this line changed it."""
        line = plain(line)
        self._remember(line)
        for place, (_, begins, _, _) in enumerate(_PHASES):
            if begins.search(line):
                # A phase that comes again (several bars, the second model of a pair) is none the earlier.
                self._place = max(self._place, place)
                return self._tell(_percent(line) if place == self._place else None)
        return None

    def _tell(self, percent: int | None) -> Progress | None:
        code, _, begin, end = _PHASES[self._place]
        fraction = begin + (end - begin) * (percent or 0) / 100
        if self._told is not None and self._told.code == code:
            fraction = max(fraction, self._told.fraction)
        progress = Progress(code=code, percent=percent, fraction=round(fraction, 3))
        if progress == self._told:
            return None
        self._told = progress
        return progress

    def _remember(self, line: str) -> None:
        for pattern, name, unit in _NUMBERS:
            if found := pattern.search(line):
                value = float(found[1].replace(",", "")) * unit
                setattr(self.memory, name, round(value) if name in _WHOLE else value)


def plain(line: str) -> str:
    """Without colours; of a bar that redraws itself, what it showed last."""
    return _COLOURS.sub("", line.rstrip("\r").rpartition("\r")[2])


def _percent(line: str) -> int | None:
    found = _BAR.search(line)
    if found is None:
        return None
    done, total = int(found[2]), int(found[3])
    return min(100, 100 * done // total) if total else None
