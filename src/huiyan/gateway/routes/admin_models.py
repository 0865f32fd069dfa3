"""`/api/admin/models`: what is in the store, and fetching what is wanted. The launcher does the work."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from huiyan.gateway.launcher_link import LauncherLink
from huiyan.gateway.routes.responses import json_response, read_json
from huiyan.gateway.schema_models import ModelsReport, PullRequest
from huiyan.store.fetching import FetchStatus

_MAX_BYTES = 4096


class AdminModelRoutes:
    """authorize: raises where the caller may not; the edge has checked the scope before."""

    def __init__(self, link: LauncherLink, *, authorize: Callable[[Request], None]) -> None:
        self._link = link
        self._authorize = authorize

    async def show(self, request: Request) -> Response:
        self._authorize(request)
        return json_response(await self._link.ask("models", ModelsReport))

    async def pull(self, request: Request) -> Response:
        """202 with the fetch, which goes on by itself; the same again while it runs.

        Raises: ModelBusyError while another model is fetched, NoLauncherError, StoreError.
        """
        self._authorize(request)
        asked = await read_json(request, PullRequest, max_bytes=_MAX_BYTES)
        return json_response(await self._link.ask("pull", FetchStatus, id=asked.id), 202)

    async def cancel(self, request: Request) -> Response:
        """204, also where nothing is being fetched. What has arrived is kept, and a later fetch goes on."""
        self._authorize(request)
        await self._link.ask("cancel_pull", dict)
        return Response(status_code=204)
