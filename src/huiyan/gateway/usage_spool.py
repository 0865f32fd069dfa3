"""Usage that could not be written yet, in a file: a gateway that dies while its database is away loses none.

One file for each writer (a process), held by a lock for as long as the writer lives. Whoever starts next in
the same directory writes what dead writers left. Batches are numbered, and the database adds each number
once, so that it does not matter how far a dead writer came.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from huiyan.errors import StoreError
from huiyan.log import get_logger
from huiyan.state.records import Batch, UsageRow
from huiyan.store.durable import write_beside

_log = get_logger(__name__)

_SUFFIX = ".usage.json"

#: Adds a batch to the database; blocks. Raises: StoreError.
Add = Callable[[list[UsageRow], Batch], None]
#: Tells the database that this writer never asks again. Raises: StoreError.
Forget = Callable[[str], None]


class Held(msgspec.Struct, frozen=True):
    """One batch in the file."""

    number: int
    rows: list[UsageRow]


_decode = msgspec.json.Decoder(list[Held]).decode


class UsageSpool:
    """directory: made when it is needed. Every method blocks; one thread at a time."""

    def __init__(self, directory: Path) -> None:
        self.writer = secrets.token_hex(8)
        self._directory = directory
        self._path = directory / f"{self.writer}{_SUFFIX}"
        self._lock_fd: int | None = None
        self._kept = False

    def keep(self, batches: list[Held]) -> None:
        """Replace what the file holds. Raises: StoreError."""
        if self._lock_fd is None:
            with _as_store_error(self._path):
                self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._lock_fd = _locked(_lock_of(self._path))
        self._kept = True
        write_beside(self._path, msgspec.json.encode(batches))

    def clear(self) -> None:
        """Everything in it was written to the database. Raises: StoreError."""
        if self._kept:
            with _as_store_error(self._path):
                self._path.unlink(missing_ok=True)
            self._kept = False

    def close(self) -> None:
        """Let others have what is left."""
        if self._lock_fd is None:
            return
        if not self._path.exists():
            with contextlib.suppress(OSError):
                _lock_of(self._path).unlink()
        os.close(self._lock_fd)
        self._lock_fd = None

    def adopt(self, add: Add, forget: Forget) -> None:
        """Write what dead writers left to the database. Raises: StoreError; then it is still there."""
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")):
            with _as_store_error(path):
                lock_fd = _locked(_lock_of(path))
            if lock_fd is None:
                continue  # its writer lives
            try:
                _adopt_one(path, add, forget)
            finally:
                os.close(lock_fd)


def _adopt_one(path: Path, add: Add, forget: Forget) -> None:
    writer = path.name.removesuffix(_SUFFIX)
    try:
        batches = _decode(path.read_bytes())
    except FileNotFoundError:
        return  # another process was faster
    except (OSError, msgspec.MsgspecError) as error:
        _log.error("usage that was put aside cannot be read", extra={"path": str(path), "reason": str(error)})
        return
    for held in sorted(batches, key=lambda held: held.number):
        add(held.rows, Batch(writer=writer, number=held.number))
    with _as_store_error(path):
        path.unlink(missing_ok=True)
        _lock_of(path).unlink(missing_ok=True)
    forget(writer)


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")


def _locked(path: Path) -> int | None:
    """A descriptor that holds the lock; None: somebody else holds it. Raises: OSError."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:
        os.close(fd)
        raise
    return fd


@contextlib.contextmanager
def _as_store_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror}.", hint="Make the state directory writable."
        ) from error
