"""From an address to SQLAlchemy's engine, and from its errors to ours."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from huiyan.errors import DiskFullError, SettingsError, StoreError
from huiyan.messages import refusal

#: How long a writer waits for another one (SQLite).
_WAIT_S = 10
#: How long a connection to PostgreSQL may take, and how long one stays that answers nothing: seconds, and for
#: tcp_user_timeout milliseconds. Without them a question to a host that is gone without a word waits for a
#: quarter of an hour, the thread that watches the keys with it. What the address says itself has precedence.
#: Source: PostgreSQL's documentation, 32.1.2 (parameter key words).
_POSTGRES_WAIT_S = 5
_POSTGRES_PATIENCE = {
    "connect_timeout": _POSTGRES_WAIT_S,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}
_RETRY_S = 0.02


def connect(url: str | None, file: Path) -> tuple[sa.Engine, str, Path | None]:
    """The engine, how the database is called in messages, and the SQLite file if it is one.

    Raises: SettingsError, StoreError.
    """
    if url is None:
        return _sqlite(file), str(file), file
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise refusal(SettingsError, "state.url") from None
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or file)
        return _sqlite(path), str(path), path
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    shown = parsed.render_as_string(hide_password=True)
    try:
        engine = sa.create_engine(
            parsed,
            pool_size=2,
            max_overflow=2,
            pool_pre_ping=True,
            pool_timeout=2 * _POSTGRES_WAIT_S,
            connect_args={
                name: value for name, value in _POSTGRES_PATIENCE.items() if name not in parsed.query
            },
            hide_parameters=True,
        )
    except ImportError:
        raise refusal(SettingsError, "state.driver", database=shown) from None
    return engine, shown, None


@contextlib.contextmanager
def translated(shown: str) -> Iterator[None]:
    """Errors of the database as StoreError, without statements or parameters in them."""
    try:
        yield
    except SQLAlchemyError as error:
        original = getattr(error, "orig", None)
        reason = str(original or error).strip().splitlines()[0] if str(original or error).strip() else ""
        if isinstance(error, DBAPIError) and "disk is full" in reason:
            raise refusal(DiskFullError, "state.full", database=shown) from error
        raise refusal(
            StoreError, "state.database", database=shown, reason=reason or type(error).__name__
        ) from error


def _write_ahead(driver: sqlite3.Connection) -> None:
    """Change to WAL, which a new file needs once.

    Where several do so at the same moment SQLite refuses at once, without the usual waiting: it would be a
    deadlock (sqlite.org/c3ref/busy_handler.html). Whoever comes second finds it done.
    """
    deadline_s = time.monotonic() + _WAIT_S
    while True:
        try:
            driver.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _sqlite(file: Path) -> sa.Engine:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # SQLite gives -wal and -shm the mode of the file itself.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise refusal(StoreError, "state.database", database=file, reason=error.strerror) from error
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(file)),
        connect_args={"timeout": _WAIT_S, "check_same_thread": False},
        pool_size=2,
        hide_parameters=True,
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(driver: Any, _record: Any) -> None:  # Any: sqlite3's connection, SQLAlchemy's record
        # The driver's own notion of transactions leaves DDL out; SQLAlchemy's begin does it instead.
        driver.isolation_level = None
        _write_ahead(driver)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            driver.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A reader that turns into a writer would fail at once where another writes; a writer waits.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
