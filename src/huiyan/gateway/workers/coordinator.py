"""The one process that knows what all workers do: slots, limits, and who owns which answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from huiyan.engines.upstream import Headers
from huiyan.errors import EngineDiedError, QueueFullError
from huiyan.gateway.access.principal import Principal
from huiyan.gateway.queue import FairQueue
from huiyan.gateway.queue_order import Ticket
from huiyan.gateway.workers import frames as f
from huiyan.gateway.workers.scrape import ScrapeLedger
from huiyan.log import get_logger

_log = get_logger(__name__)


class LimitLease(Protocol):
    """One request within the limits of its key."""

    def finish(self, prompt_tokens: int, completion_tokens: int) -> None: ...

    def headers(self) -> Headers: ...


class KeyLimiter(Protocol):
    """`done` may be called from within."""

    def begin(
        self, principal: Principal, *, body_bytes: int, done: Callable[[LimitLease | QueueFullError], None]
    ) -> None: ...


class _Worker:
    """One worker's connection and everything that ends with it."""

    def __init__(self, coordinator: Coordinator) -> None:
        self.number: int | None = None
        self.tickets: dict[int, Ticket] = {}
        self.leases: dict[int, LimitLease] = {}
        #: Reads of other workers' answers: own number → owner. For whom this one writes: (worker, number).
        self.reading: dict[int, int] = {}
        self.writing: set[tuple[int, int]] = set()
        self.gone = False
        self.protocol = f.FrameProtocol(
            f.FromWorker,
            received=lambda frame: coordinator.received(self, frame),
            lost=lambda: coordinator.lost(self),
        )

    def send(self, frame: f.Frame) -> None:
        self.protocol.send(frame)


