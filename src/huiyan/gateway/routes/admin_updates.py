"""`/api/admin/updates`: components, their releases, and replacing one. The launcher does the work."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from huiyan.gateway.launcher_link import LauncherLink
from huiyan.gateway.routes.responses import json_response, read_json
from huiyan.gateway.schema_updates import RollbackRequest, UpdateRequest
from huiyan.updates.status import UpdatesReport, UpdateStatus

_MAX_BYTES = 4096


class AdminUpdateRoutes:
    """authorize: raises where the caller may not; the edge has checked the scope before."""

    def __init__(self, link: LauncherLink, *, authorize: Callable[[Request], None]) -> None:
        self._link = link
        self._authorize = authorize

    async def show(self, request: Request) -> Response:
        """The feed is the configured one: an address from a page would let it choose what is run here."""
        self._authorize(request)
        return json_response(await self._link.ask("updates", UpdatesReport))

    async def start(self, request: Request) -> Response:
        """202 with the update, which goes on by itself; `update` in /api/events says how far it is.

        Raises: UpdateRunningError, UpdateNotOfferedError, ReleaseFeedError and their kinds, NoLauncherError.
        """
        self._authorize(request)
        asked = await read_json(request, UpdateRequest, max_bytes=_MAX_BYTES)
        fields = {"component": asked.component, "version": asked.version}
        return json_response(await self._link.ask("update", UpdateStatus, **fields), 202)

    async def cancel(self, request: Request) -> Response:
        """204, also where nothing runs. What was active stays, or comes back."""
        self._authorize(request)
        await self._link.ask("update_cancel", dict)
        return Response(status_code=204)

    async def roll_back(self, request: Request) -> Response:
        """202 with the way back, an update like any other. Raises: as `start`, NoRollbackError."""
        self._authorize(request)
        asked = await read_json(request, RollbackRequest, max_bytes=_MAX_BYTES)
        return json_response(
            await self._link.ask("update_rollback", UpdateStatus, component=asked.component), 202
        )
