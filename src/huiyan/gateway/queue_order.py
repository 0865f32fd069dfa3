"""Who is next among the requests that wait. The rules are told in `queue`, which is the one user."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from huiyan.errors import HuiyanError

if TYPE_CHECKING:
    from huiyan.gateway.queue import FairQueue

#: One grant in so many goes to a lower priority class that has somebody waiting.
YIELD_EVERY = 8

State = Literal["waiting", "running", "over"]
Granted = Callable[["Ticket"], None]
Refused = Callable[[HuiyanError], None]


class Ticket:
    """One request's place: waiting, then running, until `leave`. Its `state` may be read."""

    __slots__ = (
        "deadline_given",
        "granted",
        "line",
        "queue",
        "ready",
        "refused",
        "since_s",
        "state",
        "timer",
    )

    def __init__(self, queue: FairQueue, line: Line, granted: Granted, refused: Refused) -> None:
        self.queue = queue
        self.line = line
        self.granted = granted
        self.refused = refused
        self.ready: Callable[[], bool] | None = None
        self.since_s = 0.0
        self.timer: asyncio.TimerHandle | None = None
        self.deadline_given = False
        self.state: State = "waiting"

    def leave(self) -> None:
        """Give the slot back, or stop waiting for one. A second call does nothing."""
        if self.state != "over":
            self.queue.left(self)


class Line:
    """What one key has in the queue."""

    __slots__ = ("key", "priority", "running", "waiting")

    def __init__(self, key: str, priority: int) -> None:
        self.key = key
        self.priority = priority
        self.running = 0
        self.waiting: OrderedDict[Ticket, None] = OrderedDict()


class Order:
    """Tickets that wait, by priority class, line and arrival."""

    def __init__(self) -> None:
        #: For each priority, the lines with somebody waiting, the one served longest ago first.
        self._classes: dict[int, OrderedDict[Line, None]] = {}
        self._grants = 0
        self._last_yielded: int | None = None
        self.waiting = 0

    def add(self, ticket: Ticket, priority: int) -> None:
        """priority: it counts where nothing of the line waits yet; a key's may have been changed since."""
        line = ticket.line
        if not line.waiting:
            line.priority = priority
            self._classes.setdefault(priority, OrderedDict())[line] = None
        line.waiting[ticket] = None
        self.waiting += 1

    def discard(self, ticket: Ticket) -> None:
        """It waits no longer, and was not served."""
        line = ticket.line
        del line.waiting[ticket]
        self.waiting -= 1
        if not line.waiting:
            lines = self._classes[line.priority]
            del lines[line]
            if not lines:
                del self._classes[line.priority]

    def next(self) -> Ticket:
        """Whose turn it is. Somebody must be waiting."""
        # min() takes the first of equals, and the first was served longest ago.
        line = min(self._classes[self._next_class()], key=lambda line: line.running)
        return next(iter(line.waiting))

    def serve(self, ticket: Ticket) -> None:
        """Take what `next` has named."""
        priority = self._next_class()
        if priority != max(self._classes):
            self._last_yielded = priority
        self._grants += 1
        line = ticket.line
        self.discard(ticket)
        if line.waiting:
            self._classes[line.priority].move_to_end(line)

    def position(self, ticket: Ticket) -> int:
        """How many are likely to be served before a waiting ticket, newcomers apart."""
        line = ticket.line
        own = next(i for i, other in enumerate(line.waiting) if other is ticket)
        before = own
        passed = False
        for other in self._classes[line.priority]:
            if other is line:
                passed = True
            else:
                before += min(len(other.waiting), own if passed else own + 1)
        for priority, lines in self._classes.items():
            if priority > line.priority:
                before += sum(len(other.waiting) for other in lines)
        return before

    def _next_class(self) -> int:
        priorities = sorted(self._classes, reverse=True)
        if len(priorities) == 1 or (self._grants + 1) % YIELD_EVERY:
            return priorities[0]
        lower, last = priorities[1:], self._last_yielded
        return next((p for p in lower if last is not None and p < last), lower[0])
