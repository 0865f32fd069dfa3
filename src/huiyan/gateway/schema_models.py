"""Bodies of `/api/admin/models`."""

from __future__ import annotations

from typing import Annotated

import msgspec

from huiyan.store.fetching import FetchStatus, StoredModel


class ModelsReport(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /api/admin/models`. wanted: what was asked for and is not here; None: nothing is.

    wanted_bytes: about what a fetch of it takes; None where that is not known before the hub is asked.
    """

    models: list[StoredModel]
    wanted: str | None
    wanted_bytes: int | None
    fetch: FetchStatus | None


class PullRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /api/admin/models/pull`. id: left out, what is wanted."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
