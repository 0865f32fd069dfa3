"""Models carried to a machine without any network: a directory or a tar, checked by the lock in it.

`models.lock` first, then each blob once, as `blobs/sha256/ab/abcdef…`. Nothing is ever unpacked under a name
that the archive gives: a name only says which digest the bytes claim to have.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from huiyan.errors import ArchiveRefusedError, DigestMismatchError, LockError, StoreError
from huiyan.messages import Text, refusal
from huiyan.store.blobs import Blobs
from huiyan.store.durable import (
    copy_file,
    failures_of,
    make_directory,
    new_file,
    remove,
    sync_directory,
)
from huiyan.store.lock import MAX_LOCK_BYTES, LockFile, ModelLock, decode_lock, encode_lock
from huiyan.store.tar import Member, TarError, members, write_end, write_member

_LOCK: Final = "models.lock"
_PIECE_BYTES: Final = 1024 * 1024
OnBytes = Callable[[int], None]


def export_models(blobs: Blobs, locks: Iterable[ModelLock], target: Path, on_bytes: OnBytes | None) -> Path:
    """Write `target`: a tar if it is named *.tar, else a directory. It is there whole, or not at all.

    on_bytes: told the size of each piece that was written. Raises: StoreError when `target` exists,
    DiskFullError.
    """
    if target.exists() or target.is_symlink():
        raise refusal(StoreError, "store.target_exists", path=target)
    data = encode_lock(LockFile(models=tuple(locks)))
    sizes = _sizes(decode_lock(data, target))
    # The same name each time: what a kill left is taken over, not left lying.
    made = target.with_name(f".{target.name}.unfinished")
    with failures_of(target):
        remove(made)
        make_directory(target.parent)
        try:
            if target.suffix == ".tar":
                _write_tar(made, data, blobs, sizes, on_bytes)
            else:
                _write_directory(made, data, blobs, sizes, on_bytes)
            made.rename(target)
        except TarError as error:
            raise refusal(StoreError, "store.changed_while_read", path=str(error)) from error
        finally:
            with contextlib.suppress(OSError):
                remove(made)
        sync_directory(target.parent)
    return target


def import_models(blobs: Blobs, path: Path, on_bytes: OnBytes | None) -> LockFile:
    """Store every blob of a tar or directory that `export_models` wrote. Returns its lock.

    on_bytes: told the size of each piece that was read.
    Raises: ArchiveRefusedError, DiskFullError, StoreError.
    """
    try:
        with failures_of(path):
            if path.is_dir():
                return _import_directory(blobs, path, on_bytes)
            return _import_tar(blobs, path, on_bytes)
    except TarError as error:
        raise _refused(path, str(error)) from None
    except (LockError, DigestMismatchError) as error:
        raise _refused(path, error.message) from error


def _write_tar(
    made: Path, lock: bytes, blobs: Blobs, sizes: dict[str, int], on_bytes: OnBytes | None
) -> None:
    fd = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        write_member(fd, _LOCK, len(lock), iter([lock]))
        for sha256, size_bytes in sizes.items():
            write_member(fd, _name(sha256), size_bytes, _pieces_of(blobs.path(sha256), on_bytes))
        write_end(fd)
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_directory(
    made: Path, lock: bytes, blobs: Blobs, sizes: dict[str, int], on_bytes: OnBytes | None
) -> None:
    for sha256, size_bytes in sizes.items():
        path = made / _name(sha256)
        make_directory(path.parent)
        copy_file(blobs.path(sha256), path)
        sync_directory(path.parent)
        if on_bytes is not None:
            on_bytes(size_bytes)
    make_directory(made)
    new_file(made / _LOCK, lock)
    sync_directory(made)


def _import_tar(blobs: Blobs, path: Path, on_bytes: OnBytes | None) -> LockFile:
    with path.open("rb") as file:
        found = members(file.read)
        first = next(found, None)
        if first is None or first.name != _LOCK or first.size_bytes > MAX_LOCK_BYTES:
            raise TarError(f"it does not begin with {_LOCK}")
        lock = decode_lock(b"".join(first.pieces), f"{path}:{_LOCK}")
        missing = _sizes(lock)
        for member in found:
            sha256 = member.name.rpartition("/")[2]
            if member.name != _name(sha256) or missing.pop(sha256, None) != member.size_bytes:
                raise TarError(
                    f"{ascii(member.name)[:120]} is not in its {_LOCK}, or not with that size, or twice"
                )
            _take(blobs, sha256, member, on_bytes)
    still = [sha256 for sha256, size_bytes in missing.items() if not blobs.has(sha256, size_bytes)]
    if still:
        raise TarError(f"{len(still)} files of its {_LOCK} are missing")
    return lock


def _take(blobs: Blobs, sha256: str, member: Member, on_bytes: OnBytes | None) -> None:
    with blobs.open_partial(sha256, member.size_bytes) as partial:
        at = 0
        for piece in member.pieces:
            partial.write(at, piece)
            at += len(piece)
            if on_bytes is not None:
                on_bytes(len(piece))
        partial.finish()


def _import_directory(blobs: Blobs, path: Path, on_bytes: OnBytes | None) -> LockFile:
    data = b"".join(_pieces_of(path / _LOCK, None, MAX_LOCK_BYTES + 1))
    lock = decode_lock(data, path / _LOCK)
    for sha256, size_bytes in _sizes(lock).items():
        if blobs.has(sha256, size_bytes):
            continue
        source = path / _name(sha256)
        member = Member(sha256, size_bytes, _pieces_of(source, None))
        if not _is_plain(source, size_bytes):
            raise TarError(f"{_name(sha256)} is missing, no plain file, or of another size")
        _take(blobs, sha256, member, on_bytes)
    return lock


def _is_plain(path: Path, size_bytes: int) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == size_bytes


def _pieces_of(path: Path, on_bytes: OnBytes | None, limit_bytes: int | None = None) -> Iterator[bytes]:
    """Raises: OSError, TarError for what is no plain file."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise TarError(f"{path.name} is no plain file")
        left = os.fstat(fd).st_size if limit_bytes is None else limit_bytes
        while left and (piece := os.read(fd, min(_PIECE_BYTES, left))):
            left -= len(piece)
            yield piece
            if on_bytes is not None:
                on_bytes(len(piece))
    finally:
        os.close(fd)


def _sizes(lock: LockFile) -> dict[str, int]:
    """Digest → size of every file, each once, in a fixed order. Raises: LockError when they contradict."""
    sizes: dict[str, int] = {}
    for model in lock.models:
        for file in model.files:
            if sizes.setdefault(file.sha256, file.size_bytes) != file.size_bytes:
                raise refusal(
                    LockError,
                    "store.lock_unreadable",
                    path=_LOCK,
                    reason=Text("reason.two_sizes", {"digest": file.sha256[:12]}),
                )
    return dict(sorted(sizes.items()))


def _name(sha256: str) -> str:
    return f"blobs/sha256/{sha256[:2]}/{sha256}"


def _refused(path: Path, reason: str) -> ArchiveRefusedError:
    return refusal(ArchiveRefusedError, "store.archive", path=path, reason=reason)
