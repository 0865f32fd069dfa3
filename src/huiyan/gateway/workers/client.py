"""A worker's side of the coordinator: the same calls as with one process, answered by messages."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

from huiyan.engines.upstream import Headers
from huiyan.errors import EngineStartingError, HuiyanError, QueueFullError
from huiyan.gateway.access.principal import Principal
from huiyan.gateway.answers import AnswerBook
from huiyan.gateway.headers import block
from huiyan.gateway.metrics import Metrics, Snapshot
from huiyan.gateway.queue_order import State
from huiyan.gateway.relay import Sink
from huiyan.gateway.tool_loop.consent import ConsentBook
from huiyan.gateway.workers import frames as f
from huiyan.gateway.workers.scrape import ScrapeDesk
from huiyan.gateway.workers.shared_answers import AnswerHost, RemoteReader


class RemoteTicket:
    """As `queue.Ticket`, for a slot that the coordinator gives."""

    __slots__ = ("_queue", "granted", "number", "position", "ready", "refused", "state", "timer")

    def __init__(
        self,
        queue: SharedQueue,
        number: int,
        granted: Callable[[RemoteTicket], None],
        refused: Callable[[HuiyanError], None],
        ready: Callable[[], bool] | None,
    ) -> None:
        self._queue = queue
        self.number = number
        self.granted = granted
        self.refused = refused
        self.ready = ready
        self.position = 0
        self.state: State = "waiting"
        self.timer: asyncio.TimerHandle | None = None

    def leave(self) -> None:
        if self.state != "over":
            self._queue.left(self)


class SharedQueue:
    """As `queue.FairQueue`, over all workers; `enter` never calls back from within."""

    def __init__(self, client: CoordinatorClient, *, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._tickets: dict[int, RemoteTicket] = {}
        #: Have a slot, but their `ready` said no: they hold it, so that nobody overtakes.
        self._held: dict[int, RemoteTicket] = {}
        self.running = 0
        #: Of all workers together.
        self.slots = 0
        self._pause_timer: asyncio.TimerHandle | None = None

    @property
    def paused(self) -> bool:
        """The coordinator's queue is what stands still; a worker only has to know."""
        return self._pause_timer is not None

    def pause(self, timeout_s: float) -> None:
        """As FairQueue.pause."""
        if self._pause_timer is not None:
            self._pause_timer.cancel()
        self._pause_timer = self._client.loop.call_later(timeout_s, self.resume)

    def resume(self) -> None:
        if self._pause_timer is not None:
            self._pause_timer.cancel()
            self._pause_timer = None

    def close(self) -> None:
        """Refuse everybody who waits: the gateway is shutting down."""
        self.resume()
        self.lost()

    @property
    def waiting(self) -> int:
        """Of this worker."""
        return len(self._tickets) - self.running

    def enter(
        self,
        principal: Principal,
        *,
        deadline_s: float | None = None,
        granted: Callable[[RemoteTicket], None],
        refused: Callable[[HuiyanError], None],
        ready: Callable[[], bool] | None = None,
    ) -> RemoteTicket:
        """As FairQueue.enter. ready: asked with the slot in hand; a no keeps slot and request waiting."""
        ticket = RemoteTicket(self, self._client.next_number(), granted, refused, ready)
        self._tickets[ticket.number] = ticket
        self._client.send(f.Enter(ticket.number, principal, deadline_s))
        if not self._client.connected:
            self._client.loop.call_soon(self._refuse, ticket, _lost())
        return ticket

    def position(self, ticket: RemoteTicket) -> int:
        """As it was when it entered the queue."""
        return ticket.position if ticket.state == "waiting" else 0

    def recheck(self) -> None:
        """The engine has said how full its cache is."""
        for ticket in list(self._held.values()):
            self._start_if_ready(ticket)

    def left(self, ticket: RemoteTicket) -> None:
        """What `RemoteTicket.leave` reports, once."""
        if ticket.state == "running":
            self.running -= 1
        ticket.state = "over"
        if ticket.timer is not None:
            ticket.timer.cancel()
            ticket.timer = None
        self._held.pop(ticket.number, None)
        self._tickets.pop(ticket.number, None)
        self._client.send(f.Leave(ticket.number))

    def received(self, frame: f.Queued | f.Granted | f.Refused) -> None:
        ticket = self._tickets.get(frame.number)
        if ticket is None:
            return  # it has left meanwhile, and said so
        if isinstance(frame, f.Queued):
            ticket.position = frame.position
        elif isinstance(frame, f.Granted):
            self._start_if_ready(ticket)
        else:
            self._refuse(ticket, f.unpack_error(frame.error))

    def lost(self) -> None:
        for ticket in list(self._tickets.values()):
            if ticket.state == "waiting":
                self._refuse(ticket, _lost())

    def _start_if_ready(self, ticket: RemoteTicket) -> None:
        if ticket.ready is not None and not ticket.ready():
            if ticket.number not in self._held:
                self._held[ticket.number] = ticket
                ticket.timer = self._client.loop.call_later(self._timeout_s, self._held_too_long, ticket)
            return
        if ticket.timer is not None:
            ticket.timer.cancel()
            ticket.timer = None
        self._held.pop(ticket.number, None)
        ticket.state = "running"
        self.running += 1
        ticket.granted(ticket)

    def _held_too_long(self, ticket: RemoteTicket) -> None:
        self._refuse(
            ticket,
            QueueFullError(
                f"The engine's cache was full for {self._timeout_s:.0f} s.",
                retry_after_s=10.0,
                hint="The engine is busy; try again after Retry-After.",
            ),
        )

    def _refuse(self, ticket: RemoteTicket, error: HuiyanError) -> None:
        if ticket.state == "waiting":
            ticket.leave()
            ticket.refused(error)


