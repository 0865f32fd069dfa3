"""The database of one gateway: opened, migrated, closed. Every method blocks; call it in a thread."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from huiyan.errors import NotFoundError, StoreError
from huiyan.messages import refusal
from huiyan.state import FILE_NAME
from huiyan.state.connect import connect
from huiyan.state.migrations import migrate
from huiyan.state.pool import Connection
from huiyan.state.records import AccessSnapshot, Batch, Counts, KeyRecord, UsageRow
from huiyan.state.schema import ENDED_SESSIONS, KEYS, META, USAGE
from huiyan.state.secret import ServerSecret, load_secret
from huiyan.store.durable import failures_of, sync_directory

SECRET_NAME = "secret"  # noqa: S105 - a file's name
#: Laid there by a restore before it changes the tables; counts from the moment when they have changed.
NEW_SECRET_NAME = "secret.restored"  # noqa: S105 - a file's name

_COUNTS = Counts.__struct_fields__

#: A revision is text in its table; it grows in the database itself, whoever else changes it.
GROW_REVISION = (
    "UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS VARCHAR(200)) WHERE name = 'access_revision'"
)


class Database:
    """state_dir: where the SQLite file and the server's secret lie. url: of another database.

    Thread-safe. Raises: StoreError and its kinds, SettingsError; from every method StoreError.
    """

    def __init__(self, state_dir: Path, *, url: str | None = None) -> None:
        self.secret: ServerSecret = load_secret(state_dir / SECRET_NAME)
        self._dir = state_dir
        self._pool, file = connect(url, state_dir / FILE_NAME)
        self.shown = self._pool.shown
        try:
            migrate(self._pool, file=file)
            self._check_secret(state_dir / SECRET_NAME)
        except StoreError:
            self._pool.close()
            raise

    def close(self) -> None:
        self._pool.close()

    # Keys.

    def revision(self) -> int:
        """Grows with every change of keys or ended sessions, whoever makes it."""
        with self._pool.transaction() as connection:
            return self._revision(connection)

    def snapshot(self) -> AccessSnapshot:
        live = "SELECT id FROM ended_sessions WHERE expires_unix_s > ?"
        # Of one moment, or a change between the statements would be missed.
        with self._pool.transaction(snapshot=True) as connection:
            rows = connection.rows(f"{KEYS.select()} ORDER BY created_unix_s, id")
            ended = frozenset(row["id"] for row in connection.rows(live, (int(time.time()),)))
            revision = self._revision(connection)
        return AccessSnapshot(revision=revision, keys=tuple(map(_key, rows)), ended_sessions=ended)

    def add_key(self, record: KeyRecord) -> None:
        with self._changing() as connection:
            connection.run(KEYS.insert(), _values(record))

    def add_first_key(self, record: KeyRecord) -> bool:
        """Add it unless there is a key that is neither revoked nor expired; say whether it was added.

        Two gateways that start together make one key between them.
        """
        usable = (
            "SELECT count(*) FROM keys WHERE revoked_unix_s IS NULL"
            " AND (expires_unix_s IS NULL OR expires_unix_s > ?)"
        )
        with self._changing() as connection:
            if connection.dialect == "postgresql":
                connection.run("LOCK TABLE keys IN SHARE ROW EXCLUSIVE MODE")
            if connection.value(usable, (int(time.time()),)):
                return False
            connection.run(KEYS.insert(), _values(record))
            return True

    def update_key(self, key_id: str, changes: dict[str, Any]) -> KeyRecord:
        """changes: columns to values (Any: as their columns). Raises: NotFoundError."""
        if "scopes" in changes:
            changes = changes | {"scopes": ",".join(changes["scopes"])}
        with self._changing() as connection:
            if changes:
                connection.run(f"{KEYS.update(changes)} WHERE id = ?", (*changes.values(), key_id))
            rows = connection.rows(f"{KEYS.select()} WHERE id = ?", (key_id,))
            if not rows:
                raise refusal(NotFoundError, "keys.unknown", id=key_id)
            return _key(rows[0])

    def revoke_key(self, key_id: str) -> None:
        """From now on, or as it was if it is revoked already. Raises: NotFoundError."""
        with self._changing() as connection:
            rows = connection.rows("SELECT revoked_unix_s FROM keys WHERE id = ?", (key_id,))
            if not rows:
                raise refusal(NotFoundError, "keys.unknown", id=key_id)
            if rows[0]["revoked_unix_s"] is None:
                now = int(time.time())
                connection.run("UPDATE keys SET revoked_unix_s = ? WHERE id = ?", (now, key_id))

    def end_session(self, session_id: str, expires_unix_s: int) -> None:
        """Refuse this session from now on; forgets those that have ended by themselves."""
        with self._changing() as connection:
            connection.run("DELETE FROM ended_sessions WHERE expires_unix_s <= ?", (int(time.time()),))
            connection.run(ENDED_SESSIONS.upsert(), (session_id, expires_unix_s))

    # Usage.

    def add_usage(self, rows: Sequence[UsageRow], *, batch: Batch | None = None) -> None:
        """Add to what is there, in one transaction.

        batch: does nothing where this one, or a later one of its writer, was added before: a writer whose
        connection broke while the database committed cannot know, and asks again.
        """
        if not rows:
            return
        values = [
            (row.key_id, row.day, *(getattr(row.counts, name) for name in _COUNTS))
            # One order for all writers, or two of them could wait for each other.
            for row in sorted(rows, key=lambda row: (row.key_id, row.day))
        ]
        with self._writing() as connection:
            if batch is None or self._is_new(connection, batch):
                connection.run_many(USAGE.upsert(add=_COUNTS), values)

    def forget_writer(self, writer: str) -> None:
        """This writer of usage never asks again."""
        with self._writing() as connection:
            connection.run("DELETE FROM meta WHERE name = ?", (_batch_name(writer),))

    def usage(self, *, since_day: str, key_id: str | None = None) -> list[UsageRow]:
        """Oldest first. since_day: YYYY-MM-DD, included."""
        one, values = ("", (since_day,)) if key_id is None else (" AND key_id = ?", (since_day, key_id))
        query = f"{USAGE.select()} WHERE day >= ?{one} ORDER BY day, key_id"
        with self._pool.transaction() as connection:
            return [
                UsageRow(
                    key_id=row["key_id"],
                    day=row["day"],
                    counts=Counts(**{name: row[name] for name in _COUNTS}),
                )
                for row in connection.rows(query, values)
            ]

    @contextlib.contextmanager
    def exporting(self) -> Iterator[Connection]:
        """A transaction in which everything read is of one moment, while others write."""
        with self._pool.transaction(snapshot=True) as connection:
            yield connection

    # Transactions.

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._pool.transaction(writes=True) as connection:
            yield connection

    @contextlib.contextmanager
    def _changing(self) -> Iterator[Connection]:
        """Writing what gateways keep in memory: they see by the revision that they have to read again."""
        with self._writing() as connection:
            yield connection
            connection.run(GROW_REVISION)

    @staticmethod
    def _is_new(connection: Connection, batch: Batch) -> bool:
        """Note the batch, unless it was noted before."""
        name = _batch_name(batch.writer)
        last = connection.value("SELECT value FROM meta WHERE name = ?", (name,))
        if last is None:
            connection.run(META.insert(), (name, str(batch.number)))
        elif int(last) < batch.number:
            connection.run("UPDATE meta SET value = ? WHERE name = ?", (str(batch.number), name))
        else:
            return False
        return True

    def _revision(self, connection: Connection) -> int:
        return int(connection.value("SELECT value FROM meta WHERE name = 'access_revision'"))

    def _check_secret(self, path: Path) -> None:
        """Keys were hashed under one secret: with another they would all look wrong, without a reason."""
        mine = self.secret.check_value()
        with self._writing() as connection:
            connection.run(META.upsert(), ("secret_check", mine))
            wanted = connection.value("SELECT value FROM meta WHERE name = 'secret_check'")
            if wanted != mine and self._restored(wanted):
                return
            if wanted != mine:
                raise refusal(StoreError, "state.other_secret", path=path, database=self.shown)

    def _restored(self, check_value: str) -> bool:
        """A restore was killed after the tables had changed: finish it."""
        if not (self._dir / NEW_SECRET_NAME).exists():
            return False
        new = load_secret(self._dir / NEW_SECRET_NAME)
        if new.check_value() != check_value:
            return False
        adopt_new_secret(self._dir)
        self.secret = new
        return True


def adopt_new_secret(state_dir: Path) -> None:
    """Put the restored secret in the place of the old one. Raises: StoreError."""
    with failures_of(state_dir), contextlib.suppress(FileNotFoundError):
        # Another process may have done it.
        (state_dir / NEW_SECRET_NAME).replace(state_dir / SECRET_NAME)
        sync_directory(state_dir)


def _batch_name(writer: str) -> str:
    return f"usage/{writer}"


def _values(record: KeyRecord) -> tuple[Any, ...]:  # Any: as the columns of KEYS
    values = {name: getattr(record, name) for name in record.__struct_fields__}
    values["scopes"] = ",".join(record.scopes)
    return tuple(values[name] for name in KEYS.names)


def _key(row: dict[str, Any]) -> KeyRecord:  # Any: of the columns of KEYS
    values = dict(row)
    values["scopes"] = tuple(scope for scope in values["scopes"].split(",") if scope)
    values["digest"] = bytes(values["digest"])
    return KeyRecord(**values)
