"""Listings made from a models.lock, for sources that are described by one."""

from __future__ import annotations

from huiyan.errors import SourceNotFoundError
from huiyan.messages import refusal
from huiyan.sources.listed import checked_listing
from huiyan.sources.protocol import Listing, RemoteFile, SourceName
from huiyan.store.lock import LockFile


def listing_of(
    locks: LockFile, *, source: SourceName, endpoint: str, model_id: str, revision: str | None
) -> Listing:
    """revision: as the lock has it, asked for or resolved; None: whatever it has.

    Raises: SourceNotFoundError, SourceProtocolError.
    """
    lock = locks.find(model_id)
    if lock is None or (revision is not None and revision not in (lock.revision, lock.resolved)):
        raise refusal(
            SourceNotFoundError,
            "sources.model_not_found",
            source=endpoint,
            id=model_id,
            revision=revision or "–",
        )
    return checked_listing(
        Listing(
            source=source,
            endpoint=endpoint,
            id=lock.id,
            revision=lock.revision,
            resolved=lock.resolved,
            files=tuple(
                RemoteFile(path=file.path, size_bytes=file.size_bytes, sha256=file.sha256)
                for file in lock.files
            ),
        ),
        asked=model_id,
    )
