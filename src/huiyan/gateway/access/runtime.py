"""Keys, sessions, limits and usage of one gateway process, and the threads that keep them up to date.

The database is opened only when there is something in it or to put into it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from huiyan.errors import HuiyanError, StoreError
from huiyan.gateway.access.door import Door
from huiyan.gateway.access.keyring import KeyRing, Source
from huiyan.gateway.access.notices import KeyNotices
from huiyan.gateway.access.options import AccessOptions
from huiyan.gateway.access.sessions import Sessions
from huiyan.gateway.limits import Limiter
from huiyan.gateway.usage import UsageBook
from huiyan.gateway.usage_spool import UsageSpool
from huiyan.log import get_logger
from huiyan.messages import refusal

if TYPE_CHECKING:
    from huiyan.state.database import Database
    from huiyan.state.records import AccessSnapshot, Batch, UsageRow

_log = get_logger(__name__)

#: A key that another process made or revoked counts after at most this long (the promise is 1 s).
_POLL_S = 0.5
#: A database that is away is asked less often.
_RETRY_S = 5.0
#: A database that has not answered for so long counts as away, even if nothing says so yet.
_SILENT_S = 2.0

T = TypeVar("T")


class Access:
    """Made in the running loop; `start` begins to read the keys, `close` writes what is left.

    host, port: what the gateway listens on. state_dir: the default for options.state_dir; without either
    and without database_url there are no keys, and nothing is kept.
    """

    def __init__(
        self, options: AccessOptions, *, host: str, port: int, state_dir: Path | None = None
    ) -> None:
        self.options = options
        self.ring = KeyRing()
        # Cookies know no ports: two systems on one host need two names, the gateways of one system the same.
        name = f"huiyan_session_{port}" if options.database_url is None else "huiyan_session"
        self.sessions = Sessions(self.ring, cookie_name=name, ttl_s=options.session_ttl_s)
        self.door = Door(options, host=host, ring=self.ring, sessions=self.sessions)
        url = options.limits_url
        self.limiter = Limiter(None if url is None else url.get_secret_value())
        self._dir = options.state_dir or state_dir
        #: What could not be written lies here; a process that starts in the same directory writes it.
        self._spool = None if self._dir is None else UsageSpool(self._dir / "usage")
        self.usage = UsageBook(self._write_usage, spool=self._spool)
        #: Other gateways hear of changes at once where there is a Redis, and by looking where there is none.
        self._notices: KeyNotices | None = None
        if url is not None and options.database_url is not None:
            self._notices = KeyNotices(url.get_secret_value(), changed=self._look_now)
        self._loop = asyncio.get_running_loop()
        self._opening = threading.Lock()
        self._database: Database | None = None
        #: Time to look at the keys, or to end.
        self._wake = threading.Event()
        self._seen_s = time.monotonic()
        self._closing = False
        #: What was counted today before this process began is still to be read.
        self._started_over = False
        self._first_look = asyncio.Event()
        self._thread: threading.Thread | None = None
        #: Ends when the database should have answered.
        self._patience: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Read the keys, and go on watching for changes. Where nothing was ever kept this costs nothing."""
        if self._dir is None and self.options.database_url is None:
            self.ring.load_empty()
            self._first_look.set()
            return
        if self._nothing_there():
            self.ring.load_empty()
            self._first_look.set()
        else:
            self._started_over = True
        self._thread = threading.Thread(target=self._watch, name="keys", daemon=True)
        self._thread.start()
        if self._notices is not None:
            self._notices.start()

    async def loaded(self) -> None:
        """Wait until the keys were read, or could not be (the log says why)."""
        await self._first_look.wait()

    async def close(self) -> None:
        """Write the usage that is left, end the threads."""
        self._closing = True
        if self._patience is not None:
            self._patience.cancel()
        self._wake.set()
        await self.usage.close()
        await asyncio.to_thread(self._stop)

    async def on_database(self, work: Callable[[Database], T]) -> T:
        """Run `work` in a thread. Raises: what `work` raises; StoreError without a database."""
        return await asyncio.to_thread(lambda: work(self._open()))

    async def reload(self) -> None:
        """After a change of this process's own: it counts from the next request on."""
        self._take(*await self.on_database(lambda database: (database, database.snapshot())))
        if self._notices is not None:
            await asyncio.to_thread(self._notices.publish)

    # In threads.

    def _nothing_there(self) -> bool:
        from huiyan.state import FILE_NAME

        options = self.options
        if options.database_url is not None or options.admin_key_file is not None:
            return False
        return self._dir is not None and not (self._dir / FILE_NAME).exists()

    def _open(self) -> Database:
        with self._opening:
            if self._database is None:
                if self._dir is None:
                    raise refusal(StoreError, "state.nowhere")
                from huiyan.state.database import Database

                url = self.options.database_url
                self._database = Database(self._dir, url=None if url is None else url.get_secret_value())
            return self._database

    def _watch(self) -> None:
        wait_s = 0.0
        told = ""
        while True:
            self._wake.wait(wait_s)
            # Before looking: what changes from now on is looked at once more.
            self._wake.clear()
            if self._closing:
                return
            wait_s = _POLL_S
            if self._database is None and self._nothing_there():
                continue
            try:
                self._look()
                told = ""
                self._seen_s = time.monotonic()
                self._call(self._is_here)
            except HuiyanError as error:
                wait_s = self._is_away()
                if error.message != told:
                    told = error.message
                    _log.error("%s", error.message, extra={"code": error.code, "hint": error.hint})
            except Exception:  # noqa: BLE001  # a task boundary: keys must not stop being watched
                wait_s = self._is_away()
                _log.exception("unforeseen while reading the keys")
            self._call(self._first_look.set)

    def _is_away(self) -> float:
        """Say so at the door. Returns: seconds until the next look."""
        self._call(self._is_not_here)
        return min(_RETRY_S, max(_POLL_S, self._left_s()))

    def _left_s(self) -> float:
        """How long the keys in memory may still be believed."""
        return self._seen_s + self.options.keys_without_database_s - time.monotonic()

    def _look_now(self) -> None:
        self._wake.set()

    def _look(self) -> None:
        opened_before = self._database is not None
        database = self._open()
        if not opened_before and self.options.admin_key_file is not None:
            from huiyan.state.issue import adopt_key_file

            adopt_key_file(database, self.options.admin_key_file)
        if not opened_before and self._spool is not None:
            self._spool.adopt(
                lambda rows, batch: database.add_usage(rows, batch=batch), database.forget_writer
            )
        if self._started_over:
            self._started_over = False
            today = time.strftime("%Y-%m-%d", time.gmtime())
            used = {row.key_id: row.counts.received_bytes for row in database.usage(since_day=today)}
            self._call(lambda: self.limiter.seed_bytes(used))
        revision, mine = database.revision(), self.ring.revision
        if revision != mine:
            snapshot = database.snapshot()
            # Going back means that a copy was restored, not that another read was faster.
            self._call(lambda: self._take(database, snapshot, restored=revision < mine))

    def _write_usage(self, rows: list[UsageRow], batch: Batch) -> None:
        if self._dir is not None:
            self._open().add_usage(rows, batch=batch)

    def _call(self, what: Callable[[], None]) -> None:
        if not self._closing:
            # The loop may end in between, with the process.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(what)

    def _stop(self) -> None:
        if self._thread is not None:
            self._thread.join(timeout=_RETRY_S)
        if self._notices is not None:
            self._notices.close()
        self.limiter.close()
        with self._opening:
            if self._database is not None:
                self._database.close()

    # On the loop.

    def _is_here(self) -> None:
        self.ring.source = Source.HERE
        self._expect_answer(_POLL_S + _SILENT_S)

    def _is_not_here(self) -> None:
        """Judge without the database, and again when the time is up: the next look may take long."""
        left_s = self._left_s()
        self.ring.source = Source.AWAY if left_s > 0 else Source.LOST
        if left_s > 0:
            self._expect_answer(left_s)

    def _expect_answer(self, within_s: float) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None if self._closing else self._loop.call_later(within_s, self._is_not_here)

    def _take(self, database: Database, snapshot: AccessSnapshot, *, restored: bool = False) -> None:
        # Two reads may finish in the other order.
        if restored or snapshot.revision >= self.ring.revision:
            self.ring.load(database.secret, snapshot)
