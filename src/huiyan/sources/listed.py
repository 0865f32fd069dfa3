"""What a hub or an index lists, refused where it could do harm or contradicts itself."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

from huiyan.errors import LockError, SourceNotFoundError, SourceProtocolError
from huiyan.messages import refusal
from huiyan.sources.protocol import Listing, RemoteFile
from huiyan.store.names import check_model_id, check_paths, is_sha256, same_but_for_case

_GIT_OID: Final = re.compile(r"[0-9a-f]{40}")
_MOST_FILES: Final = 100_000


def checked_listing(listing: Listing, *, asked: str) -> Listing:
    """The listing with its files in order. asked: the id that was asked for; only its case may differ.

    Raises: SourceProtocolError, SourceNotFoundError for a listing without files.
    """
    host = urlsplit(listing.endpoint).hostname or listing.endpoint
    if not listing.files:
        raise refusal(
            SourceNotFoundError,
            "sources.model_not_found",
            source=listing.source,
            id=listing.id,
            revision=listing.revision,
        )
    if not same_but_for_case(listing.id, asked):
        raise _wrong(host, f"lists {listing.id!a} for {asked!a}")
    if len(listing.files) > _MOST_FILES:
        raise _wrong(host, f"lists {len(listing.files):,} files")
    try:
        check_model_id(listing.id)
        check_paths(file.path for file in listing.files)
    except LockError as error:
        raise _wrong(host, error.message) from error
    for file in listing.files:
        _check(file, host)
    return msgspec.structs.replace(
        listing, files=tuple(sorted(listing.files, key=lambda file: file.path.encode()))
    )


def _check(file: RemoteFile, host: str) -> None:
    if file.size_bytes < 0:
        raise _wrong(host, f"lists an impossible size of {file.path!a}")
    if file.sha256 is not None and not is_sha256(file.sha256):
        raise _wrong(host, f"lists no usable SHA-256 of {file.path!a}")
    if file.git_oid is not None and _GIT_OID.fullmatch(file.git_oid) is None:
        raise _wrong(host, f"lists no usable object id of {file.path!a}")


def _wrong(host: str, reason: str) -> SourceProtocolError:
    return refusal(SourceProtocolError, "sources.protocol", host=host, reason=reason)
