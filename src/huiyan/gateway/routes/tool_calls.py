"""`POST /api/tool-calls/{id}`: the answer to a call that the model wants to make."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from huiyan.errors import NotFoundError
from huiyan.gateway.access.caller import caller_of
from huiyan.gateway.routes.responses import read_json
from huiyan.gateway.service import Gateway
from huiyan.gateway.tool_loop.events import ToolCallAnswer

_MAX_BYTES = 1024


class ToolCallRoutes:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def decide(self, request: Request) -> Response:
        """204 once it is said. Only whoever sent the request may say it, and only once."""
        gateway = self._gateway
        caller = caller_of(request.scope)
        answer = await read_json(request, ToolCallAnswer, max_bytes=_MAX_BYTES)
        call = str(request.path_params["id"])
        if gateway.consents.decide(call, caller.id, allow=answer.allow):
            return Response(status_code=204)
        if gateway.shared is not None:
            # Another worker may ask; whether one does is not waited for.
            gateway.shared.decide(call, caller.id, allow=answer.allow)
            return Response(status_code=204)
        raise NotFoundError(
            "No call waits for an answer under this id.",
            hint="It was answered already, or waited for too long.",
        )
