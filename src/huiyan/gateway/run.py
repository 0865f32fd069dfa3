"""One run of a request on an engine: its limits, pictures, budget, turn, and its bytes as they come.

    limited → pictures read → budget → turn → sent → relayed

Each stage is a plain call; one that has to wait is given a callback. Where nothing has to wait, a
run goes through all of them within `start`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from huiyan.engines.status import ModelCard
from huiyan.engines.upstream import Call, Headers
from huiyan.errors import (
    ContextExceededError,
    EngineDiedError,
    EngineError,
    EngineStartingError,
    HuiyanError,
)
from huiyan.gateway import sse
from huiyan.gateway.access.principal import Principal
from huiyan.gateway.admission import Admitted
from huiyan.gateway.backends import Backend
from huiyan.gateway.budget import Ask, Budget, Count, Grant, picture_tokens, text_bound
from huiyan.gateway.errors import status_of
from huiyan.gateway.fields import with_max_tokens
from huiyan.gateway.finished import Finished
from huiyan.gateway.limits import Lease, Limiter, Refused
from huiyan.gateway.metrics import ChunkClock, Metrics
from huiyan.gateway.queue import FairQueue
from huiyan.gateway.queue_order import Ticket
from huiyan.gateway.relay import MAX_ERROR_BYTES, RelayedHeads, Sink, error_from
from huiyan.gateway.routing import prompt_work
from huiyan.gateway.tail import NO_USAGE, UsageTail
from huiyan.log import get_logger

_log = get_logger(__name__)

#: nginx's, for a client that left before it had its answer.
CLIENT_GONE = 499

#: Engines that one request is sent to at most, one after another.
_MAX_ENGINES: Final = 3

_EVENT_STREAM = b"content-type: text/event-stream\r\n"


class Asked(msgspec.Struct, gc=False):
    """A request that was admitted, and whose it is.

    received_bytes: of its body as it came. started_s: loop time of its first byte.
    deadline_s: the client's own limit on waiting, in seconds.
    when_sent: called when its body has left for an engine; None once it is on its way there, or never.
    """

    path: str
    admitted: Admitted
    principal: Principal
    request_id: str
    received_bytes: int
    started_s: float
    deadline_s: float | None = None
    when_sent: Callable[[], None] | None = None


#: The body for the engine in pieces, and (width, height) of its pictures in pixels; or why not.
Pictures = tuple[Sequence[bytes], Sequence[tuple[int, int]]]
PicturesDone = Callable[[Pictures | HuiyanError], None]


class Work(Protocol):
    """What goes on for a client: a run, or a loop of several."""

    def cancel(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Services(Protocol):
    """What a run needs of its gateway."""

    loop: asyncio.AbstractEventLoop
    limiter: Limiter
    queue: FairQueue
    budget: Budget
    metrics: Metrics
    heads: RelayedHeads
    keep_alive_s: float

    def choose_backend(self, admitted: Admitted) -> Backend:
        """Raises: EngineError and its kinds where no engine can take it."""

    def another_backend(self, admitted: Admitted, tried: Sequence[Backend]) -> Backend | None:
        """For a request that these engines died of, or would not take; None: there is no other."""

    def plain_body(self, asked: Asked) -> Sequence[bytes]: ...

    def read_pictures(self, asked: Asked, done: PicturesDone) -> None: ...

    def need(self, admitted: Admitted, pictures: Sequence[tuple[int, int]]) -> Ask: ...

    def count(self, backend: Backend) -> Count: ...

    def started(self, backend: Backend) -> None: ...

    def moved(self, asked: Asked, failed: Backend, error: EngineError) -> None:
        """A request goes to another engine than the one that failed."""

    def finished(self, record: Finished) -> None: ...


class Run:
    """Owns one request from admission to the last byte. Hears the engine, tells its sink."""

    __slots__ = (
        "_asked",
        "_backend",
        "_body",
        "_call",
        "_cancelled",
        "_chunks",
        "_clock",
        "_decode_s",
        "_error_body",
        "_error_status",
        "_first_byte_s",
        "_grant",
        "_head_told",
        "_keep_alive",
        "_lease",
        "_over",
        "_paused",
        "_pictures",
        "_queued_s",
        "_refusal",
        "_sent_bytes",
        "_services",
        "_sink",
        "_stage_s",
        "_starting",
        "_status",
        "_tail",
        "_ticket",
        "_tried",
        "_unread_tokens",
        "_waited",
    )

    def __init__(self, services: Services, asked: Asked, sink: Sink) -> None:
        self._services = services
        self._asked = asked
        self._sink = sink
        self._lease: Lease | None = None
        self._ticket: Ticket | None = None
        self._backend: Backend | None = None
        self._grant: Grant | None = None
        self._call: Call | None = None
        self._body: Sequence[bytes] = ()
        self._tried: tuple[Backend, ...] = ()
        self._pictures: Sequence[tuple[int, int]] = ()
        self._tail: UsageTail | None = None
        self._clock: ChunkClock | None = None
        self._chunks = 0
        self._keep_alive: asyncio.TimerHandle | None = None
        self._refusal: HuiyanError | None = None
        self._starting = False
        self._cancelled = False
        self._over = False
        self._paused = False
        self._waited = False
        self._head_told = False
        self._status = 0
        self._error_status = 0
        self._error_body = b""
        self._first_byte_s: float | None = None
        self._stage_s = 0.0
        self._decode_s = 0.0
        self._queued_s = 0.0
        self._sent_bytes = 0
        self._unread_tokens = 0

    def start(self) -> None:
        """Go as far as it can be gone now. Raises the refusal if there is one already.

        `sink` hears of everything else, never from within this call.
        """
        self._starting = True
        asked = self._asked
        self._services.limiter.begin(asked.principal, body_bytes=asked.received_bytes, done=self._limited)
        self._starting = False
        if self._refusal is not None:
            raise self._refusal

    def cancel(self) -> None:
        """Stop the work on it, wherever it stands; the sink hears nothing more."""
        self._cancelled = True
        call = self._call
        self._end(CLIENT_GONE, "")
        if call is not None:
            call.cancel()

    def pause(self) -> None:
        self._paused = True
        if self._call is not None:
            self._call.pause()

    def resume(self) -> None:
        self._paused = False
        if self._call is not None:
            self._call.resume()

    # The stages.

    def _limited(self, result: Lease | Refused) -> None:
        if isinstance(result, Refused):
            result.error.headers = result.headers
            self._fail(result.error)
            return
        self._lease = result
        if self._cancelled:
            result.finish()
        elif self._asked.admitted.images:
            self._stage_s = self._services.loop.time()
            self._services.read_pictures(self._asked, self._pictures_read)
        else:
            self._body = self._services.plain_body(self._asked)
            self._plan()

    def _pictures_read(self, result: Pictures | HuiyanError) -> None:
        self._decode_s = self._services.loop.time() - self._stage_s
        self._asked.admitted.drop_pictures()  # megabytes, not needed any more
        if self._cancelled:
            return
        if isinstance(result, HuiyanError):
            self._fail(result)
        else:
            self._body, self._pictures = result
            self._plan()

    def _plan(self) -> None:
        services = self._services
        try:
            self._backend = backend = services.choose_backend(self._asked.admitted)
            admitted = self._asked.admitted
            if not self._pictures:
                bound = text_bound(admitted.text_bytes, len(admitted.messages) or 1, len(admitted.tools))
                grant = services.budget.at_once(bound, admitted.max_tokens, admitted.choices, backend.kv)
                if grant is not None:
                    self._granted(grant)
                    return
            need = services.need(admitted, self._pictures)
            services.budget.grant(need, backend.kv, count=services.count(backend), done=self._granted)
        except HuiyanError as error:
            self._fail(error)

    def _granted(self, result: Grant | ContextExceededError) -> None:
        if self._cancelled:
            return
        if isinstance(result, ContextExceededError):
            self._fail(result)
            return
        self._grant = result
        services, asked = self._services, self._asked
        self._stage_s = services.loop.time()
        ticket = services.queue.enter(
            asked.principal,
            deadline_s=asked.deadline_s,
            granted=self._go,
            refused=self._fail,
            ready=self._fits if result.wait else None,
        )
        self._ticket = ticket
        if self._over:  # it went wrong, or through, within `enter`
            ticket.leave()
        elif ticket.state == "waiting":
            self._waited = True
        if self._waited and asked.admitted.stream:
            self._keep_alive = services.loop.call_later(services.keep_alive_s, self._still_waiting)

    def _fits(self) -> bool:
        """Whether the cache has room for it by now."""
        assert self._grant is not None
        assert self._backend is not None
        self._grant = self._services.budget.again(self._grant, self._backend.kv)
        return not self._grant.wait

    def _still_waiting(self) -> None:
        """Proxies and clients give up on a connection that says nothing."""
        if not self._head_told:
            self._head_told = True
            self._status = 200
            self._sink.on_head(200, _EVENT_STREAM, None)
        before = 0 if self._ticket is None else self._services.queue.position(self._ticket)
        self._sink.on_body(sse.comment(f"waiting, {before} before you"))
        self._keep_alive = self._services.loop.call_later(self._services.keep_alive_s, self._still_waiting)

    def _go(self, ticket: Ticket) -> None:
        """Its turn has come."""
        self._ticket = ticket
        self._queued_s = self._services.loop.time() - self._stage_s
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        backend, grant = self._backend, self._grant
        assert backend is not None
        assert grant is not None
        if self._waited:
            # It may have waited for an engine that is gone by now.
            try:
                self._backend = backend = self._services.choose_backend(self._asked.admitted)
            except HuiyanError as error:
                self._fail(error)
                return
        body = self._body
        if grant.max_tokens is not None:
            body = (with_max_tokens(body[0] if len(body) == 1 else b"".join(body), grant.max_tokens),)
        # Megabytes, perhaps: kept only for another engine, and only until this one answers.
        self._body = body if backend.one_of_several else ()
        self._asked.admitted.let_go()
        self._send(backend, grant, body)

    def _send(self, backend: Backend, grant: Grant, body: Sequence[bytes]) -> None:
        backend.kv.charge(grant.prompt_tokens)
        backend.started()
        if backend.one_of_several:
            self._unread_tokens = tokens = self._prompt_work(grant, backend.card)
            backend.unread_tokens += tokens
        self._services.started(backend)
        asked = self._asked
        when_sent, asked.when_sent = asked.when_sent, None
        self._call = backend.pool.send(
            "POST", asked.path, self, body=body, request_id=asked.request_id, when_sent=when_sent
        )
        if self._paused:
            self._call.pause()

    def _prompt_work(self, grant: Grant, card: ModelCard) -> int:
        """An estimate; the grant's own figure is a bound, unless it was counted."""
        pictures = picture_tokens(card, self._pictures)
        text_bytes = self._asked.admitted.text_bytes
        if grant.exact:
            return grant.prompt_tokens + prompt_work(0, pictures) - pictures
        return prompt_work(text_bytes, pictures)

    def _read(self) -> None:
        """The engine has read the prompt, or never will."""
        tokens, self._unread_tokens = self._unread_tokens, 0
        assert self._backend is not None
        self._backend.unread_tokens -= tokens

    def _moves(self, error: EngineError) -> bool:
        """Whether another engine gets the request; not a byte of this one's answer has been passed on.

        An engine that is silent is left to it: it may be about to answer, and another would be busy as well.
        """
        failed, call, grant = self._backend, self._call, self._grant
        if failed is None or call is None or grant is None or self._over:
            return False
        if call.sent and not isinstance(error, (EngineDiedError, EngineStartingError)):
            return False
        self._tried += (failed,)
        if len(self._tried) >= _MAX_ENGINES:
            return False
        other = self._services.another_backend(self._asked.admitted, self._tried)
        if other is None:
            return False
        call.cancel()
        if self._unread_tokens:
            self._read()
        failed.ended(failed=True)
        self._services.moved(self._asked, failed, error)
        self._backend = other
        self._send(other, grant, self._body)
        return True

    # Listener: what the engine answers.

    def on_head(self, status: int, headers: Headers) -> None:
        if status >= 400:
            if status == 503 and self._body and self._moves(EngineStartingError("The engine is not ready.")):
                return
            self._body = ()
            self._error_status = status
            return
        self._status = status
        call, lease, grant = self._call, self._lease, self._grant
        assert call is not None, "an engine answers what was sent"
        if call.length is not None:  # another engine's answer has another length
            self._body = ()
        if self._head_told:  # while it waited, or another engine's; the rest of the head is spent
            return
        self._head_told = True
        assert lease is not None
        assert grant is not None
        block = b"%b%b%b" % (self._services.heads.of(headers), lease.block(), grant.block())
        self._sink.on_head(status, block, call.length)

    def on_body(self, data: bytes) -> None:
        if self._error_status:
            if len(self._error_body) < MAX_ERROR_BYTES:
                self._error_body += data[: MAX_ERROR_BYTES - len(self._error_body)]
            return
        # A comment that keeps the connection open says that it still reads.
        if self._unread_tokens and not data.startswith(b":"):
            self._read()
        tail = self._tail
        if tail is None:
            self._body = ()
            stream = self._asked.admitted.stream
            tail = self._tail = UsageTail(stream=stream)
            if stream:
                self._clock = ChunkClock(self._services.metrics)
            self._first_byte_s = self._services.loop.time() - self._asked.started_s
        if self._clock is None:
            self._chunks += 1
        else:
            self._clock.chunk()
        self._sent_bytes += len(data)
        tail.feed(data)
        self._sink.on_body(data)

    def on_end(self) -> None:
        if self._error_status:
            self._fail(error_from(self._error_status, self._error_body))
        else:
            self._end(self._status, "")
            self._sink.on_end()

    def on_error(self, error: EngineError) -> None:
        if not (self._body and self._moves(error)):
            self._fail(error)

    def _fail(self, error: HuiyanError) -> None:
        if self._cancelled or self._over:
            return
        self._end(status_of(error), error.code, failed=isinstance(error, EngineError))
        if self._starting:
            self._refusal = error
        else:
            self._sink.on_error(error)

    def _end(self, status: int, error_code: str, *, failed: bool = False) -> None:
        """Give everything back, once, and say what it was."""
        if self._over:
            return
        self._over = True
        if self._keep_alive is not None:
            self._keep_alive.cancel()
            self._keep_alive = None
        # Everything below refers back to this run: taken apart here, it need not wait for the garbage
        # collector, which comes by rarely, and megabytes may hang on it.
        ticket, self._ticket = self._ticket, None
        call, self._call = self._call, None
        self._body = ()
        asked = self._asked
        asked.admitted.let_go()
        if ticket is not None:
            ticket.leave()
        if self._unread_tokens:
            self._read()
        backend = self._backend
        if call is not None and backend is not None:
            backend.ended(failed=failed)
        usage = NO_USAGE if self._tail is None else self._tail.usage()
        grant = self._grant
        prompt_tokens = usage.prompt_tokens or (grant.prompt_tokens if grant and call else 0)
        if self._lease is not None:
            self._lease.finish(prompt_tokens, usage.completion_tokens)
        self._services.finished(
            Finished(
                asked.request_id,
                asked.principal,
                asked.path,
                status,
                asked.admitted.stream,
                self._services.loop.time() - asked.started_s,
                self._first_byte_s,
                self._queued_s,
                self._decode_s,
                asked.received_bytes,
                self._sent_bytes,
                asked.admitted.image_count,
                self._chunks if self._clock is None else self._clock.chunks,
                prompt_tokens,
                usage.completion_tokens,
                grant.max_tokens if grant else None,
                grant.reason if grant else "",
                error_code,
                backend.name if backend is not None else "",
            )
        )
