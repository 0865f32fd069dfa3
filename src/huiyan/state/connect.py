"""From an address to a pool of connections."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from huiyan.errors import SettingsError, StoreError
from huiyan.messages import refusal
from huiyan.state.pool import Driver, Pool

#: How long a writer waits for another one (SQLite).
_WAIT_S: Final = 10
#: How long a connection to PostgreSQL may take, and how long one stays that answers nothing: seconds, and for
#: tcp_user_timeout milliseconds. Without them a question to a host that is gone without a word waits for a
#: quarter of an hour, the thread that watches the keys with it. What the address says itself has precedence.
#: Source: PostgreSQL's documentation, 32.1.2 (parameter key words).
_POSTGRES_PATIENCE: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}
_RETRY_S: Final = 0.02


def connect(url: str | None, file: Path) -> tuple[Pool, Path | None]:
    """The pool, and the SQLite file if it is one: `file`, unless `url` (sqlite:///PATH) names another.

    Raises: SettingsError, StoreError.
    """
    if url is None:
        return _sqlite(file), file
    scheme, _, rest = url.partition("://")
    # SQLAlchemy's addresses, which name a driver, are widely known: they are understood as well.
    backend, _, driver = scheme.partition("+")
    if backend == "sqlite" and "://" in url:
        path = Path(rest.partition("?")[0].removeprefix("/") or file)
        return _sqlite(path), path
    if backend not in ("postgresql", "postgres") or driver not in ("", "psycopg") or "://" not in url:
        raise refusal(SettingsError, "state.url")
    return _postgresql(f"postgresql://{rest}"), None


def _sqlite(file: Path) -> Pool:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # SQLite gives -wal and -shm the mode of the file itself.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise refusal(StoreError, "state.database", database=file, reason=error.strerror) from error

    def opened() -> Driver:
        # isolation_level None: the driver's own notion of transactions leaves DDL out.
        driver = sqlite3.connect(file, timeout=_WAIT_S, check_same_thread=False, isolation_level=None)
        try:
            _write_ahead(driver)
            for pragma in ("synchronous=FULL", "foreign_keys=ON"):
                driver.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            driver.close()
            raise
        return driver

    return Pool(opened, dialect="sqlite", shown=str(file), failures=(sqlite3.Error,))


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


def _postgresql(url: str) -> Pool:
    shown = _without_password(url)
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise refusal(SettingsError, "state.driver", database=shown) from None
    try:
        # What libpq says of an address that it cannot read may quote the password.
        named = conninfo_to_dict(url)
    except psycopg.Error:
        raise refusal(SettingsError, "state.url") from None

    patience: dict[str, Any] = {
        name: value for name, value in _POSTGRES_PATIENCE.items() if name not in named
    }

    def opened() -> Driver:
        return psycopg.connect(url, autocommit=True, **patience)

    return Pool(opened, dialect="postgresql", shown=shown, failures=(psycopg.Error,))


def _without_password(url: str) -> str:
    """For messages: who, where and which, without the password and the options, which may hold one, too."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise refusal(SettingsError, "state.url") from None
    login, at, host = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"postgresql://{user}{':***' if colon else ''}{at}{host}{parts.path}"
