"""`/api/admin/keys` and `/api/admin/usage`; the edge has seen to it that the caller is an administrator."""

from __future__ import annotations

import time
from typing import Any, get_args

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from huiyan.errors import ForbiddenError, RequestError
from huiyan.gateway.access.caller import caller_of
from huiyan.gateway.access.principal import LOCAL, Scope
from huiyan.gateway.access.runtime import Access
from huiyan.gateway.routes.responses import json_response, read_json
from huiyan.gateway.schema_admin import (
    ChangeKeyRequest,
    CreatedKey,
    CreateKeyRequest,
    KeyInfo,
    KeyList,
    ScopeName,
    UsageEntry,
    UsageReport,
)
from huiyan.state.records import KeyRecord

_MAX_BYTES = 16 * 1024
_MAX_DAYS = 3660
_DAY_S = 86_400


class AdminRoutes:
    def __init__(self, access: Access) -> None:
        self._access = access

    async def list_keys(self, request: Request) -> Response:
        _administrator(request)
        snapshot = await self._access.on_database(lambda db: db.snapshot())
        return json_response(KeyList(keys=[info_of(record) for record in snapshot.keys]))

    async def create_key(self, request: Request) -> Response:
        """201 with the secret, which is shown this once."""
        _administrator(request)
        asked = await read_json(request, CreateKeyRequest, max_bytes=_MAX_BYTES)
        from huiyan.state.issue import issue_key

        record, secret = await self._access.on_database(
            lambda db: issue_key(
                db,
                name=asked.name,
                scopes=sorted(set(asked.scopes)),
                origin="api",
                expires_unix_s=_moment(asked.expires_in_s),
                priority=asked.priority,
                requests_per_min=asked.requests_per_min,
                tokens_per_min=asked.tokens_per_min,
                streams=asked.streams,
                bytes_per_day=asked.bytes_per_day,
            )
        )
        await self._access.reload()
        return json_response(CreatedKey(key=info_of(record), secret=secret), 201)

    async def change_key(self, request: Request) -> Response:
        """200 with the key as it is now. Raises: NotFoundError."""
        caller = _administrator(request)
        asked = await read_json(request, ChangeKeyRequest, max_bytes=_MAX_BYTES)
        key_id = request.path_params["id"]
        # Any: columns of different types.
        changes: dict[str, Any] = {
            name: value
            for name in asked.__struct_fields__
            if (value := getattr(asked, name)) is not msgspec.UNSET
        }
        if "expires_in_s" in changes:
            changes["expires_unix_s"] = _moment(changes.pop("expires_in_s"))
        if "scopes" in changes:
            changes["scopes"] = sorted(set(changes["scopes"]))
            if key_id == caller and Scope.ADMIN.value not in changes["scopes"]:
                raise _own_key("The key that you use would lose its scope admin.")
        record = await self._access.on_database(lambda db: db.update_key(key_id, changes))
        await self._access.reload()
        return json_response(info_of(record))

    async def revoke_key(self, request: Request) -> Response:
        """204; again, too. Its sessions end with it. Raises: NotFoundError."""
        caller = _administrator(request)
        key_id = request.path_params["id"]
        if key_id == caller:
            raise _own_key("This is the key that you use.")
        await self._access.on_database(lambda db: db.revoke_key(key_id))
        await self._access.reload()
        return Response(status_code=204)

    async def usage(self, request: Request) -> Response:
        """?days= how far back, today included; ?key= one key's id."""
        _administrator(request)
        since_day = day_before(_days(request.query_params.get("days", "30")) - 1)
        key_id = request.query_params.get("key")
        await self._access.usage.flush()
        rows = await self._access.on_database(lambda db: db.usage(since_day=since_day, key_id=key_id))
        snapshot = await self._access.on_database(lambda db: db.snapshot())
        names = {record.id: record.name for record in snapshot.keys} | {LOCAL.id: LOCAL.name}
        entries = [
            UsageEntry(
                key_id=row.key_id,
                name=names.get(row.key_id, ""),
                day=row.day,
                **{name: getattr(row.counts, name) for name in row.counts.__struct_fields__},
            )
            for row in rows
        ]
        return json_response(UsageReport(since_day=since_day, usage=entries))


def info_of(record: KeyRecord, now_unix_s: float | None = None) -> KeyInfo:
    """What may be shown of a key: everything but its digest."""
    now = time.time() if now_unix_s is None else now_unix_s
    known: tuple[ScopeName, ...] = get_args(ScopeName)
    shown = {name: getattr(record, name) for name in record.__struct_fields__ if name != "digest"}
    shown["scopes"] = [scope for scope in record.scopes if scope in known]
    return KeyInfo(**shown, state=record.state(now))


def day_before(days: int) -> str:
    """YYYY-MM-DD in UTC, so many days ago."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - days * _DAY_S))


def _administrator(request: Request) -> str:
    """The caller's id. The edge has checked the scope; a route that was wired past it stays closed."""
    caller = caller_of(request.scope)
    if Scope.ADMIN not in caller.scopes:
        raise ForbiddenError(
            "Only an administrator's key opens this.", hint="Use a key with the scope admin."
        )
    return caller.id


def _own_key(message: str) -> ForbiddenError:
    return ForbiddenError(message, hint="Use another administrator's key, or the command `huiyan keys`.")


def _moment(in_s: int | None) -> int | None:
    return None if in_s is None else int(time.time()) + in_s


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= _MAX_DAYS:
        raise RequestError(
            "`days` is no number of days.", hint=f"Write a number from 1 to {_MAX_DAYS}.", param="days"
        )
    return int(text)
