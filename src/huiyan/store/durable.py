"""Writing so that a kill or a power cut leaves the old or the new, never a part of it.

Everything is made under a temporary name, synced, renamed, and the directory synced after that. Writes go
through `os`, one system call each: what the kill tests count is what happens.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from huiyan.errors import DiskFullError, StoreError
from huiyan.messages import refusal

#: _IOW(0x94, 9, int) of linux/fs.h: share the other file's extents.
_FICLONE: Final = 0x40049409
#: What file systems answer that cannot share extents, or not between these two files.
_NO_CLONE: Final = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.EXDEV, errno.ENOSYS, errno.EPERM, errno.ETXTBSY}
)
_NO_LINK: Final = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS}
)
_COPY_BYTES: Final = 8 * 1024 * 1024
#: Pairs of devices between which cloning failed; asked once per process.
_without_clone: set[tuple[int, int]] = set()


def store_failure(error: OSError, path: Path) -> StoreError:
    """The error of ours for a system call on `path` that failed."""
    quoted = shlex.quote(str(path.parent))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return refusal(DiskFullError, "store.disk_full", path=path.parent, quoted=quoted)
    if error.errno == errno.EFBIG:
        return refusal(DiskFullError, "store.file_too_large", path=path.parent, quoted=quoted)
    return refusal(StoreError, "store.io", path=path, reason=error.strerror or str(error), quoted=quoted)


@contextlib.contextmanager
def failures_of(path: Path) -> Iterator[None]:
    """An OSError inside becomes a StoreError that names `path`."""
    try:
        yield
    except OSError as error:
        raise store_failure(
            error, Path(error.filename) if isinstance(error.filename, str) else path
        ) from error


def sync_directory(path: Path) -> None:
    """Make what was renamed, linked or removed in it last. Raises: OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_directory(path: Path) -> None:
    """With its parents, each synced into the one above. Raises: OSError."""
    if path.is_dir():
        return
    make_directory(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir()
        sync_directory(path.parent)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Raises: OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def new_file(path: Path, data: bytes, mode: int = 0o644) -> None:
    """A new, synced file. Raises: OSError (FileExistsError where there is one)."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def temporary(directory: Path, prefix: str = "") -> Path:
    """A name in `directory` that nobody has."""
    make_directory(directory)
    return directory / f"{prefix}{secrets.token_hex(8)}"


def replace_file(path: Path, data: bytes, *, tmp: Path, durable: bool = True) -> None:
    """Put `data` at `path` in one step. tmp: a directory of the same file system.

    durable: False for what costs nothing to lose. Raises: OSError.
    """
    made = temporary(tmp)
    try:
        new_file(made, data)
        make_directory(path.parent)
        made.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            made.unlink()
        raise
    if durable:
        sync_directory(path.parent)


def write_beside(path: Path, data: bytes) -> None:
    """`replace_file` for a file outside of any store. Raises: DiskFullError, StoreError."""
    made = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    with failures_of(path):
        make_directory(path.parent)
        try:
            new_file(made, data)
            made.replace(path)
        finally:
            with contextlib.suppress(OSError):
                made.unlink()
        sync_directory(path.parent)


def replace_symlink(path: Path, target: str, *, tmp: Path) -> None:
    """Make `path` a link to `target` in one step. Raises: OSError."""
    made = temporary(tmp)
    made.symlink_to(target)
    made.replace(path)
    sync_directory(path.parent)


def clone(source: Path, target: Path) -> bool:
    """A new file that shares the extents of `source`, mode 0444; False where that cannot be had.

    Raises: OSError.
    """
    if not sys.platform.startswith("linux"):
        return False
    devices = (source.stat().st_dev, target.parent.stat().st_dev)
    if devices[0] != devices[1] or devices in _without_clone:
        return False
    read_fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        write_fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        try:
            fcntl.ioctl(write_fd, _FICLONE, read_fd)
            os.fsync(write_fd)
        except OSError as error:
            target.unlink()
            if error.errno not in _NO_CLONE:
                raise
            _without_clone.add(devices)
            return False
        finally:
            os.close(write_fd)
    finally:
        os.close(read_fd)
    return True


def place(source: Path, target: Path, *, link: bool = True) -> None:
    """The bytes of `source` at `target`, which must not exist: cloned, hard linked, or copied and synced.

    link: False where the two must not be one file, because somebody else may write to `source`.
    Raises: OSError.
    """
    if clone(source, target):
        return
    if link:
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
        else:
            return
    copy_file(source, target)


def copy_file(source: Path, target: Path) -> None:
    """A new, synced copy, mode 0444. Raises: OSError."""
    read_fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        write_fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        try:
            while piece := os.read(read_fd, _COPY_BYTES):
                write_all(write_fd, piece)
            os.fsync(write_fd)
        except OSError:
            with contextlib.suppress(OSError):
                target.unlink()
            raise
        finally:
            os.close(write_fd)
    finally:
        os.close(read_fd)


def move_away(path: Path, directory: Path, prefix: str = "") -> Path:
    """Take `path` out of sight in one step, into `directory` of the same file system. Raises: OSError."""
    away = temporary(directory, prefix)
    path.rename(away)
    sync_directory(path.parent)
    return away


def remove(path: Path) -> None:
    """A file, link or directory with all that is in it; gone already is fine. Raises: OSError."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            shutil.rmtree(path)
        else:
            path.unlink()
    except FileNotFoundError:
        return


def can_clone(directory: Path) -> bool:
    """Whether files in `directory` can share extents; tried with two files of one block. Raises: OSError."""
    source = temporary(directory)
    target = temporary(directory)
    try:
        new_file(source, b"\0" * 4096)
        return clone(source, target)
    finally:
        source.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