class Coordinator:
    """queue, limiter: the only ones of this gateway. limiter: None where keys have no limits."""

    def __init__(self, queue: FairQueue, limiter: KeyLimiter | None) -> None:
        self.queue = queue
        self._limiter = limiter
        self._workers: dict[int, _Worker] = {}
        self._connections: set[_Worker] = set()
        self._owners: dict[str, int] = {}
        self._numbers = ScrapeLedger()
        self._server: asyncio.Server | None = None
        self._path: Path | None = None
        self._inode = -1

    @property
    def workers(self) -> list[int]:
        """Numbers of those that are connected."""
        return sorted(self._workers)

    async def listen(self, path: Path) -> None:
        """Serve on a unix socket that only this user can open. A stale one is replaced. Raises OSError."""
        listener = _private_socket(path)
        self._path, self._inode = path, _inode_of(path)
        self._server = await asyncio.get_running_loop().create_unix_server(self._connected, sock=listener)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for worker in list(self._connections):
            worker.protocol.close()
        self.queue.close()
        if self._path is not None:
            with contextlib.suppress(FileNotFoundError):
                # The front process of the next version has put its own socket here by now, perhaps.
                if _inode_of(self._path) == self._inode:
                    self._path.unlink()

    def _connected(self) -> f.FrameProtocol:
        worker = _Worker(self)
        self._connections.add(worker)
        return worker.protocol

    def lost(self, worker: _Worker) -> None:
        """A worker has ended, however: everything that it held is given back."""
        worker.gone = True
        self._connections.discard(worker)
        tickets, worker.tickets = worker.tickets, {}
        for ticket in tickets.values():
            ticket.leave()
        leases, worker.leases = worker.leases, {}
        for lease in leases.values():
            lease.finish(0, 0)
        number = worker.number
        if number is None or self._workers.get(number) is not worker:
            return
        del self._workers[number]
        self._numbers.lost(number)
        self._owners = {key: owner for key, owner in self._owners.items() if owner != number}
        died = f.pack_error(
            EngineDiedError(
                "The gateway process that was writing this answer has ended.",
                hint="Send the request again.",
            )
        )
        for reader, call in worker.writing:
            other = self._workers.get(reader)
            if other is not None and other.reading.pop(call, None) is not None:
                other.send(f.End(call, reader, error=died))
        for call, owner in worker.reading.items():
            writer = self._workers.get(owner)
            if writer is not None:
                writer.writing.discard((number, call))
                writer.send(f.Detach(call, number))
        if tickets or leases:
            _log.warning("worker %d is gone; %d slots given back", number, len(tickets))

    def received(self, worker: _Worker, frame: f.Frame) -> None:  # noqa: C901, PLR0912  # one case for each message
        if worker.number is None:
            if isinstance(frame, f.Hello) and frame.worker not in self._workers:
                worker.number = frame.worker
                self._workers[frame.worker] = worker
            else:
                worker.protocol.close()
            return
        match frame:
            case f.Enter():
                self._enter(worker, frame)
            case f.Leave():
                ticket = worker.tickets.pop(frame.number, None)
                if ticket is not None:
                    ticket.leave()
            case f.Begin():
                self._begin(worker, frame)
            case f.Finish():
                lease = worker.leases.pop(frame.number, None)
                if lease is not None:
                    lease.finish(frame.prompt_tokens, frame.completion_tokens)
            case f.Claim():
                worker.send(f.Claimed(frame.number, self._owners.setdefault(frame.key, worker.number)))
            case f.Release():
                if self._owners.get(frame.key) == worker.number:
                    del self._owners[frame.key]
            case f.Attach():
                self._attach(worker, frame)
            case f.Detach() | f.Flow():
                self._to_owner(worker, frame)
            case f.Stop():
                owner = self._workers.get(self._owners.get(frame.key, -1))
                if owner is not None:
                    owner.send(frame)
            case f.Decide():
                for number, other in self._workers.items():
                    if number != worker.number:
                        other.send(frame)
            case f.Head() | f.Chunk() | f.End():
                self._to_reader(worker, frame)
            case f.Scrape():
                self._scrape(worker.number, frame)
            case f.Told():
                self._numbers.told(worker.number, frame.numbers)
                asking = self._workers.get(frame.worker)
                if asking is not None:
                    asking.send(frame)

    def _enter(self, worker: _Worker, frame: f.Enter) -> None:
        number = frame.number

        def granted(ticket: Ticket) -> None:
            if worker.gone:
                ticket.leave()
                return
            worker.tickets[number] = ticket
            worker.send(f.Granted(number))

        def refused(error: Exception) -> None:
            worker.tickets.pop(number, None)
            worker.send(f.Refused(number, f.pack_error(error)))  # type: ignore[arg-type]  # always ours

        ticket = self.queue.enter(
            frame.principal, deadline_s=frame.deadline_s, granted=granted, refused=refused
        )
        if ticket.state == "waiting":
            worker.tickets[number] = ticket
            worker.send(f.Queued(number, self.queue.position(ticket)))

    def _begin(self, worker: _Worker, frame: f.Begin) -> None:
        number = frame.number
        if self._limiter is None:
            worker.send(f.Begun(number, []))
            return

        def done(result: LimitLease | QueueFullError) -> None:
            if isinstance(result, QueueFullError):
                worker.send(f.Refused(number, f.pack_error(result)))
            elif worker.gone:
                result.finish(0, 0)
            else:
                worker.leases[number] = result
                worker.send(f.Begun(number, list(result.headers())))

        self._limiter.begin(frame.principal, body_bytes=frame.body_bytes, done=done)

    def _scrape(self, asking: int, frame: f.Scrape) -> None:
        self._numbers.told(asking, frame.numbers)
        others = [worker for number, worker in self._workers.items() if number != asking]
        self._workers[asking].send(f.Scraping(frame.number, len(others), self._numbers.ended))
        for worker in others:
            worker.send(f.Tell(frame.number, asking))

    def _attach(self, worker: _Worker, frame: f.Attach) -> None:
        reader = worker.number
        assert reader is not None, "a worker says hello first"
        owner = self._owners.get(frame.key)
        writer = self._workers.get(-1 if owner is None else owner)
        if owner is None or writer is None:
            worker.send(f.End(frame.number, reader, missing=True))
            return
        worker.reading[frame.number] = owner
        writer.writing.add((reader, frame.number))
        writer.send(f.Attach(frame.number, reader, frame.key, frame.fingerprint))

    def _to_owner(self, worker: _Worker, frame: f.Detach | f.Flow) -> None:
        reader = worker.number
        assert reader is not None, "a worker says hello first"
        owner = worker.reading.get(frame.number)
        writer = self._workers.get(-1 if owner is None else owner)
        if writer is None:
            return
        if isinstance(frame, f.Flow):
            writer.send(f.Flow(frame.number, reader, frame.paused))
            return
        del worker.reading[frame.number]
        writer.writing.discard((reader, frame.number))
        writer.send(f.Detach(frame.number, reader))

    def _to_reader(self, worker: _Worker, frame: f.Head | f.Chunk | f.End) -> None:
        reader = self._workers.get(frame.worker)
        if reader is None or reader.reading.get(frame.number) != worker.number:
            return  # it has left meanwhile
        if isinstance(frame, f.End):
            del reader.reading[frame.number]
            worker.writing.discard((frame.worker, frame.number))
        reader.send(frame)


def _inode_of(path: Path) -> int:
    """Raises: FileNotFoundError."""
    return path.stat().st_ino


def _private_socket(path: Path) -> socket.socket:
    """Bound, not yet listening: nobody can connect before the mode is set."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
    except OSError:
        listener.close()
        raise
    return listener
