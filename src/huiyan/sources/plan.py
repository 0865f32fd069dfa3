"""Which of the listed files are wanted, and which of them are here."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Sequence

import msgspec

from huiyan.errors import SourceNotFoundError
from huiyan.messages import refusal
from huiyan.sources.protocol import Listing, RemoteFile, Source
from huiyan.sources.transfer import Item
from huiyan.store.catalogue import wanted_files
from huiyan.store.lock import ModelLock
from huiyan.store.snapshots import Store


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """files: all that the model will have.

    known: SHA-256 by path of those that the source has no digest of, but that are here.
    """

    files: tuple[RemoteFile, ...]
    known: dict[str, str] = {}

    def items(self, source: Source, listing: Listing) -> list[Item]:
        """What the transfer has to look at."""
        return [
            Item(
                path=file.path,
                origin=source.request(listing, file),
                size_bytes=file.size_bytes,
                sha256=file.sha256,
                git_oid=file.git_oid,
                key="\n".join(
                    (listing.endpoint, listing.id, listing.resolved or listing.revision, file.path,
                     file.git_oid or "", file.etag or "")
                ),
            )
            for file in self.files
            if file.path not in self.known
        ]  # fmt: skip


def plan_unlocked(
    listing: Listing,
    *,
    variant: str | None,
    include: Sequence[str],
    before: ModelLock | None,
    store: Store,
) -> Plan:
    """include: patterns of paths; empty: all that the model consists of.

    Raises: SourceNotFoundError when nothing is left, ModelFileMissingError for an unknown variant.
    """
    paths = [file.path for file in listing.files]
    wanted = set(
        [path for path in paths if any(fnmatch.fnmatchcase(path, pattern) for pattern in include)]
        if include
        else wanted_files(paths, variant=variant)
    )
    files = tuple(file for file in listing.files if file.path in wanted)
    if not files:
        raise refusal(SourceNotFoundError, "sources.nothing", id=listing.id)
    known: dict[str, str] = {}
    if before is not None:
        here = {file.path: file for file in before.files}
        for file in files:
            old = here.get(file.path)
            if file.sha256 is None and file.git_oid is not None and old is not None:
                same_size = old.size_bytes == file.size_bytes
                if same_size and store.blobs.has(old.sha256, old.size_bytes):
                    data = store.blobs.path(old.sha256).read_bytes()
                    if git_oid(data) == file.git_oid:
                        known[file.path] = old.sha256
    return Plan(files=files, known=known)


def plan_locked(listing: Listing, lock: ModelLock, digests: set[str]) -> Plan:
    """What the source has of the files with these digests; what it has of another digest does not count."""
    here = {file.path: file for file in listing.files}
    files: list[RemoteFile] = []
    for wanted in lock.files:
        found = here.get(wanted.path)
        if wanted.sha256 not in digests or found is None:
            continue
        if found.size_bytes == wanted.size_bytes and found.sha256 in (None, wanted.sha256):
            files.append(msgspec.structs.replace(found, sha256=wanted.sha256))
    return Plan(files=tuple(files))


def git_oid(data: bytes) -> str:
    """SHA-1 of the bytes as git names them."""
    return hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()
