"""Pictures that were sent once and are referred to by hash: on disk, bounded, expiring, apart by owner.

Kept is what intake made of a picture (decoded, checked, upright, without metadata), under the SHA-256 of
what the client sent: nothing has to be decoded when it is used, and no GPS position lies on the disk. Several
gateway processes share one directory: a file is written under another name and renamed, a file that is gone
or damaged is a miss, and the client sends the picture again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huiyan.errors import DiskFullError, PayloadTooLargeError
from huiyan.gateway.pictures.limits import MediaType, PreparedImage

#: Magic and version, SHA-256 of the picture, media type, width, height.
_HEAD = struct.Struct(">4s32sBII")
_MAGIC = b"hyp1"
_MEDIA_TYPES: tuple[MediaType, ...] = ("image/jpeg", "image/png")

_DIGITS = frozenset("0123456789abcdef")

#: The time of last use is written again after this long: a turn must not cost nine writes.
_TOUCH_AFTER_S = 60.0

#: A temporary file as old as this belongs to a process that died.
_STALE_S = 3600.0


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    size_bytes: int
    used_unix_s: float


class ImageStore:
    """Blocking file work: call it in threads. Safe in several threads and processes at once."""

    def __init__(self, root: Path, *, max_bytes_per_owner: int, max_total_bytes: int, keep_s: float) -> None:
        """root: made when it is first needed. keep_s: from a picture's last use."""
        self.keep_s = keep_s
        self._root = root
        self._max_bytes_per_owner = min(max_bytes_per_owner, max_total_bytes)
        self._max_total_bytes = max_total_bytes
        self._lock = threading.Lock()
        self._written_bytes = 0

    def put(self, owner: str, sha256: str, image: PreparedImage) -> None:
        """Keep what was made of the file with this hash; the longest unused pictures of the owner make room.

        Raises: PayloadTooLargeError (larger than all that one owner may keep), DiskFullError.
        """
        size_bytes = _HEAD.size + len(image.data)
        if size_bytes > self._max_bytes_per_owner:
            raise PayloadTooLargeError(
                f"The picture has {size_bytes:,} bytes; one key can keep {self._max_bytes_per_owner:,}.",
                hint="Send it within the request, as a data URL.",
            )
        path = self._path(owner, sha256)
        head = _HEAD.pack(
            _MAGIC,
            hashlib.sha256(image.data).digest(),
            _MEDIA_TYPES.index(image.media_type),
            image.width,
            image.height,
        )
        try:
            try:
                self._write(path, head, image.data)
            except FileNotFoundError:  # a sweep removed the directory while it was empty
                self._write(path, head, image.data)
        except OSError as error:
            raise DiskFullError(
                f"The picture cannot be kept: {error.strerror}.",
                hint="Free some space in the data directory, or send pictures within the request.",
            ) from error
        self._make_room(path.parent, keep=path)
        with self._lock:
            self._written_bytes += size_bytes
            due = self._written_bytes > self._max_total_bytes // 16
            if due:
                self._written_bytes = 0
        if due:
            self.sweep()

    def get(self, owner: str, sha256: str) -> PreparedImage | None:
        """The picture that this owner keeps under the hash. Using it keeps it longer."""
        path = self._path(owner, sha256)
        try:
            with path.open("rb") as file:
                used_unix_s = os.fstat(file.fileno()).st_mtime
                head = file.read(_HEAD.size)
                data = file.read()
        except OSError:
            return None
        image = _image(head, data)
        if image is None or used_unix_s + self.keep_s < time.time():
            _remove(path)
            return None
        if used_unix_s + _TOUCH_AFTER_S < time.time():
            with contextlib.suppress(OSError):
                os.utime(path)
        return image

    def has(self, owner: str, sha256: str) -> bool:
        """Whether a file is there; only `get` looks whether it is whole."""
        return self.expires_s(owner, sha256) is not None

    def expires_s(self, owner: str, sha256: str) -> float | None:
        """Seconds until the picture is forgotten unless it is used; None where it is not there."""
        try:
            used_unix_s = self._path(owner, sha256).stat().st_mtime
        except OSError:
            return None
        left_s = used_unix_s + self.keep_s - time.time()
        return left_s if left_s > 0 else None

    def sweep(self) -> None:
        """Remove what expired, and what is too much altogether, longest unused first."""
        entries: list[_Entry] = []
        now = time.time()
        for owner in _directories(self._root):
            for entry in _entries(owner):
                stale_s = _STALE_S if entry.path.name.startswith(".") else self.keep_s
                if entry.used_unix_s + stale_s < now:
                    _remove(entry.path)
                else:
                    entries.append(entry)
            with contextlib.suppress(OSError):
                owner.rmdir()  # only where it is empty
        _shrink(entries, self._max_total_bytes)

    def forget(self, owner: str) -> None:
        """Remove all that an owner keeps (a revoked key)."""
        for entry in _entries(self._directory(owner)):
            _remove(entry.path)

    def _make_room(self, directory: Path, keep: Path) -> None:
        entries = list(_entries(directory))
        kept = next((entry.size_bytes for entry in entries if entry.path == keep), 0)
        _shrink([entry for entry in entries if entry.path != keep], self._max_bytes_per_owner - kept)

    def _directory(self, owner: str) -> Path:
        # Hashed: whatever an owner's name is, it is no path.
        return self._root / hashlib.blake2b(owner.encode("utf-8"), digest_size=16).hexdigest()

    def _path(self, owner: str, sha256: str) -> Path:
        if len(sha256) != 64 or not _DIGITS.issuperset(sha256):
            raise ValueError("not a SHA-256 in lower case")
        return self._directory(owner) / sha256

    def _write(self, path: Path, *pieces: bytes) -> None:
        # Not fsynced: after a power cut a damaged file is a miss, and the client sends the picture again.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
        try:
            with os.fdopen(fd, "wb") as file:
                file.writelines(pieces)
            Path(temporary).replace(path)
        except BaseException:
            _remove(Path(temporary))
            raise


def _image(head: bytes, data: bytes) -> PreparedImage | None:
    if len(head) != _HEAD.size:
        return None
    magic, digest, media_type, width, height = _HEAD.unpack(head)
    if magic != _MAGIC or media_type >= len(_MEDIA_TYPES) or hashlib.sha256(data).digest() != digest:
        return None
    return PreparedImage(data, _MEDIA_TYPES[media_type], width, height, changed=False)


def _directories(root: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError), os.scandir(root) as found:
        yield from [Path(entry.path) for entry in found if entry.is_dir(follow_symlinks=False)]


def _entries(directory: Path) -> Iterator[_Entry]:
    with contextlib.suppress(OSError), os.scandir(directory) as found:
        for entry in found:
            with contextlib.suppress(OSError):  # another process was faster
                status = entry.stat(follow_symlinks=False)
                yield _Entry(Path(entry.path), status.st_size, status.st_mtime)


def _shrink(entries: list[_Entry], max_bytes: int) -> None:
    total_bytes = sum(entry.size_bytes for entry in entries)
    for entry in sorted(entries, key=lambda entry: entry.used_unix_s):
        if total_bytes <= max_bytes:
            return
        _remove(entry.path)
        total_bytes -= entry.size_bytes


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
