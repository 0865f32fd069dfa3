"""The place where requests wait for the engine: bounded, and fair across keys.

Who is next, when a slot becomes free:

1. The highest priority class in which somebody waits. Every eighth grant (`YIELD_EVERY`) out of the queue
   goes to the lower classes instead, in rotation, so that none of them starves.
2. In a class, the key with the fewest requests running; among equals the one that was served longest
   ago. A key with a hundred requests waiting delays another key's only request by one grant.
3. Of one key, in the order of arrival.

Everything is called from the loop's thread and returns at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from huiyan.errors import EngineStartingError, EngineTimeoutError, HuiyanError, QueueFullError
from huiyan.gateway.access.principal import Principal
from huiyan.gateway.queue_order import Granted, Line, Order, Refused, Ticket
from huiyan.log import get_logger

_log = get_logger(__name__)

#: How much the newest request weighs in the average time that a slot is held.
_NEWEST_SHARE = 0.2
_MAX_RETRY_AFTER_S = 60.0


class FairQueue:
    """slots: requests running at the same time; may be changed at any time (running ones go on).

    timeout_s: how long a request waits that brings no deadline of its own.
    """

    def __init__(
        self,
        slots: int,
        max_waiting: int,
        max_waiting_per_key: int,
        *,
        timeout_s: float = 120.0,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.loop = loop or asyncio.get_running_loop()
        self._slots = slots
        self._max_waiting = max_waiting
        self._max_waiting_per_key = max_waiting_per_key
        self._timeout_s = timeout_s
        self._lines: dict[str, Line] = {}
        self._order = Order()
        self._running = 0
        self._granting = False
        self._held_s = 1.0
        self._pause_timer: asyncio.TimerHandle | None = None
        self._idle_waiters: list[Callable[[], None]] = []

    @property
    def running(self) -> int:
        return self._running

    @property
    def waiting(self) -> int:
        return self._order.waiting

    @property
    def paused(self) -> bool:
        return self._pause_timer is not None

    @property
    def slots(self) -> int:
        return self._slots

    @slots.setter
    def slots(self, slots: int) -> None:
        self._slots = slots
        self.recheck()

    def enter(
        self,
        principal: Principal,
        *,
        deadline_s: float | None = None,
        granted: Granted,
        refused: Refused,
        ready: Callable[[], bool] | None = None,
    ) -> Ticket:
        """Ask for a slot. `granted` or `refused` is called once, from within this call where it can be.

        deadline_s: the client's own, in seconds from now; over before a slot is free, it hears
        EngineTimeoutError. ready: asked when it is this request's turn; while it says no the queue
        stands (nobody overtakes), unless nothing is running, since then waiting changes nothing.
        `recheck` asks again.
        refused with: QueueFullError, EngineTimeoutError; EngineStartingError when the gateway shuts down.
        """
        line = self._lines.get(principal.id)
        if line is None:
            line = self._lines[principal.id] = Line(principal.id, principal.priority)
        ticket = Ticket(self, line, granted, refused)
        if (
            not self._order.waiting
            and self._running < self._slots
            and self._pause_timer is None
            and (ready is None or not self._running or ready())
        ):
            self._start(ticket)
            try:
                granted(ticket)
            except BaseException:
                ticket.leave()
                raise
            return ticket
        ticket.ready = ready
        self._wait(ticket, principal, deadline_s)
        return ticket

    def position(self, ticket: Ticket) -> int:
        """How many are likely to be served before `ticket`, newcomers apart; 0 when it is next or runs."""
        return self._order.position(ticket) if ticket.state == "waiting" else 0

    def pause(self, timeout_s: float) -> None:
        """Let nobody start until `resume`, or for `timeout_s`: whoever paused may have died.

        Waiting goes on within its bounds; a wait without a deadline of its own is counted from the end
        of the pause. A second call moves the end.
        """
        if self._pause_timer is not None:
            self._pause_timer.cancel()
        self._pause_timer = self.loop.call_later(timeout_s, self._pause_timed_out)

    def resume(self) -> None:
        if self._pause_timer is not None:
            self._pause_timer.cancel()
            self._pause_timer = None
            self.recheck()

    def when_idle(self, done: Callable[[], None]) -> None:
        """Call `done` as soon as nothing is running (at once if that is now): a drain, while paused."""
        if self._running:
            self._idle_waiters.append(done)
        else:
            done()

    def recheck(self) -> None:
        """Something has changed that a waiting request's `ready` asks about."""
        if self._granting:
            return
        self._granting = True
        try:
            while self._order.waiting and self._running < self._slots and self._pause_timer is None:
                ticket = self._order.next()
                ready = ticket.ready
                if ready is not None and self._running and not ready():
                    break
                self._order.serve(ticket)
                self._disarm(ticket)
                self._start(ticket)
                try:
                    ticket.granted(ticket)
                except Exception:  # noqa: BLE001  # a task boundary: whoever gave the slot back has no part in this
                    _log.exception("a granted request could not be started")
                    ticket.leave()
        finally:
            self._granting = False

    def retry_after_s(self) -> float:
        """When trying again has a chance, from how long slots were held lately."""
        turns = (self._order.waiting + 1) / max(1, self._slots)
        return min(_MAX_RETRY_AFTER_S, max(1.0, self._held_s * turns))

    def close(self) -> None:
        """Refuse everybody who waits: the gateway is shutting down."""
        for line in list(self._lines.values()):
            for ticket in list(line.waiting):
                self._refuse(ticket, EngineStartingError("The gateway is shutting down."))
        if self._pause_timer is not None:
            self._pause_timer.cancel()
            self._pause_timer = None

    def _start(self, ticket: Ticket) -> None:
        ticket.state = "running"
        ticket.since_s = self.loop.time()
        ticket.line.running += 1
        self._running += 1

    def left(self, ticket: Ticket) -> None:
        """What `Ticket.leave` reports, once."""
        line = ticket.line
        if ticket.state == "waiting":
            self._order.discard(ticket)
            self._disarm(ticket)
            ticket.state = "over"
            self._forget_if_empty(line)
            # The head may have left whose `ready` held the others up.
            self.recheck()
            return
        ticket.state = "over"
        line.running -= 1
        self._running -= 1
        self._held_s += _NEWEST_SHARE * (self.loop.time() - ticket.since_s - self._held_s)
        if not line.running and not line.waiting:
            self._forget_if_empty(line)
        if self._order.waiting:
            self.recheck()
        if not self._running and self._idle_waiters:
            waiters, self._idle_waiters = self._idle_waiters, []
            for done in waiters:
                done()

    def _wait(self, ticket: Ticket, principal: Principal, deadline_s: float | None) -> None:
        line = ticket.line
        if len(line.waiting) >= self._max_waiting_per_key or self._order.waiting >= self._max_waiting:
            ticket.state = "over"
            own = len(line.waiting) >= self._max_waiting_per_key
            self._forget_if_empty(line)
            ticket.refused(
                QueueFullError(
                    f"{len(line.waiting)} requests of this key are waiting already."
                    if own
                    else f"{self._order.waiting} requests are waiting already.",
                    retry_after_s=self.retry_after_s(),
                    hint="Send fewer requests at once, or try again after Retry-After.",
                )
            )
            return
        self._order.add(ticket, principal.priority)
        ticket.since_s = self.loop.time()
        ticket.deadline_given = deadline_s is not None
        wait_s = self._timeout_s if deadline_s is None else deadline_s
        ticket.timer = self.loop.call_later(max(0.0, wait_s), self._timed_out, ticket)

    def _disarm(self, ticket: Ticket) -> None:
        if ticket.timer is not None:
            ticket.timer.cancel()
            ticket.timer = None

    def _forget_if_empty(self, line: Line) -> None:
        if not line.running and not line.waiting and self._lines.get(line.key) is line:
            del self._lines[line.key]

    def _refuse(self, ticket: Ticket, error: HuiyanError) -> None:
        refused = ticket.refused
        ticket.leave()
        refused(error)

    def _timed_out(self, ticket: Ticket) -> None:
        waited_s = self.loop.time() - ticket.since_s
        if ticket.deadline_given:
            self._refuse(
                ticket,
                EngineTimeoutError(
                    f"The request's deadline passed after {waited_s:.1f} s of waiting for its turn.",
                    hint="Give it more time, or send it when fewer requests are waiting.",
                ),
            )
        elif self._pause_timer is not None:
            # Bounded, since the pause is.
            when_s = self._pause_timer.when() + self._timeout_s
            ticket.timer = self.loop.call_at(when_s, self._timed_out, ticket)
        else:
            self._refuse(
                ticket,
                QueueFullError(
                    f"The request waited {waited_s:.0f} s for its turn.",
                    retry_after_s=self.retry_after_s(),
                    hint="The engine is busy; try again after Retry-After.",
                ),
            )

    def _pause_timed_out(self) -> None:
        _log.warning("the pause was not ended by whoever began it; requests go on")
        self._pause_timer = None
        self.recheck()
