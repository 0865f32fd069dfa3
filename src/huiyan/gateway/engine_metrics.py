"""What an engine's Prometheus text says about its load and its KV cache, read while requests run.

Sources: vLLM's vllm/v1/metrics/loggers.py (one series for each data-parallel engine, told apart by the
label `engine`; `cache_config_info` carries sizes as labels, `kv_cache_size_tokens` in newer versions);
llama.cpp's server, which says nothing of its cache: each slot has a context of its own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import msgspec

from huiyan.engines.upstream import Call, Headers, Pool
from huiyan.errors import EngineError

_MAX_TEXT_BYTES = 4 * 1024 * 1024

#: name{labels} value [timestamp], of which labels may hold escaped quotes.
_SAMPLE = re.compile(
    rb"^(?P<name>vllm:(?:num_requests_running|num_requests_waiting|kv_cache_usage_perc|gpu_cache_usage_perc"
    rb"|cache_config_info)|llamacpp:requests_(?:processing|deferred))"
    rb'(?:\{(?P<labels>(?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?[ \t]+(?P<value>[^ \t\r\n]+)',
    re.MULTILINE,
)
_LABEL = re.compile(rb'(\w+)="((?:[^"\\]|\\.)*)"')


class KvState(msgspec.Struct, frozen=True, kw_only=True):
    """total_tokens, free_tokens: of the KV cache; None where the engine does not say."""

    total_tokens: int | None
    free_tokens: int | None
    running: int
    waiting: int


def parse(text: bytes) -> KvState | None:
    """The state in an answer of `/metrics`; None when it is neither vLLM's nor llama.cpp's."""
    running = waiting = 0
    total_tokens = 0
    usage: dict[bytes, float] = {}
    old_usage: dict[bytes, float] = {}
    sizes: dict[bytes, int] = {}
    seen = False
    for sample in _SAMPLE.finditer(text):
        seen = True
        name, value = sample["name"], _number(sample["value"])
        labels = dict(_LABEL.findall(sample["labels"] or b""))
        engine = labels.get(b"engine", b"")
        match name:
            case b"vllm:num_requests_running" | b"llamacpp:requests_processing":
                running += int(value)
            case b"vllm:num_requests_waiting" | b"llamacpp:requests_deferred":
                waiting += int(value)
            case b"vllm:kv_cache_usage_perc":
                usage[engine] = value
            case b"vllm:gpu_cache_usage_perc":  # its name before 0.10
                old_usage[engine] = value
            case _:
                sizes[engine] = _cache_tokens(labels)
    if not seen:
        return None
    usage = usage or old_usage
    total_tokens = sum(sizes.values())
    if not usage or not total_tokens:
        return KvState(total_tokens=None, free_tokens=None, running=running, waiting=waiting)
    if len(sizes) == 1 < len(usage):
        # One configuration is told for all data-parallel engines; each has a cache of that size.
        total_tokens *= len(usage)
    used = sum(min(1.0, max(0.0, share)) for share in usage.values()) / len(usage)
    return KvState(
        total_tokens=total_tokens,
        free_tokens=int(total_tokens * (1.0 - used)),
        running=running,
        waiting=waiting,
    )


def _number(text: bytes) -> float:
    """0 for what is no finite number: a metric that cannot be read must not stop requests."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if abs(value) < 1e15 else 0.0  # NaN and infinities, too


def _cache_tokens(labels: dict[bytes, bytes]) -> int:
    """Size of one engine's cache; 0 where its labels do not say (they may be "None")."""
    said = labels.get(b"kv_cache_size_tokens", b"")
    if said.isdigit():
        return int(said)
    blocks, size = labels.get(b"num_gpu_blocks", b""), labels.get(b"block_size", b"")
    return int(blocks) * int(size) if blocks.isdigit() and size.isdigit() else 0


class MetricsPoller:
    """Asks one engine for its metrics, at once and then every `interval_s`, as long as `active()`.

    told: the state, or None when the engine did not say (then old figures must not be used on).
    """

    def __init__(
        self,
        pool: Pool,
        *,
        active: Callable[[], bool],
        told: Callable[[KvState | None], None],
        interval_s: float = 1.0,
    ) -> None:
        self._pool = pool
        self._active = active
        self._told = told
        self._interval_s = interval_s
        self._pause_s = interval_s
        self._timer: asyncio.TimerHandle | None = None
        self._call: Call | None = None
        self._status = 0
        self._text = bytearray()

    def touch(self) -> None:
        """A request starts: begin to poll, if that is not under way."""
        if self._timer is None and self._call is None:
            self._ask()

    def close(self) -> None:
        self._active = lambda: False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _tick(self) -> None:
        self._timer = None
        if self._active():
            self._ask()

    def _ask(self) -> None:
        self._status = 0
        self._text = bytearray()
        self._call = self._pool.send("GET", "/metrics", self)

    def _done(self, state: KvState | None) -> None:
        self._call = None
        # An engine without metrics is asked less and less often.
        self._pause_s = self._interval_s if state else min(2 * self._pause_s, 30 * self._interval_s)
        self._timer = self._pool.loop.call_later(self._pause_s, self._tick)
        self._told(state)

    # Listener

    def on_head(self, status: int, headers: Headers) -> None:
        self._status = status

    def on_body(self, data: bytes) -> None:
        self._text += data
        if len(self._text) > _MAX_TEXT_BYTES and self._call is not None:
            self._call.cancel()
            self._done(None)

    def on_end(self) -> None:
        self._done(parse(bytes(self._text)) if self._status == 200 else None)

    def on_error(self, error: EngineError) -> None:
        self._done(None)
