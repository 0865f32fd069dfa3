"""The tables. A change here needs a step in `migrations.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

Dialect = Literal["sqlite", "postgresql"]

_BYTES: Final = "BYTES"
#: The one type that the two databases call differently.
_BYTES_IN: Final[dict[Dialect, str]] = {"sqlite": "BLOB", "postgresql": "BYTEA"}


class Column(msgspec.Struct, frozen=True):
    """sql: its type, as both databases call it. more: what follows the type."""

    name: str
    sql: str
    required: bool = False
    more: str = ""

    @property
    def python_type(self) -> type:
        if self.sql == _BYTES:
            return bytes
        return str if self.sql.startswith("VARCHAR") else int

    def definition(self, dialect: Dialect) -> str:
        sql = _BYTES_IN[dialect] if self.sql == _BYTES else self.sql
        return " ".join(word for word in (self.name, sql, self.more, self.required and "NOT NULL") if word)


class Table(msgspec.Struct, frozen=True):
    """A table, and the statements that follow from its columns; `?` stands for a parameter.

    key: the primary key's columns, in their order.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    unique: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def create(self, dialect: Dialect) -> str:
        lines = [column.definition(dialect) for column in self.columns]
        lines.append(f"PRIMARY KEY ({', '.join(self.key)})")
        lines += [f"UNIQUE ({name})" for name in self.unique]
        return f"CREATE TABLE {self.name} ({', '.join(lines)})"

    def select(self) -> str:
        """All columns; WHERE and ORDER BY follow."""
        return f"SELECT {', '.join(self.names)} FROM {self.name}"  # noqa: S608 - own names

    def insert(self) -> str:
        """All columns, in the order of `names`."""
        marks = ", ".join("?" for _ in self.columns)
        return f"INSERT INTO {self.name} ({', '.join(self.names)}) VALUES ({marks})"  # noqa: S608 - own names

    def upsert(self, *, add: Iterable[str] = ()) -> str:
        """As `insert`; where the row is there, columns `add` grow by the new values, or nothing happens."""
        grown = ", ".join(f"{name} = {self.name}.{name} + excluded.{name}" for name in add)
        act = f"DO UPDATE SET {grown}" if grown else "DO NOTHING"
        return f"{self.insert()} ON CONFLICT ({', '.join(self.key)}) {act}"

    def update(self, names: Iterable[str]) -> str:
        """These columns of the rows that a following WHERE chooses. Raises: ValueError for other names."""
        names = list(names)
        if not set(names) <= set(self.names):
            raise ValueError(f"{self.name} has no such column")
        return f"UPDATE {self.name} SET " + ", ".join(f"{name} = ?" for name in names)  # noqa: S608 - own names


def _text(name: str, characters: int) -> Column:
    return Column(name, f"VARCHAR({characters})", required=True)


def _number(name: str, *, required: bool = False) -> Column:
    return Column(name, "BIGINT", required=required)


KEYS: Final = Table(
    "keys",
    (
        _text("id", 32),
        _text("name", 200),
        Column("digest", _BYTES, required=True),
        _text("scopes", 200),
        Column("priority", "INTEGER", required=True, more="DEFAULT 0"),
        _number("requests_per_min"),
        _number("tokens_per_min"),
        _number("streams"),
        _number("bytes_per_day"),
        _number("created_unix_s", required=True),
        _number("expires_unix_s"),
        _number("revoked_unix_s"),
        _text("origin", 16),
        _text("ending", 8),
    ),
    key=("id",),
    unique=("digest",),
)

USAGE: Final = Table(
    "usage",
    (
        _text("key_id", 32),
        _text("day", 10),
        *(
            Column(name, "BIGINT", required=True, more="DEFAULT 0")
            for name in (
                "requests",
                "prompt_tokens",
                "completion_tokens",
                "images",
                "received_bytes",
                "sent_bytes",
                "errors",
            )
        ),
    ),
    key=("key_id", "day"),
)

#: Sessions that were signed out of, until they would have ended by themselves.
ENDED_SESSIONS: Final = Table(
    "ended_sessions", (_text("id", 64), _number("expires_unix_s", required=True)), key=("id",)
)

#: schema_version; secret_check; access_revision, which grows with every change of keys or sessions.
META: Final = Table("meta", (_text("name", 32), _text("value", 200)), key=("name",))

TABLES: Final = (KEYS, USAGE, ENDED_SESSIONS, META)
