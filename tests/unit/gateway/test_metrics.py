"""Every number that a request leaves behind, as Prometheus reads it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from huiyan.gateway.access.principal import LOCAL, Principal
from huiyan.gateway.finished import Finished
from huiyan.gateway.metrics import GAUGES, ChunkClock, Metrics
from huiyan.gateway.metrics_text import render

RECORD = Finished(
    request_id="b-1",
    principal=LOCAL,
    path="/v1/chat/completions",
    status=200,
    stream=True,
    duration_s=2.2,
    first_byte_s=0.2,
    queued_s=0.02,
    decode_s=0.04,
    received_bytes=5000,
    sent_bytes=9000,
    images=2,
    chunks=101,
    prompt_tokens=300,
    completion_tokens=101,
    granted_tokens=None,
    budget="",
    error_code="",
    backend="engine-a",
)


def finished(**fields: Any) -> Finished:
    return msgspec.structs.replace(RECORD, **fields)


def scraped(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    body, content_type = render(metrics.snapshot(), metrics.started_unix_s, "")
    assert content_type.startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return scraped(metrics).get((name, frozenset(labels.items())))


def test_a_streamed_answer_with_pictures() -> None:
    metrics = Metrics()
    metrics.finished(RECORD)
    found = scraped(metrics)

    def one(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    chat = "/v1/chat/completions"
    assert one("huiyan_requests_total", path=chat, status="200", stream="true") == 1
    assert one("huiyan_request_duration_seconds_count", path=chat) == 1
    assert one("huiyan_request_duration_seconds_sum", path=chat) == pytest.approx(2.2)
    assert one("huiyan_request_duration_seconds_bucket", path=chat, le="1.0") == 0
    assert one("huiyan_request_duration_seconds_bucket", path=chat, le="2.5") == 1
    assert one("huiyan_request_duration_seconds_bucket", path=chat, le="+Inf") == 1
    assert one("huiyan_time_to_first_byte_seconds_sum", stream="true") == pytest.approx(0.2)
    assert one("huiyan_time_per_output_token_seconds_sum") == pytest.approx(0.02)
    assert one("huiyan_queue_wait_seconds_count") == 1
    assert one("huiyan_image_decode_seconds_sum") == pytest.approx(0.04)
    assert one("huiyan_prompt_tokens_total") == 300
    assert one("huiyan_completion_tokens_total") == 101
    assert one("huiyan_received_bytes_total") == 5000
    assert one("huiyan_sent_bytes_total") == 9000
    assert one("huiyan_chunks_total") == 101
    assert one("huiyan_images_total") == 2
    assert one("huiyan_backend_requests_total", backend="engine-a") == 1
    assert one("huiyan_start_time_seconds") == pytest.approx(metrics.started_unix_s)


def test_a_value_on_a_bound_belongs_below_it() -> None:
    metrics = Metrics()
    metrics.finished(finished(duration_s=0.05))
    chat = "/v1/chat/completions"
    assert value(metrics, "huiyan_request_duration_seconds_bucket", path=chat, le="0.05") == 1


def test_errors_budget_and_requests_without_an_answer() -> None:
    metrics = Metrics()
    metrics.finished(finished(status=429, error_code="rate_limit_exceeded", first_byte_s=None, images=0))
    metrics.finished(finished(budget="kv_cache", granted_tokens=100))
    assert value(metrics, "huiyan_request_errors_total", code="rate_limit_exceeded") == 1
    assert value(metrics, "huiyan_budget_decisions_total", reason="kv_cache") == 1
    assert value(metrics, "huiyan_time_to_first_byte_seconds_count", stream="true") == 1
    assert value(metrics, "huiyan_image_decode_seconds_count") == 1


def test_keys_are_counted_only_where_wanted() -> None:
    other = Principal(id="k1", name="shop", scopes=frozenset())
    quiet, told = Metrics(), Metrics(per_key=True)
    for metrics in (quiet, told):
        metrics.finished(finished(principal=other))
        metrics.finished(finished(principal=other, status=500))
    assert not [name for name, _ in scraped(quiet) if name.startswith("huiyan_key_")]
    assert value(told, "huiyan_key_requests_total", key="k1") == 2
    assert value(told, "huiyan_key_completion_tokens_total", key="k1") == 202
    assert value(told, "huiyan_key_errors_total", key="k1") == 1


def test_the_number_of_series_is_bounded() -> None:
    metrics = Metrics(per_key=True)
    for number in range(2000):
        principal = Principal(id=f"k{number}", name="", scopes=frozenset())
        metrics.finished(
            finished(
                principal=principal,
                path=f"/v1/{number}",
                error_code=f"e{number}",
                budget=f"b{number}",
                backend=f"c{number}",
            )
        )
        metrics.answered(f"M{number}", 405)
    found = scraped(metrics)
    assert len(found) < 2600
    assert found["huiyan_key_requests_total", frozenset({("key", "other")})] == 1500
    assert found["huiyan_request_errors_total", frozenset({("code", "other")})] == 2000 - 64
    assert found["huiyan_http_requests_total", frozenset({("method", "other"), ("status", "405")})] == 2000


def test_gauges_are_asked_at_each_scrape() -> None:
    metrics = Metrics()
    now: dict[str, float | None] = {"active": 3.0}
    metrics.watch("active_requests", lambda: now["active"])
    metrics.watch("kv_cache_tokens", lambda: None)
    assert value(metrics, "huiyan_active_requests") == 3
    now["active"] = 4.0
    found = scraped(metrics)
    assert found["huiyan_active_requests", frozenset()] == 4
    assert ("huiyan_kv_cache_tokens", frozenset()) not in found
    with pytest.raises(KeyError):
        metrics.watch("nonsense", lambda: 1.0)


def test_all_gauges_have_a_valid_name() -> None:
    metrics = Metrics()
    for name in GAUGES:
        metrics.watch(name, lambda: 1.0)
    assert {name for name, _ in scraped(metrics)} >= {f"huiyan_{name}" for name in GAUGES}


def test_one_gap_in_sixteen_is_measured_and_every_chunk_counted() -> None:
    metrics = Metrics()
    now = [0.0]
    clock = ChunkClock(metrics, lambda: now[0])
    for number in range(160):
        now[0] = number * 0.02
        clock.chunk()
    assert clock.chunks == 160
    assert value(metrics, "huiyan_inter_chunk_seconds_count") == 10
    assert value(metrics, "huiyan_inter_chunk_seconds_sum") == pytest.approx(0.2)


def test_workers_numbers_add_up() -> None:
    first, second = Metrics(per_key=True), Metrics(per_key=True)
    first.finished(RECORD)
    second.finished(RECORD)
    second.finished(finished(status=503, duration_s=0.3))
    for metrics in (first, second):
        metrics.watch("active_requests", lambda: 2.0)
        metrics.watch("kv_cache_tokens", lambda: 1000.0)
    both = first.snapshot()
    both.add(second.snapshot())
    body = render(both, 1.0, "")[0].decode()
    assert 'huiyan_requests_total{path="/v1/chat/completions",status="200",stream="true"} 2.0' in body
    assert 'huiyan_requests_total{path="/v1/chat/completions",status="503",stream="true"} 1.0' in body
    assert 'huiyan_request_duration_seconds_count{path="/v1/chat/completions"} 3.0' in body
    assert 'huiyan_key_requests_total{key="local"} 3.0' in body
    assert "huiyan_active_requests 4.0" in body
    assert "huiyan_kv_cache_tokens 1000.0" in body, "the same cache seen twice"
    assert value(first, "huiyan_completion_tokens_total") == 101, "adding changed a copy only"


def test_openmetrics_is_spoken_to_who_asks_for_it() -> None:
    body, content_type = render(Metrics().snapshot(), 1.0, "application/openmetrics-text;version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
