"""What is counted of every request, as plain numbers: the hot path adds, `/metrics` renders.

Not prometheus_client's own counters: they take a lock and look labels up for every number, and their
import takes longer than the gateway's whole start. `metrics_text` turns these numbers into its families.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from typing import Final

import msgspec

from huiyan.gateway.finished import Finished

#: Other label values than these are counted as "other": a series, once there, stays in memory.
_PATHS: Final = frozenset({"/v1/chat/completions", "/v1/completions"})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "other"
_MAX_KEYS: Final = 500
_MAX_VALUES: Final = 64

#: Upper bounds in seconds.
_REQUEST_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0)
_FIRST_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)
_TOKEN_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0)
_WAIT_S: Final = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_NO_WAIT_S: Final = _WAIT_S[0]
_DECODE_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

#: One gap between chunks in so many is measured.
_EVERY: Final = 16

Labels = tuple[str, ...]


class Histogram(msgspec.Struct):
    """counts: one for each bound and one above them, not cumulative."""

    bounds: tuple[float, ...]
    counts: list[int]
    total: float = 0.0

    @classmethod
    def of(cls, bounds: tuple[float, ...]) -> Histogram:
        return cls(bounds, [0] * (len(bounds) + 1))

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add(self, other: Histogram) -> None:
        self.counts = [own + its for own, its in zip(self.counts, other.counts, strict=True)]
        self.total += other.total


class Snapshot(msgspec.Struct):
    """All numbers of one process at one moment; those of several workers add up."""

    counters: dict[str, list[tuple[Labels, float]]]
    histograms: dict[str, list[tuple[Labels, Histogram]]]
    gauges: dict[str, float]

    def add(self, other: Snapshot) -> None:
        """Take another worker's numbers in, its gauges too: what they measure is a share of the whole."""
        for name, series in other.counters.items():
            sums = dict(self.counters.get(name, []))
            for labels, value in series:
                sums[labels] = sums.get(labels, 0) + value
            self.counters[name] = list(sums.items())
        for name, its in other.histograms.items():
            own = dict(self.histograms.get(name, []))
            for labels, histogram in its:
                if labels in own:
                    own[labels].add(histogram)
                else:
                    own[labels] = histogram
            self.histograms[name] = list(own.items())
        for name, value in other.gauges.items():
            self.gauges[name] = value if name in SHARED_GAUGES else self.gauges.get(name, 0.0) + value


#: What can be asked of the gateway at any moment, and what it means. A gauge without a source is left out.
GAUGES: Final = {
    "active_requests": "Requests that are being served, waiting ones included.",
    "queued_requests": "Requests that wait for their turn.",
    "queue_slots": "Requests that may run on the engine at the same time.",
    "queue_paused": "1 while new requests wait for an engine that is being replaced.",
    "decoding_images": "Requests whose pictures are being read.",
    "event_streams": "Open pages that listen for events.",
    "kept_answers_bytes": "Memory of answers that can be read again.",
    "kv_cache_tokens": "Tokens that the engine's KV cache holds.",
    "kv_cache_free_tokens": "Tokens that are free in the engine's KV cache.",
    "engine_ready": "1 while the engine takes requests.",
    "engine_running_requests": "Requests that the engine works on, by its own metrics.",
    "engine_waiting_requests": "Requests that wait within the engine, by its own metrics.",
    "backends_usable": "Engines that requests are sent to.",
}

#: All workers see the same thing: not added up.
SHARED_GAUGES: Final = frozenset(
    {
        "queue_slots",
        "queue_paused",
        "kv_cache_tokens",
        "kv_cache_free_tokens",
        "engine_ready",
        "engine_running_requests",
        "engine_waiting_requests",
        "backends_usable",
    }
)


