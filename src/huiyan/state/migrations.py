"""Forward steps of the schema, each in one transaction, with a copy of the SQLite file beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from huiyan.errors import StoreError
from huiyan.messages import refusal
from huiyan.state.pool import Connection, Pool
from huiyan.state.schema import META, TABLES, Dialect

Step = Callable[[Connection], None]

#: Not to_regclass: it may answer from what this connection knew before it waited for the lock.
_META_THERE: Final[dict[Dialect, str]] = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'meta'",
    "postgresql": (
        "SELECT count(*) FROM pg_catalog.pg_tables"
        " WHERE tablename = 'meta' AND schemaname = ANY (current_schemas(false))"
    ),
}

#: Of PostgreSQL's advisory lock: two gateways that start together must not both migrate.
_LOCK = 0x6875_6979


def _first(connection: Connection) -> None:
    for table in TABLES:
        connection.run(table.create(connection.dialect))
    connection.run_many(META.insert(), [("access_revision", "0"), ("schema_version", "0")])


#: Step number N leads to schema version N. Only ever append.
STEPS: Sequence[Step] = (_first,)


def migrate(pool: Pool, *, file: Path | None, steps: Sequence[Step] = STEPS) -> int:
    """Bring the schema up to date; return the version it had before.

    file: of SQLite, copied to NAME.before-vN before a step from version N is taken.
    Raises: StoreError, also for a schema that is newer than this program.
    """
    with pool.transaction() as connection:
        before = _version(connection)
    if before == len(steps):
        return before
    if before > len(steps):
        raise refusal(StoreError, "state.newer", database=pool.shown, found=before, known=len(steps))
    if file is not None and before > 0:
        _copy(pool, file.with_name(f"{file.name}.before-v{before + 1}"))
    with pool.transaction(writes=True) as connection:
        if connection.dialect == "postgresql":
            connection.run("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
        # Another process may have been faster.
        for number in range(_version(connection) + 1, len(steps) + 1):
            steps[number - 1](connection)
            connection.run("UPDATE meta SET value = ? WHERE name = 'schema_version'", (str(number),))
    return before


def _version(connection: Connection) -> int:
    if not connection.value(_META_THERE[connection.dialect]):
        return 0
    return int(connection.value("SELECT value FROM meta WHERE name = 'schema_version'") or 0)


def _copy(pool: Pool, copy: Path) -> None:
    """A whole, consistent copy (VACUUM INTO), in place of an older one of the same name."""
    temporary = copy.with_name(f".{copy.name}")
    temporary.unlink(missing_ok=True)
    # VACUUM runs outside transactions only.
    with pool.connection() as driver:
        driver.execute("VACUUM INTO ?", (str(temporary),))
    temporary.chmod(0o600)
    temporary.replace(copy)
