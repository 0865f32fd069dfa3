"""`/health` for people and scripts, `/health/live` and `/health/ready` for orchestrators."""

from __future__ import annotations

import time
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from huiyan import __version__
from huiyan.engines.status import EngineState
from huiyan.gateway.routes.responses import json_response
from huiyan.gateway.schema import EngineHealth, GatewayHealth, Health, HealthComponents
from huiyan.gateway.service import Gateway

Verdict = Literal["ok", "degraded", "down"]

_VERDICT: dict[EngineState, Verdict] = {
    EngineState.READY: "ok",
    EngineState.FAILED: "down",
    EngineState.STOPPED: "down",
}


def health_of(gateway: Gateway) -> Health:
    verdict = _VERDICT.get(gateway.engine.state, "degraded")
    return Health(
        status=verdict,
        components=HealthComponents(
            gateway=GatewayHealth(
                version=__version__,
                uptime_s=round(time.monotonic() - gateway.started_s, 1),
                active_requests=gateway.active,
            ),
            engine=EngineHealth(status=verdict, engine=gateway.engine),
            backends=gateway.backends.status() if gateway.options.traffic.elsewhere else [],
        ),
    )


class HealthRoutes:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def health(self, request: Request) -> Response:
        """200 while it works or is on its way, 503 when the engine will not come back by itself."""
        health = health_of(self._gateway)
        return json_response(health, 503 if health.status == "down" else 200)

    async def live(self, request: Request) -> Response:
        """200: the process answers."""
        return json_response(health_of(self._gateway))

    async def ready(self, request: Request) -> Response:
        """200 only when a chat request would be taken."""
        health = health_of(self._gateway)
        return json_response(health, 200 if health.status == "ok" else 503)