class Metrics:
    """One for each gateway process; every method is called from its loop."""

    def __init__(self, *, per_key: bool = False) -> None:
        """per_key: requests and tokens by key id as well, for at most 500 keys."""
        self.started_unix_s = time.time()
        self._per_key = per_key
        self._requests: defaultdict[tuple[str, int, bool], int] = defaultdict(int)
        self._durations = {path: Histogram.of(_REQUEST_S) for path in (*sorted(_PATHS), _OTHER)}
        self._first_byte = {False: Histogram.of(_FIRST_S), True: Histogram.of(_FIRST_S)}
        self._per_token = Histogram.of(_TOKEN_S)
        self._queued = Histogram.of(_WAIT_S)
        self._decoding = Histogram.of(_DECODE_S)
        self._gaps = Histogram.of(_TOKEN_S)
        self._sums = [0] * len(_SUMS)
        self._errors: dict[str, int] = {}
        self._budget: dict[str, int] = {}
        self._backends: dict[str, int] = {}
        self._moved: dict[str, int] = {}
        self._keys: dict[str, list[int]] = {}
        self._routes: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._gauges: dict[str, Callable[[], float | None]] = {}

    def finished(self, record: Finished) -> None:
        """Count one request of the hot path, whatever became of it."""
        path = record.path if record.path in _PATHS else _OTHER
        stream = record.stream
        duration_s = record.duration_s
        self._requests[path, record.status, stream] += 1
        self._durations[path].observe(duration_s)
        first_byte_s = record.first_byte_s
        completion_tokens = record.completion_tokens
        if first_byte_s is not None:
            self._first_byte[stream].observe(first_byte_s)
            if stream and completion_tokens > 1:
                self._per_token.observe((duration_s - first_byte_s) / (completion_tokens - 1))
        sums = self._sums
        sums[0] += record.prompt_tokens
        sums[1] += completion_tokens
        sums[2] += record.received_bytes
        sums[3] += record.sent_bytes
        sums[4] += record.chunks
        if record.queued_s <= _NO_WAIT_S:
            self._queued.counts[0] += 1
            self._queued.total += record.queued_s
        else:
            self._queued.observe(record.queued_s)
        if record.images:
            sums[5] += record.images
            self._decoding.observe(record.decode_s)
        if record.error_code:
            _count(self._errors, record.error_code, _MAX_VALUES)
        if record.budget:
            _count(self._budget, record.budget, _MAX_VALUES)
        if record.backend:
            _count(self._backends, record.backend, _MAX_VALUES)
        if self._per_key:
            self._count_key(record)

    def answered(self, method: str, status: int) -> None:
        """Count one request that was not on the hot path."""
        self._routes[method if method in _METHODS else _OTHER, status] += 1

    def moved(self, backend: str) -> None:
        """Count one request that this engine did not take and another one got."""
        _count(self._moved, backend, _MAX_VALUES)

    def gap(self, seconds: float) -> None:
        """A sampled time between two pieces of a streamed answer; see `ChunkClock`."""
        self._gaps.observe(seconds)

    def watch(self, name: str, source: Callable[[], float | None]) -> None:
        """Ask `source` for the gauge `name` at each scrape; None: unknown now. Raises: KeyError."""
        if name not in GAUGES:
            raise KeyError(name)
        self._gauges[name] = source

    def snapshot(self) -> Snapshot:
        """A copy that the hot path does not change any more."""
        tokens = [(key, counts) for key, counts in self._keys.items()]
        counters: dict[str, list[tuple[Labels, float]]] = {
            "requests": [
                ((path, str(status), "true" if stream else "false"), count)
                for (path, status, stream), count in self._requests.items()
            ],
            "request_errors": _series(self._errors),
            "budget_decisions": _series(self._budget),
            "backend_requests": _series(self._backends),
            "backend_moved_requests": _series(self._moved),
            "http_requests": [
                ((method, str(status)), count) for (method, status), count in self._routes.items()
            ],
            **{name: [((), value)] for name, value in zip(_SUMS, self._sums, strict=True)},
            **{
                name: [((key,), counts[position]) for key, counts in tokens]
                for position, name in enumerate(_KEY_SUMS)
            },
        }
        histograms: dict[str, list[tuple[Labels, Histogram]]] = {
            "request_duration_seconds": [((path,), _copy(found)) for path, found in self._durations.items()],
            "time_to_first_byte_seconds": [
                (("true" if stream else "false",), _copy(found)) for stream, found in self._first_byte.items()
            ],
            "time_per_output_token_seconds": [((), _copy(self._per_token))],
            "inter_chunk_seconds": [((), _copy(self._gaps))],
            "queue_wait_seconds": [((), _copy(self._queued))],
            "image_decode_seconds": [((), _copy(self._decoding))],
        }
        gauges = {
            name: float(value) for name, source in self._gauges.items() if (value := source()) is not None
        }
        return Snapshot(counters, histograms, gauges)

    def _count_key(self, record: Finished) -> None:
        key = record.principal.id
        counts = self._keys.get(key)
        if counts is None:
            if len(self._keys) >= _MAX_KEYS:
                key = _OTHER
            counts = self._keys.setdefault(key, [0] * len(_KEY_SUMS))
        counts[0] += 1
        counts[1] += record.prompt_tokens
        counts[2] += record.completion_tokens
        counts[3] += record.status >= 400


class ChunkClock:
    """One for each streamed answer: measures every sixteenth gap between its pieces, counts them all."""

    __slots__ = ("_armed_s", "_metrics", "_read_s", "chunks")

    def __init__(self, metrics: Metrics, read_s: Callable[[], float] = time.perf_counter) -> None:
        self._metrics = metrics
        self._read_s = read_s
        self._armed_s = 0.0
        self.chunks = 0

    def chunk(self) -> None:
        """A piece of the answer is here."""
        self.chunks = chunks = self.chunks + 1
        turn = chunks % _EVERY
        # The gap after the second piece: the first may hold no more than the role.
        if turn == 2:
            self._armed_s = self._read_s()
        elif turn == 3:
            self._metrics.gap(self._read_s() - self._armed_s)


#: Counters without labels, in the order of `Metrics._sums`.
_SUMS: Final = ("prompt_tokens", "completion_tokens", "received_bytes", "sent_bytes", "chunks", "images")
#: Counters by key, in the order of a key's numbers.
_KEY_SUMS: Final = ("key_requests", "key_prompt_tokens", "key_completion_tokens", "key_errors")


def _count(counts: dict[str, int], value: str, bound: int) -> None:
    known = counts.get(value)
    if known is not None:
        counts[value] = known + 1
    elif len(counts) < bound:
        counts[value] = 1
    else:
        counts[_OTHER] = counts.get(_OTHER, 0) + 1


def _series(counts: dict[str, int]) -> list[tuple[Labels, float]]:
    return [((value,), count) for value, count in counts.items()]


def _copy(histogram: Histogram) -> Histogram:
    return Histogram(histogram.bounds, list(histogram.counts), histogram.total)
