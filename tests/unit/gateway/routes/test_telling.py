"""`/metrics` and `/api/admin/logs` as routes: who may, what may be asked, what comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from huiyan.errors import ForbiddenError, RequestError
from huiyan.gateway.live_log import LiveLog
from huiyan.gateway.metrics import Metrics, Snapshot
from huiyan.gateway.routes.admin_logs import AdminLogRoutes
from huiyan.gateway.routes.metrics import MetricsRoutes
from huiyan.launcher.logs import LogSink
from tests.support.sse import parse_events


def request(path: str, **query: Any) -> Request:
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": urlencode(query).encode(),
        "headers": [(b"accept", b"*/*")],
    }
    return Request(scope)


def anyone(_: Request) -> None: ...


def nobody(_: Request) -> None:
    raise ForbiddenError("Not with this key.", hint="Use another.")


async def test_metrics_are_plain_text_for_prometheus() -> None:
    metrics = Metrics()
    metrics.answered("GET", 200)
    response = await MetricsRoutes(metrics, authorize=anyone).metrics(request("/metrics"))
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert b'huiyan_http_requests_total{method="GET",status="200"} 1.0' in bytes(response.body)


async def test_one_worker_answers_for_all() -> None:
    mine, other = Metrics(), Metrics()
    mine.answered("GET", 200)
    other.answered("GET", 200)

    async def others() -> list[Snapshot]:
        return [other.snapshot()]

    response = await MetricsRoutes(mine, authorize=anyone, others=others).metrics(request("/metrics"))
    assert b'huiyan_http_requests_total{method="GET",status="200"} 2.0' in bytes(response.body)


async def test_metrics_and_log_ask_who_it_is(tmp_path: Path) -> None:
    with pytest.raises(ForbiddenError):
        await MetricsRoutes(Metrics(), authorize=nobody).metrics(request("/metrics"))
    with pytest.raises(ForbiddenError):
        await AdminLogRoutes(LiveLog(tmp_path / "x"), authorize=nobody).logs(request("/api/admin/logs"))


async def test_the_log_is_an_event_stream_of_what_was_chosen(tmp_path: Path) -> None:
    path = tmp_path / "huiyan.jsonl"
    sink = LogSink(path, max_bytes=10**6, files=2)
    for number, level in enumerate(("info", "warning", "error", "error")):
        sink.write({"ts": "2026-01-31T08:00:00.000Z", "level": level, "source": "gateway", "n": number})
    sink.close()
    live = LiveLog(path)
    routes = AdminLogRoutes(live, authorize=anyone)
    asked = request(
        "/api/admin/logs", source="gateway", level="warning", since="2026-01-31T00:00:00Z", lines=2
    )
    response = await routes.logs(asked)
    assert isinstance(response, StreamingResponse)
    assert response.media_type == "text/event-stream"
    live.close()
    body = b"".join([piece async for piece in response.body_iterator if isinstance(piece, bytes)])
    events = parse_events(body)
    assert [event.name for event in events] == ["log", "log", "live"]
    assert [event.json()["n"] for event in events[:2]] == [2, 3]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source", "nobody"),
        ("level", "loud"),
        ("since", "yesterday"),
        ("lines", "-1"),
        ("lines", "1001"),
        ("lines", "9" * 5000),
        ("lines", "٣"),
        ("colour", "red"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(tmp_path: Path, name: str, value: str) -> None:
    routes = AdminLogRoutes(LiveLog(tmp_path / "x"), authorize=anyone)
    with pytest.raises(RequestError) as caught:
        await routes.logs(request("/api/admin/logs", **{name: value}))
    assert caught.value.param == name
    assert caught.value.hint
