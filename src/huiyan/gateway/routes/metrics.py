"""`GET /metrics`, for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from huiyan.gateway.metrics import Metrics, Snapshot


def _render(snapshot: Snapshot, started_unix_s: float, accept: str) -> tuple[bytes, str]:
    from huiyan.gateway.metrics_text import render

    return render(snapshot, started_unix_s, accept)


class MetricsRoutes:
    """authorize: raises what the client is told if it may not read them.

    others: the numbers of the other workers on the same port; whichever is asked answers for all.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        authorize: Callable[[Request], None],
        others: Callable[[], Awaitable[list[Snapshot]]] | None = None,
    ) -> None:
        self._metrics = metrics
        self._authorize = authorize
        self._others = others

    async def metrics(self, request: Request) -> Response:
        self._authorize(request)
        snapshot = self._metrics.snapshot()
        for other in await self._others() if self._others is not None else []:
            snapshot.add(other)
        # In a thread: the first import of prometheus_client alone takes tenths of a second.
        body, content_type = await asyncio.to_thread(
            _render, snapshot, self._metrics.started_unix_s, request.headers.get("accept", "")
        )
        return Response(body, headers={"content-type": content_type, "cache-control": "no-store"})
