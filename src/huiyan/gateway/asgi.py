"""The ASGI app behind the hot path: routes, and the edge around them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from huiyan.gateway.access_log import AccessLog
from huiyan.gateway.middleware.edge import Edge
from huiyan.gateway.relay import CHAT, COMPLETION
from huiyan.gateway.routes.admin import AdminRoutes
from huiyan.gateway.routes.admin_logs import AdminLogRoutes
from huiyan.gateway.routes.admin_models import AdminModelRoutes
from huiyan.gateway.routes.admin_updates import AdminUpdateRoutes
from huiyan.gateway.routes.health import HealthRoutes
from huiyan.gateway.routes.images import ImageRoutes
from huiyan.gateway.routes.live import LiveRoutes
from huiyan.gateway.routes.metrics import MetricsRoutes
from huiyan.gateway.routes.model import ModelRoutes
from huiyan.gateway.routes.session import SessionRoutes
from huiyan.gateway.routes.tool_calls import ToolCallRoutes
from huiyan.gateway.routes.tools import ToolRoutes
from huiyan.gateway.service import Gateway
from huiyan.gateway.static import StaticFiles


async def _only_post(request: Request) -> Response:
    """The hot routes' other methods; their POST never reaches ASGI."""
    raise HTTPException(405, headers={"Allow": "POST"})


def _route(path: str, **methods: Callable[[Request], Awaitable[Response]]) -> Route:
    """One route for all methods of a path: its 405 then names all of them."""

    async def answer(request: Request) -> Response:
        method = request.method if request.method in methods else "GET"  # HEAD of a GET
        return await methods[method](request)

    return Route(path, answer, methods=list(methods))


def _let_in(request: Request) -> None:
    """Nothing: the edge has let nobody through without the route's scope."""


def make_app(gateway: Gateway, static: StaticFiles, access_log: AccessLog) -> ASGIApp:
    health, model, live = HealthRoutes(gateway), ModelRoutes(gateway), LiveRoutes(gateway)
    session, admin = SessionRoutes(gateway.access), AdminRoutes(gateway.access)
    metrics = MetricsRoutes(gateway.metrics, authorize=_let_in, others=gateway.numbers_of_others)
    logs = AdminLogRoutes(gateway.live_log, authorize=_let_in)
    models = AdminModelRoutes(gateway.launcher, authorize=_let_in)
    updates = AdminUpdateRoutes(gateway.launcher, authorize=_let_in)
    images = ImageRoutes(
        gateway.pictures.workshop, gateway.pictures.threads, body_timeout_s=gateway.options.body_timeout_s
    )
    tools, calls = ToolRoutes(gateway), ToolCallRoutes(gateway)
    router = Router(
        [
            Route("/health", health.health, methods=["GET"]),
            Route("/health/live", health.live, methods=["GET"]),
            Route("/health/ready", health.ready, methods=["GET"]),
            Route("/v1/models", model.list_models, methods=["GET"]),
            Route("/v1/models/{model_id:path}", model.get_model, methods=["GET"]),
            Route(CHAT, _only_post, methods=["GET", "PUT", "PATCH", "DELETE", "OPTIONS"]),
            Route(COMPLETION, _only_post, methods=["GET", "PUT", "PATCH", "DELETE", "OPTIONS"]),
            Route("/api/info", model.info, methods=["GET"]),
            Route("/api/tokenize", model.tokenize, methods=["POST"]),
            Route("/api/events", live.events, methods=["GET"]),
            Route("/api/answers/{key}", live.stop_answer, methods=["DELETE"]),
            Route("/api/logs", live.log, methods=["POST"]),
            _route("/api/session", GET=session.show, POST=session.sign_in, DELETE=session.sign_out),
            _route("/api/admin/keys", GET=admin.list_keys, POST=admin.create_key),
            _route("/api/admin/keys/{id}", PATCH=admin.change_key, DELETE=admin.revoke_key),
            Route("/api/admin/models", models.show, methods=["GET"]),
            _route("/api/admin/models/pull", POST=models.pull, DELETE=models.cancel),
            _route("/api/admin/updates", GET=updates.show, POST=updates.start, DELETE=updates.cancel),
            Route("/api/admin/updates/rollback", updates.roll_back, methods=["POST"]),
            _route("/api/images/{sha256}", PUT=images.put, HEAD=images.head),
            Route("/api/tools", tools.list_tools, methods=["GET"]),
            Route("/api/tools/{plugin}/{tool}", tools.call, methods=["POST"]),
            Route("/api/tool-calls/{id}", calls.decide, methods=["POST"]),
            Route("/metrics", metrics.metrics, methods=["GET"]),
            Route("/api/admin/logs", logs.logs, methods=["GET"]),
            Route("/api/admin/usage", admin.usage, methods=["GET"]),
        ],
        redirect_slashes=False,
        # Not a route: one that takes every path would hide that a known path has other methods.
        default=static,
    )
    return Edge(router, gateway, access_log)
