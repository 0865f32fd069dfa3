"""`GET /api/admin/logs`: the live log, for the admin page."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from huiyan.errors import RequestError
from huiyan.gateway.live_log import LiveLog
from huiyan.log.choice import LEVELS, SOURCES, Choice, since_of

_MAX_LINES = 1000
_DEFAULT_LINES = 200
_KNOWN = ("source", "level", "request", "since", "lines")


class AdminLogRoutes:
    """authorize: raises what the client is told if it may not read the log."""

    def __init__(self, log: LiveLog, *, authorize: Callable[[Request], None]) -> None:
        self._log = log
        self._authorize = authorize

    async def logs(self, request: Request) -> Response:
        """SSE: `log` (a record) for each of the last `lines`, `live`, then each new one; `skipped` for gaps.

        Query: source, level, request (an id), since (15m, 2h, 1d, or a moment), lines (0 to 1000).
        """
        self._authorize(request)
        choice, lines = _asked(request)
        return StreamingResponse(
            await self._log.open(choice, lines=lines),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )


def _asked(request: Request) -> tuple[Choice, int]:
    """Raises: RequestError."""
    query = request.query_params
    for name in query:
        if name not in _KNOWN:
            raise RequestError(
                f"`{name[:50]}` is not known here.", hint=f"Known: {', '.join(_KNOWN)}.", param=name[:50]
            )
    since = None
    try:
        if "since" in query:
            since = since_of(query["since"])
    except (ValueError, OverflowError):
        raise RequestError(
            "`since` is no moment.", hint="15m, 2h, 1d, or 2026-01-31T08:00.", param="since"
        ) from None
    text = query.get("lines", str(_DEFAULT_LINES))
    if not text.isascii() or not text.isdecimal() or int(text[:5]) > _MAX_LINES:
        raise RequestError("`lines` is no such number.", hint=f"0 to {_MAX_LINES}.", param="lines")
    choice = Choice(
        source=_one_of(query.get("source"), SOURCES, "source"),
        level=_one_of(query.get("level"), LEVELS, "level"),
        request_id=query.get("request"),
        since=since,
    )
    return choice, int(text)


def _one_of(value: str | None, known: tuple[str, ...], name: str) -> str | None:
    if value is not None and value not in known:
        raise RequestError(
            f"`{name}` does not have this value.", hint=f"One of: {', '.join(known)}.", param=name
        )
    return value
