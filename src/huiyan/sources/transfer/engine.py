"""The transfer: a few threads, each with a connection, that take ranges of files until none is left.

Large files come in ranges, in order, so that hashing keeps up with writing: several files at a time, then
several ranges of one. Whether a server honours ranges shows at the first answer for a file; one that ignores
them sends it in one piece.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from huiyan.errors import PullInterruptedError
from huiyan.messages import refusal
from huiyan.sources.offline import Network
from huiyan.sources.protocol import FileRequest, LocalFile, Progress
from huiyan.sources.transfer import ranges
from huiyan.sources.transfer.body import RemoteBody
from huiyan.sources.transfer.connections import Connections
from huiyan.sources.transfer.documents import Documents
from huiyan.sources.transfer.exchange import Answer
from huiyan.sources.transfer.faults import PassingFault, Patience
from huiyan.sources.transfer.gaps import Gaps
from huiyan.sources.transfer.item import Item, Outcome
from huiyan.sources.transfer.job import Job, Jobs
from huiyan.sources.transfer.local import read_local
from huiyan.sources.transfer.meter import Meter
from huiyan.sources.transfer.options import TransferOptions
from huiyan.sources.transfer.throttle import Throttle
from huiyan.store.blobs import Blobs

_BUFFER_BYTES: Final = 1024 * 1024
_TICK_S: Final = 0.1


class Transfer:
    """Use it again and again; a context manager that closes its connections."""

    def __init__(self, options: TransferOptions, network: Network) -> None:
        self._options = options
        self._network = network

    def fetch(
        self,
        blobs: Blobs,
        items: Sequence[Item],
        on_progress: Callable[[Progress], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Outcome:
        """Bring every item into `blobs`. on_progress: called from this thread, a few times a second.

        After a failure the first error is raised; what has come is kept for the next attempt.
        Raises: SourceError, DigestMismatchError, DiskFullError, StoreError, PullInterruptedError.
        """
        # Files of the same bytes are one blob, which is fetched once.
        first: dict[str, Item] = {}
        for item in items:
            first.setdefault(item.sha256 or f"path {item.path}", item)
        run = _Run(self._options, self._network, blobs, list(first.values()))
        outcome = run.go(on_progress or (lambda _: None), cancel or threading.Event())
        digests = {
            item.path: outcome.digests[first[item.sha256 or f"path {item.path}"].path] for item in items
        }
        return msgspec.structs.replace(outcome, digests=digests)

    @contextlib.contextmanager
    def documents(self, cancel: threading.Event | None = None) -> Iterator[Documents]:
        """Reads small things: an index, the head of a file."""
        connections = Connections(self._network, self._options)
        try:
            yield Documents(connections, self._options, cancel or threading.Event())
        finally:
            connections.close()


class _Run:
    def __init__(
        self, options: TransferOptions, network: Network, blobs: Blobs, items: Sequence[Item]
    ) -> None:
        self._options = options
        self._stop = threading.Event()
        self._connections = Connections(network, options)
        self._throttle = Throttle(options.bandwidth_bytes_per_s, self._stop)
        self._meter = Meter(sum(item.size_bytes for item in items))
        self._jobs = Jobs(blobs, items, self._meter, chunk_bytes=options.chunk_bytes, stop=self._stop)
        self._error: BaseException | None = None
        self._error_lock = threading.Lock()

    def go(self, on_progress: Callable[[Progress], None], cancel: threading.Event) -> Outcome:
        count, beside = self._jobs.threads(self._options.parallel)
        threads = [
            threading.Thread(target=self._work, args=(number >= count,), name=f"fetch-{number}", daemon=True)
            for number in range(count + beside)
        ]
        for thread in threads:
            thread.start()
        try:
            elapsed_s = 0.0
            while any(thread.is_alive() for thread in threads) and not self._stop.is_set():
                if cancel.is_set():
                    raise refusal(PullInterruptedError, "sources.interrupted")
                self._jobs.wait_for_end(_TICK_S)
                elapsed_s += _TICK_S
                if elapsed_s >= self._options.progress_every_s:
                    elapsed_s = 0.0
                    on_progress(self._meter.look())
        finally:
            finished = self._jobs.all_done and self._error is None
            if not finished:
                self._stop.set()
            self._connections.close()
            self._jobs.wake()
            for thread in threads:
                thread.join()
            self._jobs.abandon()
        if self._error is not None:
            raise self._error
        on_progress(self._meter.look())
        return Outcome(
            digests=self._jobs.digests(), moved_bytes=self._meter.moved_bytes, whole=self._jobs.whole_paths()
        )

    def _work(self, small: bool) -> None:
        buffer = memoryview(bytearray(_BUFFER_BYTES))
        job: Job | None = None
        try:
            while (taken := self._jobs.take(small=small, last=job)) is not None:
                job, span = taken
                if isinstance(job.item.origin, FileRequest):
                    self._fetch(job, job.item.origin, *span, buffer)
                else:
                    self._copy(job, job.item.origin, span, buffer)
                self._jobs.give_back(job)
        except Exception as error:  # noqa: BLE001 - a thread's boundary: `go` raises it
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        with self._error_lock:
            # After the first failure the others only say that their connections were closed.
            if self._error is None and not self._stop.is_set():
                self._error = error
        self._stop.set()
        self._connections.close()
        self._jobs.wake()

    def _fetch(self, job: Job, request: FileRequest, start: int, stop: int, buffer: memoryview) -> None:
        """Bring start..stop of a file, however often the connection is cut."""
        body = job.body(lambda: RemoteBody(job.item, request, self._connections))
        patience = Patience(self._options, self._stop)
        gaps = Gaps([(start, stop)])
        while gaps:
            before = gaps.left_bytes
            try:
                self._attempt(job, body, gaps, buffer)
            except PassingFault as fault:
                if self._stop.is_set():
                    return
                if gaps.left_bytes < before:
                    patience.progressed()
                patience.wait(fault)

    def _attempt(self, job: Job, body: RemoteBody, gaps: Gaps, buffer: memoryview) -> None:
        start, stop = gaps.first
        answer, is_range = body.open(start, stop)
        try:
            if is_range:
                self._jobs.ranges_work(job)
                end = min(stop, start + (answer.length_bytes or stop - start))
            else:
                gaps.become(self._jobs.only_whole(job))
                start, end = 0, job.item.size_bytes
            self._receive(job, body, answer, gaps, (start, end), buffer)
        except BaseException:
            answer.close()
            raise
        answer.finish()

    def _receive(
        self,
        job: Job,
        body: RemoteBody,
        answer: Answer,
        gaps: Gaps,
        span: ranges.Range,
        buffer: memoryview,
    ) -> None:
        """Take the body of one answer; what is here already is read past."""
        sink, path = job.sink(), job.item.path
        position, end = span
        while position < end:
            if self._stop.is_set():
                raise PassingFault(answer.host, "stopped")
            most = min(self._throttle.piece_bytes(len(buffer)), end - position)
            count = answer.read_into(buffer[:most])
            if count == 0:
                raise body.cut(position, end)
            self._throttle.take(count)
            for begin, stop in gaps.within(position, position + count):
                sink.write(begin, buffer[begin - position : stop - position])
                gaps.fill(begin, stop)
                self._meter.moved(path, stop - begin)
            position += count
        if end == job.item.size_bytes and answer.length_bytes is None and answer.read_into(buffer[:1]):
            raise body.longer(answer)

    def _copy(self, job: Job, local: LocalFile, span: ranges.Range, buffer: memoryview) -> None:
        for position, count in read_local(job.item, local, *span, buffer):
            if self._stop.is_set():
                return
            self._throttle.take(count)
            job.sink().write(position, buffer[:count])
            self._meter.moved(job.item.path, count)
