"""Usage per key and day, added up in memory and written to the database every few seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from huiyan.errors import HuiyanError
from huiyan.gateway.finished import Finished
from huiyan.log import get_logger
from huiyan.state.records import Counts, UsageRow

_log = get_logger(__name__)

#: What a kill may lose.
_WRITE_AFTER_S = 3.0
_RETRY_S = 15.0
_ERROR = 400

_DAY_S = 86_400

#: Writes rows, in a thread; raises HuiyanError where it cannot.
Write = Callable[[list[UsageRow]], None]


class UsageBook:
    """Every method is called from the loop's thread. write: adds rows to what is kept; it may block."""

    def __init__(self, write: Write, *, clock: Callable[[], float] = time.time) -> None:
        self._write = write
        self._clock = clock
        self._pending: dict[tuple[str, int], Counts] = {}
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

    async def close(self) -> None:
        """Write what is left; nothing of it is lost on a clean stop."""
        self._closed = True
        await self.flush()
        self._cancel_timer()

    async def _written_so_far(self) -> None:
        if self._writing is not None:
            # Its done callback was registered first, so it has run when this returns.
            await asyncio.wait([self._writing])

    def _begin(self) -> None:
        self._cancel_timer()
        if not self._pending or self._writing is not None:
            return
        taken, self._pending = self._pending, {}
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(None, self._write, _rows(taken))
        self._writing.add_done_callback(lambda done: self._written(done, taken))

    def _written(self, done: asyncio.Future[None], taken: dict[tuple[str, int], Counts]) -> None:
        self._writing = None
        error = None if done.cancelled() else done.exception()
        if error is None and not done.cancelled():
            if self._pending:
                self._arm(_WRITE_AFTER_S)
            return
        for slot, counts in taken.items():
            self._pending.setdefault(slot, Counts()).add(counts)
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


def _rows(pending: dict[tuple[str, int], Counts]) -> list[UsageRow]:
    return [
        UsageRow(key_id=key_id, day=time.strftime("%Y-%m-%d", time.gmtime(day * _DAY_S)), counts=counts)
        for (key_id, day), counts in pending.items()
    ]
