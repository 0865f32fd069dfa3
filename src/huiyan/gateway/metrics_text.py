"""The numbers of `metrics` in Prometheus' text format. Imported at the first scrape: it is slow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from huiyan import __version__
from huiyan.gateway.metrics import GAUGES, Snapshot

_PREFIX: Final = "huiyan_"

#: name → (labels, what it is); Prometheus adds `_total`.
COUNTERS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "requests": (
        ("path", "status", "stream"),
        "Chat and completion requests by HTTP status; 499: client left.",
    ),
    "request_errors": (("code",), "Those that ended in an error, by its stable code."),
    "budget_decisions": (("reason",), "Requests whose max_tokens was changed or that had to wait, and why."),
    "backend_requests": (("backend",), "Requests by the engine that they went to."),
    "backend_moved_requests": (
        ("backend",),
        "Requests that another engine got because this one was gone or not ready.",
    ),
    "http_requests": (("method", "status"), "All other requests: page, health, administration."),
    "prompt_tokens": ((), "Tokens that were read."),
    "completion_tokens": ((), "Tokens that were written."),
    "received_bytes": ((), "Bytes of request bodies."),
    "sent_bytes": ((), "Bytes of answers."),
    "chunks": ((), "Pieces of streamed answers."),
    "images": ((), "Pictures in requests."),
    "key_requests": (("key",), "Requests by key id (where switched on)."),
    "key_prompt_tokens": (("key",), "Tokens read by key id (where switched on)."),
    "key_completion_tokens": (("key",), "Tokens written by key id (where switched on)."),
    "key_errors": (("key",), "Requests by key id that ended with a status from 400 on (where switched on)."),
}

HISTOGRAMS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "request_duration_seconds": (("path",), "From a request's first byte to its answer's last."),
    "time_to_first_byte_seconds": (
        ("stream",),
        "From a request's first byte to its answer's first; of streams, the time to the first token.",
    ),
    "time_per_output_token_seconds": ((), "Mean time from token to token within a streamed answer."),
    "inter_chunk_seconds": ((), "Time between two pieces of a streamed answer; one gap in 16 is measured."),
    "queue_wait_seconds": ((), "Time that a request waited for its turn."),
    "image_decode_seconds": ((), "Time that reading a request's pictures took."),
}


class _Numbers(Collector):
    def __init__(self, snapshot: Snapshot, started_unix_s: float) -> None:
        self._snapshot = snapshot
        self._started_unix_s = started_unix_s

    def collect(self) -> Iterator[Metric]:
        snapshot = self._snapshot
        info = GaugeMetricFamily(f"{_PREFIX}build_info", "The running version.", labels=("version",))
        info.add_metric((__version__,), 1)
        yield info
        started = f"{_PREFIX}start_time_seconds"
        yield GaugeMetricFamily(
            started, "When the gateway started, in Unix time.", value=self._started_unix_s
        )
        for name, (labels, text) in COUNTERS.items():
            counter = CounterMetricFamily(_PREFIX + name, text, labels=labels)
            for values, count in snapshot.counters.get(name, []):
                counter.add_metric(values, count)
            yield counter
        for name, (labels, text) in HISTOGRAMS.items():
            yield self._histogram(name, labels, text)
        for name, value in snapshot.gauges.items():
            yield GaugeMetricFamily(_PREFIX + name, GAUGES[name], value=value)

    def _histogram(self, name: str, labels: tuple[str, ...], text: str) -> HistogramMetricFamily:
        family = HistogramMetricFamily(_PREFIX + name, text, labels=labels)
        for values, histogram in self._snapshot.histograms.get(name, []):
            sums: list[tuple[str, float]] = []
            seen = 0
            for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
                seen += count
                sums.append((str(bound), seen))
            family.add_metric(values, sums, histogram.total)
        return family


def render(snapshot: Snapshot, started_unix_s: float, accept: str) -> tuple[bytes, str]:
    """Body and content type for what a scraper accepts."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(snapshot, started_unix_s))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
