"""Steps of the schema: forward, once, whole, with a copy beforehand."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from huiyan.errors import StoreError
from huiyan.state.connect import connect
from huiyan.state.database import Database
from huiyan.state.migrations import STEPS, migrate
from huiyan.state.pool import Connection, Pool
from huiyan.state.schema import KEYS, TABLES


def _second(connection: Connection) -> None:
    connection.run("ALTER TABLE keys ADD COLUMN note VARCHAR(20)")


def _broken(connection: Connection) -> None:
    connection.run("CREATE TABLE half (id INTEGER PRIMARY KEY)")
    raise ValueError("broken on purpose")


def tables(pool: Pool) -> set[str]:
    where = (
        "sqlite_master WHERE type = 'table'"
        if pool.dialect == "sqlite"
        else "pg_tables WHERE schemaname = 'public'"
    )
    name = "name" if pool.dialect == "sqlite" else "tablename"
    with pool.transaction() as connection:
        return {row[name] for row in connection.rows(f"SELECT {name} FROM {where}")}


def columns(pool: Pool) -> set[str]:
    """Of the keys."""
    with pool.transaction() as connection:
        connection.run("INSERT INTO meta (name, value) VALUES ('one', 'row')")
        rows = connection.rows("SELECT keys.* FROM meta LEFT JOIN keys ON keys.id = meta.name")
        connection.run("DELETE FROM meta WHERE name = 'one'")
    return set(rows[0])


def test_forward_with_a_copy(url: str | None, tmp_path: Path) -> None:
    pool, file = connect(url, tmp_path / "huiyan.db")
    assert migrate(pool, file=file) == 0
    assert {"keys", "usage", "meta", "ended_sessions"} <= tables(pool)
    assert migrate(pool, file=file) == len(STEPS)
    assert not list(tmp_path.glob("*.before-*"))
    with pool.transaction(writes=True) as connection:
        connection.run("UPDATE meta SET value = '7' WHERE name = 'access_revision'")

    assert migrate(pool, file=file, steps=[*STEPS, _second]) == len(STEPS)
    assert "note" in columns(pool)
    if file is not None:
        copy, _ = connect(None, file.with_name(f"huiyan.db.before-v{len(STEPS) + 1}"))
        with copy.transaction() as connection:
            assert connection.value("SELECT value FROM meta WHERE name = 'access_revision'") == "7"
        assert "note" not in columns(copy)
        copy.close()
    pool.close()


def test_a_step_that_fails_leaves_nothing(url: str | None, tmp_path: Path) -> None:
    pool, file = connect(url, tmp_path / "huiyan.db")
    migrate(pool, file=file)
    with pytest.raises(ValueError, match="on purpose"):
        migrate(pool, file=file, steps=[*STEPS, _second, _broken])
    assert "half" not in tables(pool)
    assert "note" not in columns(pool)
    assert migrate(pool, file=file) == len(STEPS)
    pool.close()


def test_a_newer_schema_is_refused(url: str | None, tmp_path: Path) -> None:
    pool, file = connect(url, tmp_path / "huiyan.db")
    migrate(pool, file=file, steps=[*STEPS, _second])
    with pytest.raises(StoreError, match="schema version") as caught:
        migrate(pool, file=file)
    assert "Upgrade huiyan" in caught.value.hint
    pool.close()


def test_several_processes_that_start_together_migrate_once(url: str | None, tmp_path: Path) -> None:
    opened = [connect(url, tmp_path / "huiyan.db") for _ in range(4)]
    failures: list[Exception] = []

    def start(pool: Pool, file: Path | None) -> None:
        try:
            migrate(pool, file=file)
        except Exception as error:  # noqa: BLE001  # shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=start, args=arguments) for arguments in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for pool, _ in opened:
        assert "keys" in tables(pool)
        pool.close()


#: As the first versions of huiyan made the tables, through SQLAlchemy.
_FIRST_FILES = """
CREATE TABLE ended_sessions (id VARCHAR(64) NOT NULL, expires_unix_s BIGINT NOT NULL, PRIMARY KEY (id));
CREATE TABLE keys (id VARCHAR(32) NOT NULL, name VARCHAR(200) NOT NULL, digest BLOB NOT NULL,
  scopes VARCHAR(200) NOT NULL, priority INTEGER DEFAULT '0' NOT NULL, requests_per_min BIGINT,
  tokens_per_min BIGINT, streams BIGINT, bytes_per_day BIGINT, created_unix_s BIGINT NOT NULL,
  expires_unix_s BIGINT, revoked_unix_s BIGINT, origin VARCHAR(16) NOT NULL, ending VARCHAR(8) NOT NULL,
  PRIMARY KEY (id), UNIQUE (digest));
CREATE TABLE meta (name VARCHAR(32) NOT NULL, value VARCHAR(200) NOT NULL, PRIMARY KEY (name));
CREATE TABLE usage (key_id VARCHAR(32) NOT NULL, day VARCHAR(10) NOT NULL,
  requests BIGINT DEFAULT '0' NOT NULL, prompt_tokens BIGINT DEFAULT '0' NOT NULL,
  completion_tokens BIGINT DEFAULT '0' NOT NULL, images BIGINT DEFAULT '0' NOT NULL,
  received_bytes BIGINT DEFAULT '0' NOT NULL, sent_bytes BIGINT DEFAULT '0' NOT NULL,
  errors BIGINT DEFAULT '0' NOT NULL, PRIMARY KEY (key_id, day));
INSERT INTO meta VALUES ('access_revision', '3'), ('schema_version', '1');
"""


def _described(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Name, type, NOT NULL and place in the primary key of each column."""
    with contextlib.closing(sqlite3.connect(path)) as driver:
        return {
            table.name: [
                (row[1], row[2], row[3], row[5]) for row in driver.execute(f"PRAGMA table_info({table.name})")
            ]
            for table in TABLES
        }


def test_files_of_the_first_versions_are_read_and_look_the_same(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "huiyan.db")) as driver:
        driver.executescript(_FIRST_FILES)
        driver.execute(
            "INSERT INTO keys VALUES ('a', 'shop', x'00ff', 'chat,admin', -1, NULL, 5, NULL, NULL, 7, NULL,"
            " NULL, 'cli', 'wxyz')"
        )
        driver.commit()
    database = Database(tmp_path)
    (key,) = database.snapshot().keys
    assert (key.digest, key.scopes, key.priority, key.tokens_per_min) == (
        b"\x00\xff",
        ("chat", "admin"),
        -1,
        5,
    )
    assert database.revision() == 3
    database.close()
    Database(tmp_path / "new").close()
    assert _described(tmp_path / "huiyan.db") == _described(tmp_path / "new" / "huiyan.db")


def test_an_update_names_columns_that_there_are() -> None:
    assert KEYS.update(["name", "scopes"]) == "UPDATE keys SET name = ?, scopes = ?"
    with pytest.raises(ValueError, match="no such column"):
        KEYS.update(["name = 'x' --"])
