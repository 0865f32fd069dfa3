"""Files by the SHA-256 of their bytes. What lies there is whole; its name alone is not believed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from huiyan.errors import DigestMismatchError, StoreError
from huiyan.messages import refusal
from huiyan.store.durable import (
    failures_of,
    make_directory,
    move_away,
    new_file,
    place,
    sync_directory,
    temporary,
)
from huiyan.store.layout import Layout
from huiyan.store.locks import FileLock
from huiyan.store.names import is_sha256
from huiyan.store.partial import Partial
from huiyan.store.record import VerifiedFiles

_PIECE_BYTES: Final = 4 * 1024 * 1024


class Blobs:
    """Thread-safe, and safe beside other processes."""

    def __init__(self, layout: Layout, record: VerifiedFiles | None = None) -> None:
        self.layout = layout
        self.record = record if record is not None else VerifiedFiles(layout)

    def path(self, sha256: str) -> Path:
        """Where the blob is or would be. Raises: ValueError for what is no digest."""
        if not is_sha256(sha256):
            raise ValueError(f"no SHA-256: {sha256!r}")
        return self.layout.blob(sha256)

    def has(self, sha256: str, size_bytes: int, on_bytes: Callable[[int], None] | None = None) -> bool:
        """Whether it is there and whole. Its name alone is not believed.

        A blob that no record knows is hashed (`on_bytes` is told the size of each piece); one that turns
        out to be damaged is moved to damaged/, and is not there any more. Raises: StoreError.
        """
        return self.size(sha256, on_bytes) == size_bytes

    def size(self, sha256: str, on_bytes: Callable[[int], None] | None = None) -> int | None:
        """Its size in bytes; None when it is not there or not whole. Raises: StoreError."""
        path = self.path(sha256)
        with failures_of(path):
            try:
                found = path.lstat()
            except FileNotFoundError:
                return None
            if stat.S_ISREG(found.st_mode):
                if self.record.knows(found, sha256):
                    return found.st_size
                if hash_file(path, on_bytes) == sha256:
                    self.record.add(found, sha256)
                    return found.st_size
        self.set_aside(sha256)
        return None

    def set_aside(self, sha256: str) -> None:
        """Move a damaged blob out of the way, so that the next pull fetches it again. Raises: StoreError."""
        path = self.path(sha256)
        with self._shared(), failures_of(path):
            if path.is_symlink() or path.exists():
                move_away(path, self.layout.damaged, f"{sha256[:16]}-")

    def open_partial(
        self,
        sha256: str | None,
        size_bytes: int,
        *,
        key: str | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> Partial:
        """What is there of a blob, to be completed. One at a time: another process (or thread) waits here.

        When the one before has finished it, or it was there from the start, the answer has nothing missing
        and its `finish` returns the blob. When that one died, this one goes on where it stopped.

        sha256: None where the source names none; then `key` tells one file of one source from another
        (with its ETag, if it has one). on_wait: called while waiting; what it raises ends the wait.
        Raises: StoreError, DiskFullError.
        """
        if sha256 is None:
            if key is None:
                raise ValueError("a file without a digest needs a key")
            name = "key-" + hashlib.sha256(f"{size_bytes}\n{key}".encode()).hexdigest()
        else:
            name = self.path(sha256).name
        lock = FileLock(self.layout.partial_lock(name), on_wait=on_wait)
        lock.acquire()
        try:
            if sha256 is not None and self.has(sha256, size_bytes):
                lock.release()
                return Partial.of_finished(self.path(sha256), sha256, size_bytes)
            return Partial(
                sha256=sha256,
                size_bytes=size_bytes,
                directory=self.layout.partial / name,
                lock=lock,
                publish=self._publish,
            )
        except BaseException:
            lock.release()
            raise

    def create(self, data: bytes | Path) -> str:
        """Store these bytes, or a copy of this file; its digest. Raises: StoreError, DiskFullError."""
        if isinstance(data, Path):
            return self.adopt(data, link=False)
        sha256 = hashlib.sha256(data).hexdigest()
        with self._shared(), failures_of(self.path(sha256)):
            if self.size(sha256) != len(data):
                made = temporary(self.layout.tmp)
                new_file(made, data, 0o444)
                self._put(made, sha256)
        return sha256

    def adopt(
        self,
        path: Path,
        *,
        link: bool,
        sha256: str | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> str:
        """Store a file of this machine: cloned where the file system can, else hard linked, else copied.

        The original stays as it is, its mode included. link: False where somebody may write to it in place.
        sha256: what it has to be. on_bytes: told the size of each piece that was hashed. Returns the digest.
        Raises: DigestMismatchError, StoreError, DiskFullError.
        """
        with failures_of(path):
            source = path.resolve(strict=True)
            before = source.stat()
            if not stat.S_ISREG(before.st_mode):
                raise refusal(StoreError, "store.no_regular_file", path=path)
            found = hash_file(source, on_bytes)
            if sha256 is not None and found != sha256:
                raise refusal(
                    DigestMismatchError, "store.source_mismatch", found=found[:12], sha256=sha256[:12]
                )
            if self.size(found) is not None:
                return found
            with self._shared():
                make_directory(self.layout.tmp)
                made = temporary(self.layout.tmp)
                place(source, made, link=link)
                after = made.stat()
                moved = (source.stat().st_size, source.stat().st_mtime_ns) != (
                    before.st_size,
                    before.st_mtime_ns,
                )
                if moved or after.st_size != before.st_size:
                    made.unlink()
                    raise refusal(StoreError, "store.changed_while_read", path=path)
                if after.st_ino != before.st_ino and hash_file(made) != found:
                    made.unlink()
                    raise refusal(StoreError, "store.changed_while_read", path=path)
                _sync(made)
                self._put(made, found)
        return found

    def all(self) -> list[str]:
        """Digests of what lies there, whole or not."""
        if not self.layout.blobs.is_dir():
            return []
        return sorted(
            entry.name
            for folder in self.layout.blobs.iterdir()
            if folder.is_dir()
            for entry in folder.iterdir()
            if is_sha256(entry.name) and entry.name.startswith(folder.name)
        )

    def _publish(self, data: Path, fd: int, sha256: str) -> Path:
        """Put a synced file among the blobs, unless the same bytes came another way meanwhile."""
        with self._shared():
            if self.size(sha256) is None:
                self._put(data, sha256, os.fstat(fd))
        return self.path(sha256)

    def _put(self, made: Path, sha256: str, known: os.stat_result | None = None) -> None:
        path = self.path(sha256)
        make_directory(path.parent)
        made.replace(path)
        sync_directory(path.parent)
        self.record.add(known if known is not None else path.lstat(), sha256)

    def _shared(self) -> FileLock:
        return FileLock(self.layout.store_lock, shared=True)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def hash_file(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """SHA-256 in hex. Raises: OSError."""
    digest = hashlib.sha256()
    buffer = bytearray(_PIECE_BYTES)
    view = memoryview(buffer)
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        while count := os.readv(fd, [buffer]):
            digest.update(view[:count])
            if on_bytes is not None:
                on_bytes(count)
    finally:
        os.close(fd)
    return digest.hexdigest()
