"""A manifest names a model's files with size and SHA-256; this module holds files against it.

Hashing gigabytes at every start would take minutes, so a verified file is remembered with its
size, modification time and inode (`VerificationRecord`); only a file that changed is hashed again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec

from huiyan.errors import DigestMismatchError, DiskFullError, ModelFileMissingError, StoreError
from huiyan.messages import refusal

_CHUNK_BYTES = 4 * 1024 * 1024


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One file. path: below the manifest's directory, with forward slashes. sha256: lower-case hex."""

    path: str
    size_bytes: Annotated[int, msgspec.Meta(ge=0)]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    files: list[FileEntry]


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    size_bytes: int
    mtime_ns: int
    inode: int
    sha256: str


def read_manifest(path: Path) -> Manifest:
    """Raises: ModelFileMissingError when there is none, StoreError when it cannot be read as one."""
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise refusal(ModelFileMissingError, "manifest.missing", path=path) from None
    except (msgspec.MsgspecError, OSError) as error:
        raise refusal(StoreError, "manifest.unreadable", path=path, reason=error) from error
    for entry in manifest.files:
        parts = entry.path.split("/")
        if entry.path.startswith("/") or ".." in parts or "" in parts:
            raise refusal(StoreError, "manifest.outside", path=path, name=entry.path)
    return manifest


def check_sizes(directory: Path, manifest: Manifest) -> None:
    """The quick look: every file is there and has its size.

    Raises: ModelFileMissingError, DigestMismatchError.
    """
    for entry in manifest.files:
        path = directory / entry.path
        try:
            size_bytes = path.stat().st_size
        except OSError:
            raise refusal(
                ModelFileMissingError, "manifest.file_missing", name=manifest.name, path=path
            ) from None
        if size_bytes != entry.size_bytes:
            raise refusal(
                DigestMismatchError,
                "manifest.size",
                path=path,
                size_bytes=size_bytes,
                wanted_bytes=entry.size_bytes,
            )


def sha256_file(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """Hex digest of the file; `on_bytes` is told the size of each piece that was read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK_BYTES):
            digest.update(piece)
            if on_bytes is not None:
                on_bytes(len(piece))
    return digest.hexdigest()


class VerificationRecord:
    """Which files were hashed before, in a JSON file; losing it costs only hashing again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._seen = msgspec.json.decode(path.read_bytes(), type=dict[str, _Seen])
        except (OSError, msgspec.MsgspecError):
            self._seen = {}

    def verified(self, path: Path, entry: FileEntry) -> bool:
        """Whether this very file had the entry's digest and has not changed since."""
        seen = _look(path, entry.sha256)
        return seen is not None and self._seen.get(str(path)) == seen

    def add(self, path: Path, entry: FileEntry) -> None:
        seen = _look(path, entry.sha256)
        if seen is not None:
            self._seen[str(path)] = seen

    def save(self) -> None:
        """Raises: DiskFullError, StoreError."""
        write_atomic(self._path, msgspec.json.encode(self._seen))


def verify(
    directory: Path,
    manifest: Manifest,
    record: VerificationRecord,
    on_fraction: Callable[[float], None] | None = None,
) -> int:
    """Hash each file that the record does not know; return how many were hashed.

    on_fraction: told 0..1 of the bytes to be hashed; called from the caller's thread.
    Raises: ModelFileMissingError, DigestMismatchError, DiskFullError, StoreError.
    """
    check_sizes(directory, manifest)
    unknown = [entry for entry in manifest.files if not record.verified(directory / entry.path, entry)]
    total_bytes = sum(entry.size_bytes for entry in unknown) or 1
    done_bytes = 0

    def count(size_bytes: int) -> None:
        nonlocal done_bytes
        done_bytes += size_bytes
        if on_fraction is not None:
            on_fraction(done_bytes / total_bytes)

    for entry in unknown:
        path = directory / entry.path
        try:
            found = sha256_file(path, count)
        except OSError as error:
            raise refusal(StoreError, "manifest.file_unreadable", path=path, reason=error.strerror) from error
        if found != entry.sha256:
            raise refusal(
                DigestMismatchError, "manifest.digest", path=path, found=found[:12], wanted=entry.sha256[:12]
            )
        record.add(path, entry)
    if unknown:
        record.save()
    return len(unknown)


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write beside `path`, fsync, rename: a reader finds the old or the new bytes, never a part.

    Raises: DiskFullError, StoreError.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise disk_error(error, path) from error


def disk_error(error: OSError, path: Path) -> StoreError:
    """The error of ours for a write to `path` that failed."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return refusal(DiskFullError, "disk.full", path=path.parent)
    return refusal(StoreError, "disk.write", path=path, reason=error.strerror)


def _look(path: Path, sha256: str) -> _Seen | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return _Seen(size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns, inode=stat.st_ino, sha256=sha256)
