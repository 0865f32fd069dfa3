"""What running processes need kept, whatever is garbage by the references alone.

A pin is a file that its process holds a flock on: it ends with the process, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable
from types import TracebackType

import msgspec

from huiyan.store.durable import failures_of, make_directory, temporary, write_all
from huiyan.store.layout import Layout
from huiyan.store.locks import FileLock
from huiyan.store.names import is_sha256


class Pinned(msgspec.Struct, frozen=True, kw_only=True):
    """everything: nothing at all may be collected, because what will be needed is not known yet."""

    blobs: frozenset[str] = frozenset()
    snapshots: frozenset[str] = frozenset()
    everything: bool = False


class Pin:
    """Held from its making until `release`, the end of a `with`, or the end of the process."""

    def __init__(
        self,
        layout: Layout,
        *,
        blobs: Iterable[str] = (),
        snapshots: Iterable[str] = (),
        everything: bool = False,
    ) -> None:
        """Raises: StoreError, DiskFullError."""
        pinned = Pinned(blobs=frozenset(blobs), snapshots=frozenset(snapshots), everything=everything)
        made = temporary(layout.tmp)
        self._path = layout.pins / made.name
        with FileLock(layout.store_lock, shared=True), failures_of(self._path):
            make_directory(layout.tmp)
            make_directory(layout.pins)
            self._fd = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX)
                write_all(self._fd, msgspec.json.encode(pinned))
                made.rename(self._path)
            except OSError:
                os.close(self._fd)
                with contextlib.suppress(OSError):
                    made.unlink()
                raise

    def release(self) -> None:
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Pin:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def read_pins(layout: Layout, *, clean: bool) -> Pinned:
    """What is pinned now. clean: remove the pins of processes that are gone.

    To be called with the store's lock held exclusively. Raises: StoreError.
    """
    blobs: set[str] = set()
    snapshots: set[str] = set()
    everything = False
    with failures_of(layout.pins):
        for path in layout.pins.iterdir() if layout.pins.is_dir() else ():
            lock = FileLock(path)
            if lock.try_acquire():
                lock.release(remove=clean)
                continue
            try:
                pinned = msgspec.json.decode(path.read_bytes(), type=Pinned)
            except FileNotFoundError:
                continue
            except msgspec.MsgspecError:
                # A living process wants something kept, and what it is cannot be read.
                pinned = Pinned(everything=True)
            blobs |= {digest for digest in pinned.blobs if is_sha256(digest)}
            snapshots |= {digest for digest in pinned.snapshots if is_sha256(digest)}
            everything = everything or pinned.everything
    return Pinned(blobs=frozenset(blobs), snapshots=frozenset(snapshots), everything=everything)