class RemoteLease:
    """As the limiter's own lease. `finish` counts once."""

    __slots__ = ("_client", "_headers", "_number")

    def __init__(self, client: CoordinatorClient, number: int, headers: Headers) -> None:
        self._client = client
        self._number: int | None = number
        self._headers = headers

    def finish(self, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
        if self._number is not None:
            self._client.send(f.Finish(self._number, prompt_tokens, completion_tokens))
            self._number = None

    def headers(self) -> Headers:
        return self._headers

    def block(self) -> bytes:
        """`headers` as lines."""
        return block(self._headers)


class CoordinatorClient:
    """One worker's connection. Made by `connect`.

    lost: the coordinator is gone; a worker has no reason to go on then.
    """

    def __init__(self, worker: int, *, timeout_s: float, lost: Callable[[], None]) -> None:
        self.worker = worker
        self.loop = asyncio.get_running_loop()
        self.connected = False
        self.queue = SharedQueue(self, timeout_s=timeout_s)
        self._lost = lost
        self._numbers = itertools.count(1)
        self._protocol = f.FrameProtocol(f.ToWorker, received=self._received, lost=self._disconnected)
        self._begins: dict[int, Callable[[RemoteLease | QueueFullError], None]] = {}
        self._claims: dict[int, Callable[[int], None]] = {}
        self._readers: dict[int, RemoteReader] = {}
        self._host: AnswerHost | None = None
        self._consents: ConsentBook | None = None
        self._scrapes: ScrapeDesk | None = None

    @classmethod
    async def connect(
        cls, path: Path, worker: int, *, timeout_s: float, lost: Callable[[], None]
    ) -> CoordinatorClient:
        """Raises OSError where nobody listens."""
        client = cls(worker, timeout_s=timeout_s, lost=lost)
        await client.loop.create_unix_connection(lambda: client._protocol, str(path))
        client.connected = True
        client.send(f.Hello(worker))
        return client

    def serve_answers(self, answers: AnswerBook) -> None:
        """Let other workers read this one's answers."""
        self._host = AnswerHost(answers, self.send)

    def serve_numbers(self, metrics: Metrics) -> None:
        """Tell this worker's numbers wherever `/metrics` is asked for."""
        self._scrapes = ScrapeDesk(self, metrics)

    async def numbers_of_others(self) -> list[Snapshot]:
        """Of the other workers, for an answer of `/metrics`."""
        return [] if self._scrapes is None else await self._scrapes.others()

    def begin(
        self,
        principal: Principal,
        *,
        body_bytes: int,
        done: Callable[[RemoteLease | QueueFullError], None],
    ) -> None:
        """As Limiter.begin, over all workers; `done` is called later."""
        number = self.next_number()
        self._begins[number] = done
        self.send(f.Begin(number, principal, body_bytes))

    def claim(self, key: str, done: Callable[[int], None]) -> None:
        """Who owns the answer to this key: `done(worker)`. Nobody yet: from now on this worker.

        An owner that starts no answer after all must `release` the key.
        """
        number = self.next_number()
        self._claims[number] = done
        self.send(f.Claim(number, key))

    def release(self, key: str) -> None:
        self.send(f.Release(key))

    def attach(
        self, key: str, fingerprint: bytes, sink: Sink, *, missing: Callable[[], None]
    ) -> RemoteReader:
        """Read an answer of another worker. missing: it is not there any more; claim again."""
        number = self.next_number()
        reader = RemoteReader(number, sink, missing, self._leave_answer, self.send)
        self._readers[number] = reader
        self.send(f.Attach(number, self.worker, key, fingerprint))
        return reader

    def stop(self, key: str) -> None:
        """The user stopped this answer, whoever writes it."""
        self.send(f.Stop(key))

    def serve_consents(self, consents: ConsentBook) -> None:
        """Let users answer this worker's questions through any other."""
        self._consents = consents

    def decide(self, call: str, owner: str, *, allow: bool) -> None:
        """A user has answered, whichever worker asks."""
        self.send(f.Decide(call, owner, allow))

    def close(self) -> None:
        self._lost = _nothing
        self._protocol.close()

    def send(self, frame: f.Frame) -> None:
        self._protocol.send(frame)

    def next_number(self) -> int:
        return next(self._numbers)

    def _leave_answer(self, number: int) -> None:
        self._readers.pop(number, None)

    def _received(self, frame: f.Frame) -> None:
        match frame:
            case f.Refused() if frame.number in self._begins:
                error = f.unpack_error(frame.error)
                assert isinstance(error, QueueFullError), "limits refuse with nothing else"
                self._begins.pop(frame.number)(error)
            case f.Queued() | f.Granted() | f.Refused():
                self.queue.received(frame)
            case f.Begun() if frame.number in self._begins:
                self._begins.pop(frame.number)(RemoteLease(self, frame.number, frame.headers))
            case f.Claimed() if frame.number in self._claims:
                self._claims.pop(frame.number)(frame.owner)
            case f.Head() | f.Chunk() | f.End() if frame.number in self._readers:
                self._readers[frame.number].received(frame)
            case f.Scraping() | f.Tell() | f.Told():
                if self._scrapes is not None:
                    self._scrapes.received(frame)
            case f.Decide():
                if self._consents is not None:
                    self._consents.decide(frame.call, frame.owner, allow=frame.allow)
            case f.Attach() | f.Detach() | f.Flow() | f.Stop():
                if self._host is not None:
                    self._host.received(frame)

    def _disconnected(self) -> None:
        self.connected = False
        self.queue.lost()
        begins, self._begins = self._begins, {}
        for done in begins.values():
            done(QueueFullError("The gateway is shutting down.", retry_after_s=1.0, hint="Try again."))
        for reader in list(self._readers.values()):
            reader.received(f.End(reader.number, self.worker, error=f.pack_error(_lost())))
        if self._host is not None:
            self._host.close()
        self._lost()


def _lost() -> EngineStartingError:
    return EngineStartingError("The gateway is being restarted.", retry_after_s=1.0)


def _nothing() -> None: ...
