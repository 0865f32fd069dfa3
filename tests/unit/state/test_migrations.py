"""Steps of the schema: forward, once, whole, with a copy beforehand."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from huiyan.errors import StoreError
from huiyan.state.connect import connect
from huiyan.state.migrations import STEPS, migrate


def _second(connection: sa.Connection) -> None:
    connection.execute(sa.text("ALTER TABLE keys ADD COLUMN note VARCHAR(20)"))


def _broken(connection: sa.Connection) -> None:
    connection.execute(sa.text("CREATE TABLE half (id INTEGER PRIMARY KEY)"))
    raise ValueError("broken on purpose")


def tables(engine: sa.Engine) -> set[str]:
    return set(sa.inspect(engine).get_table_names())


def test_forward_with_a_copy(url: str | None, tmp_path: Path) -> None:
    engine, shown, file = connect(url, tmp_path / "huiyan.db")
    assert migrate(engine, shown=shown, file=file) == 0
    assert {"keys", "usage", "meta", "ended_sessions"} <= tables(engine)
    assert migrate(engine, shown=shown, file=file) == len(STEPS)
    assert not list(tmp_path.glob("*.before-*"))
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(sa.text("UPDATE meta SET value = '7' WHERE name = 'access_revision'"))

    assert migrate(engine, shown=shown, file=file, steps=[*STEPS, _second]) == len(STEPS)
    assert "note" in {column["name"] for column in sa.inspect(engine).get_columns("keys")}
    if file is not None:
        copy, _, _ = connect(None, file.with_name(f"huiyan.db.before-v{len(STEPS) + 1}"))
        with copy.connect() as connection:
            value = connection.execute(sa.text("SELECT value FROM meta WHERE name = 'access_revision'"))
            assert value.scalar() == "7"
        assert "note" not in {column["name"] for column in sa.inspect(copy).get_columns("keys")}
        copy.dispose()
    engine.dispose()


def test_a_step_that_fails_leaves_nothing(url: str | None, tmp_path: Path) -> None:
    engine, shown, file = connect(url, tmp_path / "huiyan.db")
    migrate(engine, shown=shown, file=file)
    with pytest.raises(ValueError, match="on purpose"):
        migrate(engine, shown=shown, file=file, steps=[*STEPS, _second, _broken])
    assert "half" not in tables(engine)
    assert "note" not in {column["name"] for column in sa.inspect(engine).get_columns("keys")}
    assert migrate(engine, shown=shown, file=file) == len(STEPS)
    engine.dispose()


def test_a_newer_schema_is_refused(url: str | None, tmp_path: Path) -> None:
    engine, shown, file = connect(url, tmp_path / "huiyan.db")
    migrate(engine, shown=shown, file=file, steps=[*STEPS, _second])
    with pytest.raises(StoreError, match="schema version") as caught:
        migrate(engine, shown=shown, file=file)
    assert "Upgrade huiyan" in caught.value.hint
    engine.dispose()


def test_several_processes_that_start_together_migrate_once(url: str | None, tmp_path: Path) -> None:
    engines = [connect(url, tmp_path / "huiyan.db") for _ in range(4)]
    failures: list[Exception] = []

    def start(engine: sa.Engine, shown: str, file: Path | None) -> None:
        try:
            migrate(engine, shown=shown, file=file)
        except Exception as error:  # noqa: BLE001  # shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=start, args=arguments) for arguments in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for engine, _, _ in engines:
        assert "keys" in tables(engine)
        engine.dispose()
