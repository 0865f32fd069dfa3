"""Usage per key and day, added up in memory and written to the database every few seconds.

While the database is away, memory holds one row for each key and day, and a file the same: a kill loses no
more then than it does at other times. A batch that failed keeps its number, as it may have been written.
"""

from __future__ import annotations

import asyncio
import functools
import secrets
import time
from collections.abc import Callable

from huiyan.errors import HuiyanError
from huiyan.gateway.finished import Finished
from huiyan.gateway.usage_spool import Held, UsageSpool
from huiyan.log import get_logger
from huiyan.state.records import Batch, Counts, UsageRow

_log = get_logger(__name__)

#: What a kill may lose.
_WRITE_AFTER_S = 3.0
#: At a stop.
_ATTEMPTS = 3
_RETRY_S = 3.0
_ERROR = 400

_DAY_S = 86_400

#: Adds rows unless this batch was added before, in a thread; raises HuiyanError where it cannot.
Write = Callable[[list[UsageRow], Batch], None]
_Taken = dict[tuple[str, int], Counts]


class UsageBook:
    """Every method is called from the loop's thread. write: adds rows to what is kept; it may block.

    spool: where rows wait on disk while `write` fails; None: in memory alone.
    """

    def __init__(
        self, write: Write, *, spool: UsageSpool | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._spool = spool
        self._writer = spool.writer if spool is not None else secrets.token_hex(8)
        self._number = 0
        #: The batch that failed last, under the number that it keeps.
        self._failed: _Taken | None = None
        self._told = False
        self._write = write
        self._clock = clock
        self._pending: _Taken = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None
        self._closed = False

    def finished(self, record: Finished) -> None:
        """Count one request. A few microseconds, no I/O."""
        slot = record.principal.id, int(self._clock()) // _DAY_S
        counts = self._pending.get(slot)
        if counts is None:
            counts = self._pending[slot] = Counts()
        counts.requests += 1
        counts.prompt_tokens += record.prompt_tokens
        counts.completion_tokens += record.completion_tokens
        counts.images += record.images
        counts.received_bytes += record.received_bytes
        counts.sent_bytes += record.sent_bytes
        if record.status >= _ERROR:
            counts.errors += 1
        if self._timer is None and self._writing is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(_WRITE_AFTER_S, self._begin)

    async def flush(self) -> None:
        """Write what there is, once; a failure is logged, and tried again later."""
        await self._written_so_far()
        self._begin()
        await self._written_so_far()
        if self._failed is None and self._pending:
            # What waited behind a batch that had failed before.
            self._begin()
            await self._written_so_far()

    async def close(self) -> None:
        """Write what is left; nothing of it is lost on a clean stop."""
        self._closed = True
        for _ in range(_ATTEMPTS):
            await self.flush()
            # A connection from before the database was away fails once, and only then is made anew.
            if self._failed is None and not self._pending:
                break
        self._cancel_timer()
        if self._spool is not None:
            await asyncio.to_thread(self._spool.close)

    async def _written_so_far(self) -> None:
        if self._writing is not None:
            # Its done callback was registered first, so it has run when this returns.
            await asyncio.wait([self._writing])

    def _begin(self) -> None:
        self._cancel_timer()
        if self._writing is not None or not (self._pending or self._failed):
            return
        if self._failed is not None:
            taken, waiting = self._failed, _rows(self._pending)
        else:
            taken, waiting, self._pending = self._pending, [], {}
            self._number += 1
        loop = asyncio.get_running_loop()
        work = functools.partial(self._work, _rows(taken), waiting, self._number)
        self._writing = loop.run_in_executor(None, work)
        self._writing.add_done_callback(lambda done: self._written(done, taken))

    def _work(self, rows: list[UsageRow], waiting: list[UsageRow], number: int) -> None:
        """In a thread: write the batch, or put it aside with what waits behind it."""
        try:
            self._write(rows, Batch(writer=self._writer, number=number))
        except Exception:
            if self._spool is not None:
                held = [Held(number, rows)] + ([Held(number + 1, waiting)] if waiting else [])
                try:
                    self._spool.keep(held)
                except HuiyanError as error:
                    _log.error("%s", error.message, extra={"code": error.code, "hint": error.hint})
            raise
        if self._spool is not None and not waiting:
            self._clear(self._spool)

    def _clear(self, spool: UsageSpool) -> None:
        try:
            spool.clear()
        except HuiyanError as error:
            # Harmless: the database knows the numbers of what is in it.
            _log.error("%s", error.message, extra={"code": error.code, "hint": error.hint})

    def _written(self, done: asyncio.Future[None], taken: _Taken) -> None:
        self._writing = None
        error = None if done.cancelled() else done.exception()
        if error is None and not done.cancelled():
            self._failed = None
            self._told = False
            if self._pending:
                self._arm(_WRITE_AFTER_S)
            return
        self._failed = taken
        if not self._told:
            self._told = True
            if isinstance(error, HuiyanError):
                _log.error("%s", error.message, extra={"code": error.code, "hint": error.hint})
            elif error is not None:
                _log.error("usage cannot be written", exc_info=error)
        self._arm(_RETRY_S)

    def _arm(self, after_s: float) -> None:
        if self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(after_s, self._begin)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _rows(pending: _Taken) -> list[UsageRow]:
    return [
        UsageRow(key_id=key_id, day=time.strftime("%Y-%m-%d", time.gmtime(day * _DAY_S)), counts=counts)
        for (key_id, day), counts in pending.items()
    ]
