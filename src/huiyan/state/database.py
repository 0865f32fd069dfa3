"""The database of one gateway: opened, migrated, closed. Every method blocks; call it in a thread."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from huiyan.errors import NotFoundError, StoreError
from huiyan.messages import refusal
from huiyan.state import FILE_NAME
from huiyan.state.connect import connect, translated
from huiyan.state.migrations import migrate
from huiyan.state.records import AccessSnapshot, Batch, Counts, KeyRecord, UsageRow
from huiyan.state.schema import ENDED_SESSIONS, KEYS, META, USAGE
from huiyan.state.secret import ServerSecret, load_secret
from huiyan.store.durable import failures_of, sync_directory

SECRET_NAME = "secret"  # noqa: S105 - a file's name
#: Laid there by a restore before it changes the tables; counts from the moment when they have changed.
NEW_SECRET_NAME = "secret.restored"  # noqa: S105 - a file's name

_COUNTS = Counts.__struct_fields__


class Database:
    """state_dir: where the SQLite file and the server's secret lie. url: of another database.

    Thread-safe. Raises: StoreError and its kinds, SettingsError; from every method StoreError.
    """

    def __init__(self, state_dir: Path, *, url: str | None = None) -> None:
        self.secret: ServerSecret = load_secret(state_dir / SECRET_NAME)
        self._dir = state_dir
        self._engine, self.shown, file = connect(url, state_dir / FILE_NAME)
        try:
            with translated(self.shown):
                migrate(self._engine, shown=self.shown, file=file)
                self._check_secret(state_dir / SECRET_NAME)
        except StoreError:
            self._engine.dispose()
            raise

    def close(self) -> None:
        self._engine.dispose()

    # Keys.

    def revision(self) -> int:
        """Grows with every change of keys or ended sessions, whoever makes it."""
        with self._reading() as connection:
            return self._revision(connection)

    def snapshot(self) -> AccessSnapshot:
        with self._reading() as connection:
            rows = connection.execute(sa.select(KEYS).order_by(KEYS.c.created_unix_s, KEYS.c.id)).mappings()
            keys = tuple(_key(row) for row in rows)
            live = ENDED_SESSIONS.c.expires_unix_s > int(time.time())
            ended = frozenset(connection.execute(sa.select(ENDED_SESSIONS.c.id).where(live)).scalars())
            return AccessSnapshot(revision=self._revision(connection), keys=keys, ended_sessions=ended)

    def add_key(self, record: KeyRecord) -> None:
        values = {name: getattr(record, name) for name in record.__struct_fields__}
        with self._changing() as connection:
            connection.execute(KEYS.insert().values(**values | {"scopes": ",".join(record.scopes)}))

    def add_first_key(self, record: KeyRecord) -> bool:
        """Add it unless there is a key that is neither revoked nor expired; say whether it was added.

        Two gateways that start together make one key between them.
        """
        with self._changing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("LOCK TABLE keys IN SHARE ROW EXCLUSIVE MODE"))
            usable = sa.and_(
                KEYS.c.revoked_unix_s.is_(None),
                sa.or_(KEYS.c.expires_unix_s.is_(None), KEYS.c.expires_unix_s > int(time.time())),
            )
            if connection.execute(sa.select(sa.func.count()).select_from(KEYS).where(usable)).scalar():
                return False
            values = {name: getattr(record, name) for name in record.__struct_fields__}
            connection.execute(KEYS.insert().values(**values | {"scopes": ",".join(record.scopes)}))
            return True

    def update_key(self, key_id: str, changes: dict[str, Any]) -> KeyRecord:
        """changes: columns to values (Any: as their columns). Raises: NotFoundError."""
        if "scopes" in changes:
            changes = changes | {"scopes": ",".join(changes["scopes"])}
        with self._changing() as connection:
            if changes:
                connection.execute(KEYS.update().where(KEYS.c.id == key_id).values(**changes))
            row = connection.execute(sa.select(KEYS).where(KEYS.c.id == key_id)).mappings().first()
            if row is None:
                raise refusal(NotFoundError, "keys.unknown", id=key_id)
            return _key(row)

    def revoke_key(self, key_id: str) -> None:
        """From now on, or as it was if it is revoked already. Raises: NotFoundError."""
        with self._changing() as connection:
            query = sa.select(KEYS.c.revoked_unix_s).where(KEYS.c.id == key_id)
            row = connection.execute(query).first()
            if row is None:
                raise refusal(NotFoundError, "keys.unknown", id=key_id)
            if row[0] is None:
                now = int(time.time())
                connection.execute(KEYS.update().where(KEYS.c.id == key_id).values(revoked_unix_s=now))

    def end_session(self, session_id: str, expires_unix_s: int) -> None:
        """Refuse this session from now on; forgets those that have ended by themselves."""
        with self._changing() as connection:
            past = ENDED_SESSIONS.c.expires_unix_s <= int(time.time())
            connection.execute(ENDED_SESSIONS.delete().where(past))
            self._upsert(
                connection, ENDED_SESSIONS, [{"id": session_id, "expires_unix_s": expires_unix_s}], add=()
            )

    # Usage.

    def add_usage(self, rows: Sequence[UsageRow], *, batch: Batch | None = None) -> None:
        """Add to what is there, in one transaction.

        batch: does nothing where this one, or a later one of its writer, was added before: a writer whose
        connection broke while the database committed cannot know, and asks again.
        """
        if not rows:
            return
        values = [
            {"key_id": row.key_id, "day": row.day} | {name: getattr(row.counts, name) for name in _COUNTS}
            # One order for all writers, or two of them could wait for each other.
            for row in sorted(rows, key=lambda row: (row.key_id, row.day))
        ]
        with self._writing() as connection:
            if batch is None or self._is_new(connection, batch):
                self._upsert(connection, USAGE, values, add=_COUNTS)

    def forget_writer(self, writer: str) -> None:
        """This writer of usage never asks again."""
        with self._writing() as connection:
            connection.execute(META.delete().where(META.c.name == _batch_name(writer)))

    def usage(self, *, since_day: str, key_id: str | None = None) -> list[UsageRow]:
        """Oldest first. since_day: YYYY-MM-DD, included."""
        query = sa.select(USAGE).where(USAGE.c.day >= since_day).order_by(USAGE.c.day, USAGE.c.key_id)
        if key_id is not None:
            query = query.where(USAGE.c.key_id == key_id)
        with self._reading() as connection:
            return [
                UsageRow(
                    key_id=row["key_id"],
                    day=row["day"],
                    counts=Counts(**{name: row[name] for name in _COUNTS}),
                )
                for row in connection.execute(query).mappings()
            ]

    @contextlib.contextmanager
    def exporting(self) -> Iterator[sa.Connection]:
        """A transaction in which everything read is of one moment, while others write."""
        with translated(self.shown), self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    # Transactions.

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with translated(self.shown), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with (
            translated(self.shown),
            self._engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextlib.contextmanager
    def _changing(self) -> Iterator[sa.Connection]:
        """Writing what gateways keep in memory: they see by the revision that they have to read again."""
        with self._writing() as connection:
            yield connection
            grown = sa.cast(sa.cast(META.c.value, sa.BigInteger) + 1, sa.String(200))
            connection.execute(META.update().where(META.c.name == "access_revision").values(value=grown))

    @staticmethod
    def _is_new(connection: sa.Connection, batch: Batch) -> bool:
        """Note the batch, unless it was noted before."""
        name = _batch_name(batch.writer)
        last = connection.execute(sa.select(META.c.value).where(META.c.name == name)).scalar()
        if last is None:
            connection.execute(META.insert().values(name=name, value=str(batch.number)))
        elif int(last) < batch.number:
            connection.execute(META.update().where(META.c.name == name).values(value=str(batch.number)))
        else:
            return False
        return True

    def _revision(self, connection: sa.Connection) -> int:
        query = sa.select(META.c.value).where(META.c.name == "access_revision")
        return int(connection.execute(query).scalar_one())

    @staticmethod
    def _upsert(
        connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]], *, add: Iterable[str]
    ) -> None:
        """Insert, or add the columns `add` to the row that is there."""
        if connection.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert
        else:
            from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]  # the same interface
        statement = insert(table)
        grown = {name: table.c[name] + statement.excluded[name] for name in add}
        keys = list(table.primary_key.columns)
        upsert = (
            statement.on_conflict_do_update(index_elements=keys, set_=grown)
            if grown
            else statement.on_conflict_do_nothing(index_elements=keys)
        )
        connection.execute(upsert, rows)

    def _check_secret(self, path: Path) -> None:
        """Keys were hashed under one secret: with another they would all look wrong, without a reason."""
        mine = self.secret.check_value()
        with self._writing() as connection:
            self._upsert(connection, META, [{"name": "secret_check", "value": mine}], add=())
            query = sa.select(META.c.value).where(META.c.name == "secret_check")
            wanted = connection.execute(query).scalar_one()
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


def _key(row: Any) -> KeyRecord:  # Any: a row of KEYS as a mapping
    values = dict(row)
    values["scopes"] = tuple(scope for scope in values["scopes"].split(",") if scope)
    values["digest"] = bytes(values["digest"])
    return KeyRecord(**values)
