"""The way back across a migration: an older version gets the copy that was made before the step.

SQLite only; another database is its operator's to restore. Nothing is deleted: the newer state is kept beside
the file. Whoever has the file open goes on with it: the copy is written into it in one transaction.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

import msgspec

from huiyan.errors import StoreError
from huiyan.messages import refusal
from huiyan.state.migrations import STEPS

_WAIT_S: Final = 10.0


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """What the newer database has that the copy has not; it stays in the file `kept`."""

    kept: str
    keys: int = 0
    requests: int = 0


def schema_of(file: Path) -> int:
    """The schema version of a SQLite file; 0 for none. Raises: StoreError."""
    if not file.exists():
        return 0
    try:
        with contextlib.closing(_open(file, read_only=True)) as connection:
            return _schema(connection)
    except sqlite3.Error as error:
        raise refusal(StoreError, "state.database", database=file, reason=error) from error


def copy_for(file: Path, known: int) -> Path:
    """Where the copy lies that a program of schema version `known` can read."""
    return file.with_name(f"{file.name}.before-v{known + 1}")


def would_lose(file: Path, *, known: int = len(STEPS)) -> Lost | None:
    """What going back to a program of schema version `known` costs; None: nothing, it reads the file.

    Raises: StoreError when there is no copy to go back to.
    """
    found = schema_of(file)
    if found <= known:
        return None
    copy = copy_for(file, known)
    if schema_of(copy) != known:
        raise refusal(StoreError, "state.no_copy", database=file, found=found, known=known, copy=copy)
    try:
        with (
            contextlib.closing(_open(file, read_only=True)) as newer,
            contextlib.closing(_open(copy, read_only=True)) as older,
        ):
            keys, requests = (_count(newer, sql) - _count(older, sql) for sql in _COUNTED)
    except sqlite3.Error as error:
        raise refusal(StoreError, "state.database", database=file, reason=error) from error
    kept = str(file.with_name(f"{file.name}.after-v{found}"))
    return Lost(kept=kept, keys=max(0, keys), requests=max(0, requests))


def go_back(file: Path, *, known: int = len(STEPS)) -> Lost | None:
    """Make the file readable for a program of schema version `known`; again is harmless.

    Raises: StoreError; then the file is as it was.
    """
    lost = would_lose(file, known=known)
    if lost is None:
        return None
    try:
        with contextlib.closing(_open(file)) as newer:
            _keep(newer, Path(lost.kept))
            with contextlib.closing(_open(copy_for(file, known), read_only=True)) as older:
                # In one transaction: readers and writers of the file wait, and see the one or the other.
                older.backup(newer)
    except (sqlite3.Error, OSError) as error:
        raise refusal(StoreError, "state.database", database=file, reason=error) from error
    return lost


_COUNTED: Final = ("SELECT count(*) FROM keys", "SELECT coalesce(sum(requests), 0) FROM usage")


def _keep(newer: sqlite3.Connection, kept: Path) -> None:
    temporary = kept.with_name(f".{kept.name}")
    temporary.unlink(missing_ok=True)
    newer.execute("VACUUM INTO ?", (str(temporary),))
    temporary.chmod(0o600)
    temporary.replace(kept)


def _open(file: Path, *, read_only: bool = False) -> sqlite3.Connection:
    mode = "?mode=ro" if read_only else "?mode=rw"
    return sqlite3.connect(file.absolute().as_uri() + mode, uri=True, timeout=_WAIT_S, isolation_level=None)


def _schema(connection: sqlite3.Connection) -> int:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE type='table' AND name='meta'").fetchone():
        return 0
    row = connection.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone()
    return int(row[0]) if row else 0


def _count(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])
