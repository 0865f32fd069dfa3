"""A file that is being fetched: pieces in any order, from several threads, over several runs."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final

from huiyan.errors import DigestMismatchError, StoreError
from huiyan.messages import refusal
from huiyan.store.durable import failures_of, make_directory, remove
from huiyan.store.journal import Journal
from huiyan.store.locks import FileLock
from huiyan.store.prefix_hash import PrefixHash
from huiyan.store.ranges import Ranges

#: After this many bytes, or this long, what was written is synced and noted in the journal: the most that a
#: kill costs.
_NOTE_BYTES: Final = 64 * 1024 * 1024
_NOTE_AFTER_S: Final = 5.0
#: macOS has none.
_SYNC_DATA: Final = "fdatasync" if hasattr(os, "fdatasync") else "fsync"


class Partial:
    """Thread-safe; a context manager that keeps what is there for the next run unless `finish` succeeded.

    Made by `Blobs.open_partial`, which holds the blob's lock for it.
    """

    def __init__(
        self,
        *,
        sha256: str | None,
        size_bytes: int,
        directory: Path,
        lock: FileLock,
        publish: Callable[[Path, int, str], Path],
    ) -> None:
        """publish: puts the finished, synced file (path, descriptor, digest) among the blobs.

        Raises: DiskFullError, StoreError.
        """
        self.sha256 = sha256
        self.size_bytes = size_bytes
        self._directory = directory
        self._lock = lock
        self._publish = publish
        self._path = directory / "data"
        self._guard = threading.Lock()
        self._noting = threading.Lock()
        self._finished: Path | None = None
        self._open = True
        self._unnoted = Ranges()
        self._closing = threading.Event()
        self._wanted = threading.Event()
        with failures_of(self._path):
            make_directory(directory)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                self._journal = Journal(directory / "journal", size_bytes, os.fstat(self._fd).st_size)
            except OSError:
                os.close(self._fd)
                raise
        self._done = Ranges(self._journal.done)
        #: What is being written this very moment.
        self._writing: list[tuple[int, int]] = []
        self._hash = PrefixHash(self._fd, size_bytes, self._prefix)
        self._noter: threading.Thread | None = None
        if size_bytes > _NOTE_BYTES // 16:
            self._noter = threading.Thread(target=self._note_now_and_then, name="huiyan-note", daemon=True)
            self._noter.start()

    @classmethod
    def of_finished(cls, path: Path, sha256: str, size_bytes: int) -> Partial:
        """For a blob that is there already: nothing is missing, `finish` returns its path."""
        self = cls.__new__(cls)
        self.sha256, self.size_bytes = sha256, size_bytes
        self._finished, self._open = path, False
        return self

    def missing(self) -> list[tuple[int, int]]:
        """Ranges [start, stop) that still have to be written. After a kill: those not known to be on disk."""
        if self._finished is not None:
            return []
        with self._guard:
            return self._done.missing(self.size_bytes)

    @property
    def done_bytes(self) -> int:
        if self._finished is not None:
            return self.size_bytes
        with self._guard:
            return self._done.total

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """No byte is written twice: what is there already, or another thread is writing, stays as it is.

        Raises: DiskFullError (what was written before is kept), StoreError for bytes beyond the end.
        """
        if self._finished is not None:
            return
        view = memoryview(data)
        stop = offset + len(view)
        if offset < 0 or stop > self.size_bytes:
            raise refusal(
                StoreError, "store.beyond_end", sha256=(self.sha256 or "?")[:12], size=f"{self.size_bytes:,}"
            )
        with self._guard:
            parts = Ranges([*self._done, *self._writing]).missing(stop, offset)
            self._writing += parts
        try:
            for begin, end in parts:
                self._write(begin, view[begin - offset : end - offset])
        finally:
            with self._guard:
                for part in parts:
                    self._writing.remove(part)

    def _write(self, offset: int, view: memoryview) -> None:
        stop = offset + len(view)
        with failures_of(self._path):
            at = offset
            while at < stop:
                at += os.pwrite(self._fd, view[at - offset :], at)
        with self._guard:
            self._done.add(offset, stop)
            self._unnoted.add(offset, stop)
            many = self._unnoted.total >= _NOTE_BYTES
        # It is what lies in the file from now on: hashed from here or from there, it is the same.
        self._hash.wrote(offset, view)
        if many and self._noter is not None:
            self._wanted.set()

    def finish(self) -> Path:
        """The blob, once its digest is known to be right.

        Raises: DigestMismatchError (the source's fault; the bytes are thrown away), StoreError when
        something is missing, DiskFullError.
        """
        if self._finished is not None:
            return self._finished
        missing = self.missing()
        if missing:
            count = sum(stop - start for start, stop in missing)
            raise refusal(
                StoreError, "store.incomplete", sha256=(self.sha256 or "?")[:12], missing=f"{count:,}"
            )
        with failures_of(self._path):
            os.ftruncate(self._fd, self.size_bytes)
            found = self._hash.finish()
            if self.sha256 is not None and found != self.sha256:
                self.discard()
                raise refusal(
                    DigestMismatchError,
                    "store.source_mismatch",
                    found=found[:12],
                    sha256=self.sha256[:12],
                )
            os.fchmod(self._fd, 0o444)
            os.fsync(self._fd)
            self._finished = self._publish(self._path, self._fd, found)
        self.sha256 = found
        self._close(remove_files=True)
        return self._finished

    def abandon(self) -> None:
        """Let go and keep what is there for the next run."""
        if self._open:
            with contextlib.suppress(OSError):
                self._note()
            self._close(remove_files=False)

    def discard(self) -> None:
        """Let go and throw away what is there."""
        if self._open:
            self._close(remove_files=True)

    def _prefix(self) -> int:
        with self._guard:
            return self._done.prefix

    def _note_now_and_then(self) -> None:
        while not self._closing.is_set():
            self._wanted.wait(_NOTE_AFTER_S)
            self._wanted.clear()
            try:
                self._note()
            except OSError:
                # A full disk: the writers meet it themselves; what was noted stays noted.
                continue

    def _note(self) -> None:
        with self._noting:
            with self._guard:
                ranges, self._unnoted = self._unnoted, Ranges()
            if ranges.total == 0:
                return
            try:
                # The data first: the journal must never claim what a power cut could take.
                getattr(os, _SYNC_DATA)(self._fd)
                self._journal.append(ranges)
            except OSError:
                with self._guard:
                    for start, stop in ranges:
                        self._unnoted.add(start, stop)
                raise

    def _close(self, *, remove_files: bool) -> None:
        self._open = False
        self._closing.set()
        self._hash.close()
        if self._noter is not None:
            self._wanted.set()
            self._noter.join()
        self._journal.close()
        os.close(self._fd)
        with contextlib.suppress(OSError):
            if remove_files:
                remove(self._directory)
        self._lock.release()

    def __enter__(self) -> Partial:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()
