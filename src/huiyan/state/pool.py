"""A few connections of one database, and transactions in them: the same SQL for SQLite and PostgreSQL.

Python's own driver and psycopg follow one interface (PEP 249) and differ in a parameter's mark, in how a
transaction begins, and in their exceptions; that is all there is to bridge for a handful of statements.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from huiyan.errors import DiskFullError, StoreError
from huiyan.messages import refusal
from huiyan.state.schema import Dialect

#: At once, of one process; more work than that waits.
_CONNECTIONS: Final = 4
#: Kept open when nobody uses them.
_IDLE: Final = 2
_WAIT_S: Final = 10.0

Driver = Any  # sqlite3.Connection or psycopg.Connection, in autocommit mode
Values = Sequence[Any]  # Any: what a column holds


class Connection:
    """Inside one transaction. In statements `?` stands for a parameter."""

    def __init__(self, driver: Driver, dialect: Dialect) -> None:
        self.dialect: Dialect = dialect
        self._driver = driver

    def run(self, statement: str, values: Values = ()) -> None:
        self._cursor(statement, values).close()

    def run_many(self, statement: str, rows: Iterable[Values]) -> None:
        with contextlib.closing(self._driver.cursor()) as cursor:
            cursor.executemany(self._marked(statement), list(rows))

    def rows(self, statement: str, values: Values = ()) -> list[dict[str, Any]]:
        """All rows, as columns to values."""
        with contextlib.closing(self._cursor(statement, values)) as cursor:
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def value(self, statement: str, values: Values = ()) -> Any:
        """The first column of the first row; None where there is none."""
        with contextlib.closing(self._cursor(statement, values)) as cursor:
            row = cursor.fetchone()
            return None if row is None else row[0]

    def _cursor(self, statement: str, values: Values) -> Any:  # Any: a cursor of the driver
        cursor = self._driver.cursor()
        cursor.execute(self._marked(statement), tuple(values))
        return cursor

    def _marked(self, statement: str) -> str:
        return statement if self.dialect == "sqlite" else statement.replace("?", "%s")


class Pool:
    """Thread-safe.

    shown: how the database is called in messages. opened: makes a connection in autocommit mode; the
    exceptions `failures` of its driver become StoreError, without statements or parameters in them.
    """

    def __init__(
        self,
        opened: Callable[[], Driver],
        *,
        dialect: Dialect,
        shown: str,
        failures: tuple[type[Exception], ...],
    ) -> None:
        self.dialect: Dialect = dialect
        self.shown = shown
        self._opened, self._failures = opened, failures
        self._places = threading.BoundedSemaphore(_CONNECTIONS)
        self._lock = threading.Lock()
        self._idle: list[Driver] = []
        self._closed = False

    @contextlib.contextmanager
    def transaction(self, *, writes: bool = False, snapshot: bool = False) -> Iterator[Connection]:
        """Committed at the end of the block, undone where it raises.

        writes: has to be said on SQLite, where a reader that turns into a writer would fail at once if
        another one writes; a writer waits. snapshot: everything read is of one moment, while others write.
        Raises: StoreError.
        """
        begin = "BEGIN"
        if self.dialect == "sqlite":
            begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        elif snapshot:
            begin = "BEGIN ISOLATION LEVEL REPEATABLE READ"
        with self.connection() as driver:
            driver.execute(begin)
            try:
                yield Connection(driver, self.dialect)
                driver.execute("COMMIT")
            except BaseException:
                # The database may have done it itself, or be away: what is raised is the reason.
                with contextlib.suppress(*self._failures):
                    driver.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def connection(self) -> Iterator[Driver]:
        """A connection without a transaction; not used again after an exception. Raises: StoreError."""
        if not self._places.acquire(timeout=_WAIT_S):
            raise refusal(StoreError, "state.database", database=self.shown, reason="busy")
        driver: Driver = None
        whole = False
        try:
            driver = self._take()
            yield driver
            whole = True
        except self._failures as error:
            raise self._translated(error) from error
        finally:
            if driver is not None:
                self._give(driver, keep=whole)
            self._places.release()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for driver in idle:
            self._part(driver)

    def _take(self) -> Driver:
        while True:
            with self._lock:
                driver = self._idle.pop() if self._idle else None
            if driver is None:
                return self._opened()
            if self._alive(driver):
                return driver
            self._part(driver)

    def _alive(self, driver: Driver) -> bool:
        """A server may have been restarted meanwhile; a file stays."""
        if self.dialect == "sqlite":
            return True
        try:
            driver.execute("SELECT 1")
        except self._failures:
            return False
        return True

    def _give(self, driver: Driver, *, keep: bool) -> None:
        with self._lock:
            if keep and not self._closed and len(self._idle) < _IDLE:
                self._idle.append(driver)
                return
        self._part(driver)

    def _part(self, driver: Driver) -> None:
        with contextlib.suppress(*self._failures):
            driver.close()

    def _translated(self, error: Exception) -> StoreError:
        lines = str(error).strip().splitlines()
        reason = lines[0] if lines else type(error).__name__
        if "disk is full" in reason:
            return refusal(DiskFullError, "state.full", database=self.shown)
        return refusal(StoreError, "state.database", database=self.shown, reason=reason)
