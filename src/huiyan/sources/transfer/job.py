"""Which thread takes which range of which file next."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Literal

from huiyan.errors import DigestMismatchError, PullInterruptedError
from huiyan.messages import refusal
from huiyan.sources.protocol import LocalFile
from huiyan.sources.transfer import ranges
from huiyan.sources.transfer.body import RemoteBody
from huiyan.sources.transfer.item import Item
from huiyan.sources.transfer.meter import Meter
from huiyan.store.blobs import Blobs
from huiyan.store.partial import Partial

_GIT_CHUNK_BYTES: Final = 1024 * 1024
#: Of such a file the way to the server and back takes longer than its bytes.
_SMALL_BYTES: Final = 8 * 1024 * 1024


class Job:
    """One file on its way. mode: what is known of the server's ranges; guarded by its Jobs' lock."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.mode: Literal["unknown", "ranges", "whole"] = "unknown"
        self.pending: deque[ranges.Range] = deque()
        self.active = 0
        self.digest: str | None = None
        self.partial: Partial | None = None
        self._body: RemoteBody | None = None
        self._lock = threading.Lock()

    def body(self, make: Callable[[], RemoteBody]) -> RemoteBody:
        """One for all threads that read this file, so that they agree on its ETag."""
        with self._lock:
            if self._body is None:
                self._body = make()
            return self._body

    def sink(self) -> Partial:
        assert self.partial is not None
        return self.partial


class Jobs:
    """Thread-safe. Opens a file's partial when its turn comes, and finishes it after its last range."""

    def __init__(
        self, blobs: Blobs, items: Sequence[Item], meter: Meter, *, chunk_bytes: int, stop: threading.Event
    ) -> None:
        self._blobs = blobs
        self._meter = meter
        self._chunk_bytes = chunk_bytes
        self._stop = stop
        self._change = threading.Condition()
        self._jobs = [Job(item) for item in items]
        self._unopened = deque(sorted(self._jobs, key=lambda job: job.item.size_bytes, reverse=True))
        self._open: list[Job] = []
        self._left = len(self._jobs)

    def threads(self, parallel: int) -> tuple[int, int]:
        """How many have something to do: with anything, and with small files alone beside them.

        The small ones, each of which is little but waiting, take none of the `parallel` connections from the
        large ones; where somebody wants one connection, there is one.
        """
        parts = [max(1, -(-job.item.size_bytes // self._chunk_bytes)) for job in self._jobs]
        large = sum(
            count for count, job in zip(parts, self._jobs, strict=True) if job.item.size_bytes > _SMALL_BYTES
        )
        if parallel > 1 and large and large < sum(parts):
            return min(parallel, large), 1
        return max(1, min(parallel, sum(parts))), 0

    @property
    def all_done(self) -> bool:
        return self._left == 0

    def take(self, *, small: bool, last: Job | None) -> tuple[Job, ranges.Range] | None:
        """The next range, counted as active until `give_back`; None when nothing will come any more.

        small: of small files alone, smallest first; the others begin with the largest. last: what this
        thread was at. It stays there as long as there is something to do, then it takes a file that nobody
        is at, and only in the end it helps others: a file that one thread writes from its beginning is
        hashed in passing.
        """
        while True:
            with self._change:
                found = self._next_range(last, small=small)
                while found is None and not self._unopened:
                    if small or self._left == 0 or self._stop.is_set():
                        return None
                    self._change.wait()
                    found = self._next_range(last, small=small)
                if self._stop.is_set():
                    return None
                if found is not None:
                    return found
                if small and not _is_small(self._unopened[-1]):
                    return None
                job = self._unopened.pop() if small else self._unopened.popleft()
            self._start(job)

    def give_back(self, job: Job) -> None:
        """A range is done, or was given up. Raises: DigestMismatchError, DiskFullError, StoreError."""
        with self._change:
            job.active -= 1
            last = job.active == 0 and not job.pending and not self._stop.is_set()
        if last:
            self._finish(job)
        self.wake()

    def ranges_work(self, job: Job) -> None:
        """The server sent the range that was asked for: others may ask for more."""
        if job.mode == "unknown":
            with self._change:
                job.mode = "ranges"
                self._change.notify_all()

    def only_whole(self, job: Job) -> list[ranges.Range]:
        """The server ignores ranges: whoever found out reads it all. Returns what is missing of it."""
        with self._change:
            job.mode = "whole"
            job.pending.clear()
        return job.sink().missing()

    def wake(self) -> None:
        with self._change:
            self._change.notify_all()

    def wait_for_end(self, timeout_s: float) -> None:
        with self._change:
            self._change.wait_for(lambda: self._left == 0 or self._stop.is_set(), timeout_s)

    def abandon(self) -> None:
        """Let go of every partial; what is there is kept."""
        for job in self._jobs:
            if job.partial is not None and job.digest is None:
                job.partial.abandon()

    def digests(self) -> dict[str, str]:
        return {job.item.path: job.digest for job in self._jobs if job.digest is not None}

    def whole_paths(self) -> tuple[str, ...]:
        """Files that came in one piece although ranges of them were asked for."""
        return tuple(job.item.path for job in self._jobs if job.mode == "whole")

    def _next_range(self, last: Job | None, *, small: bool) -> tuple[Job, ranges.Range] | None:
        ready = [
            job
            for job in self._open
            if job.pending and (job.mode == "ranges" or job.active == 0) and (_is_small(job) or not small)
        ]
        if last not in ready:
            last = min(ready, key=lambda job: job.active, default=None)
            if last is None or (last.active and self._unopened):
                return None
        assert last is not None
        last.active += 1
        return last, last.pending.popleft()

    def _start(self, job: Job) -> None:
        item = job.item
        partial = self._blobs.open_partial(
            item.sha256, item.size_bytes, key=item.key or item.path, on_wait=self._waiting
        )
        with self._change:
            job.partial = partial
        gaps = partial.missing()
        self._meter.here_already(item.size_bytes - ranges.total(gaps))
        with self._change:
            job.pending.extend(ranges.split(gaps, self._chunk_bytes))
            if isinstance(item.origin, LocalFile):
                job.mode = "ranges"
            self._open.append(job)
            nothing = not job.pending
            self._change.notify_all()
        if nothing:
            self._finish(job)

    def _waiting(self) -> None:
        """Another process fetches this very file: wait for it, but not beyond our own end."""
        if self._stop.is_set():
            raise refusal(PullInterruptedError, "sources.interrupted")

    def _finish(self, job: Job) -> None:
        partial = job.sink()
        try:
            path = partial.finish()
        except DigestMismatchError:
            self._meter.lost(job.item.size_bytes)
            raise
        if job.item.sha256 is None and job.item.git_oid is not None:
            found = hashlib.sha1(b"blob %d\0" % job.item.size_bytes, usedforsecurity=False)
            with path.open("rb") as file:
                while piece := file.read(_GIT_CHUNK_BYTES):
                    found.update(piece)
            if found.hexdigest() != job.item.git_oid:
                self._meter.lost(job.item.size_bytes)
                raise refusal(
                    DigestMismatchError,
                    "store.source_mismatch",
                    found=found.hexdigest()[:12],
                    sha256=job.item.git_oid[:12],
                )
        with self._change:
            job.digest = path.name
            self._open.remove(job)
            self._left -= 1
            self._change.notify_all()


def _is_small(job: Job) -> bool:
    return job.item.size_bytes <= _SMALL_BYTES
