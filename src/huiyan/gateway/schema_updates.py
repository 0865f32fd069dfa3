"""Bodies of `/api/admin/updates`; the answers are `huiyan.updates.status`."""

from __future__ import annotations

from typing import Annotated

import msgspec

_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}\Z")]


class UpdateRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /api/admin/updates`. version: left out, the newest that fits. From the configured feed alone."""

    component: _Name
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None


class RollbackRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /api/admin/updates/rollback`."""

    component: _Name
