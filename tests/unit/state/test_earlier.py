"""Going back across a migration: the copy of before, nothing deleted, whoever has the file open."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.errors import StoreError
from huiyan.state import FILE_NAME, earlier, migrations
from huiyan.state.connect import connect
from huiyan.state.database import Database
from huiyan.state.pool import Connection
from huiyan.state.records import Counts, UsageRow

KNOWN = len(migrations.STEPS)


def _next_step(connection: Connection) -> None:
    connection.run("ALTER TABLE usage ADD COLUMN later BIGINT NOT NULL DEFAULT 0")


def _migrate(state_dir: Path) -> Path:
    """As the next version would."""
    pool, file = connect(None, state_dir / FILE_NAME)
    assert file is not None
    migrations.migrate(pool, file=file, steps=(*migrations.STEPS, _next_step))
    pool.close()
    return file


def _requests(database: Database, count: int) -> None:
    database.add_usage([UsageRow(key_id="k", day="2026-11-01", counts=Counts(requests=count))])


def _counted(database: Database) -> int:
    return sum(row.counts.requests for row in database.usage(since_day="2026-01-01"))


def test_back_and_nothing_is_deleted(tmp_path: Path) -> None:
    database = Database(tmp_path)
    _requests(database, 3)
    file = _migrate(tmp_path)
    _requests(database, 4)  # an additive step leaves the program of before working
    assert earlier.schema_of(file) == KNOWN + 1
    with pytest.raises(StoreError, match="schema version"):
        Database(tmp_path)
    lost = earlier.go_back(file)
    assert lost is not None
    assert (lost.keys, lost.requests) == (0, 4)
    assert earlier.schema_of(file) == KNOWN
    assert earlier.schema_of(Path(lost.kept)) == KNOWN + 1
    assert Path(lost.kept).stat().st_mode & 0o777 == 0o600
    # Whoever had it open goes on with it, and so does a new one.
    assert _counted(database) == 3
    _requests(database, 2)
    again = Database(tmp_path)
    assert _counted(again) == 5
    for each in (database, again):
        each.close()


def test_again_is_harmless(tmp_path: Path) -> None:
    Database(tmp_path).close()
    file = _migrate(tmp_path)
    assert earlier.go_back(file) is not None
    assert earlier.go_back(file) is None


def test_a_file_that_is_known_stays_as_it_is(tmp_path: Path) -> None:
    Database(tmp_path).close()
    assert earlier.would_lose(tmp_path / FILE_NAME) is None
    assert earlier.would_lose(tmp_path / "none.db") is None


def test_without_the_copy_nothing_is_changed(tmp_path: Path) -> None:
    Database(tmp_path).close()
    file = _migrate(tmp_path)
    earlier.copy_for(file, KNOWN).unlink()
    with pytest.raises(StoreError, match="is not there"):
        earlier.go_back(file)
    assert earlier.schema_of(file) == KNOWN + 1


def test_no_database_at_all_is_refused_in_our_words(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError):
        earlier.schema_of(broken)
