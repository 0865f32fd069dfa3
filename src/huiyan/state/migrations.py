"""Forward steps of the schema, each in one transaction, with a copy of the SQLite file beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import sqlalchemy as sa

from huiyan.errors import StoreError
from huiyan.messages import refusal
from huiyan.state.schema import METADATA

Step = Callable[[sa.Connection], None]

#: Of PostgreSQL's advisory lock: two gateways that start together must not both migrate.
_LOCK = 0x6875_6979


def _first(connection: sa.Connection) -> None:
    METADATA.create_all(connection, checkfirst=False)
    for name, value in (("access_revision", "0"), ("schema_version", "0")):
        connection.execute(
            sa.text("INSERT INTO meta (name, value) VALUES (:name, :value)"), {"name": name, "value": value}
        )


#: Step number N leads to schema version N. Only ever append.
STEPS: Sequence[Step] = (_first,)


def migrate(engine: sa.Engine, *, shown: str, file: Path | None, steps: Sequence[Step] = STEPS) -> int:
    """Bring the schema up to date; return the version it had before.

    shown: the database in messages. file: of SQLite, copied to NAME.before-vN before a step from version
    N is taken. Raises: StoreError for a schema that is newer than this program.
    """
    with engine.begin() as connection:
        before = _version(connection)
    if before == len(steps):
        return before
    if before > len(steps):
        raise refusal(StoreError, "state.newer", database=shown, found=before, known=len(steps))
    if file is not None and before > 0:
        _copy(engine, file.with_name(f"{file.name}.before-v{before + 1}"))
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        # Another process may have been faster.
        for number in range(_version(connection) + 1, len(steps) + 1):
            steps[number - 1](connection)
            connection.execute(
                sa.text("UPDATE meta SET value = :value WHERE name = 'schema_version'"),
                {"value": str(number)},
            )
    return before


def _version(connection: sa.Connection) -> int:
    if not sa.inspect(connection).has_table("meta"):
        return 0
    value = connection.execute(sa.text("SELECT value FROM meta WHERE name = 'schema_version'")).scalar()
    return int(value or 0)


def _copy(engine: sa.Engine, copy: Path) -> None:
    """A whole, consistent copy (VACUUM INTO), in place of an older one of the same name."""
    temporary = copy.with_name(f".{copy.name}")
    temporary.unlink(missing_ok=True)
    with engine.connect() as connection:
        # VACUUM runs outside transactions only.
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("VACUUM INTO ?", (str(temporary),))
    temporary.chmod(0o600)
    temporary.replace(copy)
