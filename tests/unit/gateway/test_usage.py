"""Usage in memory, and its way to the database."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from huiyan.errors import StoreError
from huiyan.gateway import usage as module
from huiyan.gateway.access.principal import LOCAL, Principal, Scope
from huiyan.gateway.finished import Finished
from huiyan.gateway.usage import UsageBook
from huiyan.gateway.usage_spool import UsageSpool
from huiyan.state.records import Batch, Counts, UsageRow
from tests.support.wait import eventually

KEY = Principal(id="k", name="a", scopes=frozenset({Scope.CHAT}))


def record(principal: Principal = LOCAL, **fields: Any) -> Finished:
    known: dict[str, Any] = {
        "request_id": "r",
        "principal": principal,
        "path": "/v1/chat/completions",
        "status": 200,
        "stream": False,
        "duration_s": 1.0,
        "first_byte_s": None,
        "queued_s": 0.0,
        "decode_s": 0.0,
        "received_bytes": 100,
        "sent_bytes": 200,
        "images": 1,
        "chunks": 0,
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "granted_tokens": None,
        "budget": "",
        "error_code": "",
        "backend": "",
    }
    return Finished(**{**known, **fields})


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def counts(*values: int) -> Counts:
    return Counts(**dict(zip(Counts.__struct_fields__, values, strict=True)))


class Store:
    """Adds up as the database does; fails while `broken`."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Counts] = {}
        self.writes = 0
        self.broken = False
        self.breaks_after = False
        self.last: dict[str, int] = {}
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def write(self, rows: list[UsageRow], batch: Batch) -> None:
        self.may_go_on.wait(30)
        if self.broken:
            raise StoreError("away", hint="wait")
        if batch.number <= self.last.get(batch.writer, 0):
            return
        self.writes += 1
        self.last[batch.writer] = batch.number
        for row in rows:
            self.rows.setdefault((row.key_id, row.day), Counts()).add(row.counts)
        if self.breaks_after:
            raise StoreError("gone after it was written", hint="wait")

    def forget(self, writer: str) -> None:
        self.last.pop(writer)


@pytest.fixture
def store() -> Store:
    return Store()


async def test_everything_is_written_at_the_end(store: Store) -> None:
    book = UsageBook(store.write, clock=lambda: 1_772_323_200.0)
    for _ in range(3):
        book.finished(record(KEY))
    book.finished(record(status=429, prompt_tokens=0, completion_tokens=0, images=0))
    assert store.writes == 0
    await book.close()
    assert store.writes == 1
    assert store.rows == {
        ("k", "2026-03-01"): counts(3, 30, 15, 3, 300, 600, 0),
        ("local", "2026-03-01"): counts(1, 0, 0, 0, 100, 200, 1),
    }


async def test_it_is_written_by_itself(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WRITE_AFTER_S", 0.01)
    book = UsageBook(store.write)
    book.finished(record())

    async def written() -> bool:
        return store.writes == 1

    await eventually(written)
    book.finished(record())
    await book.close()
    (written_counts,) = store.rows.values()
    assert written_counts.requests == 2


async def test_what_comes_in_during_a_write_is_not_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WRITE_AFTER_S", 0.01)
    book = UsageBook(store.write)
    store.may_go_on.clear()
    book.finished(record())

    async def writing() -> bool:
        return book._writing is not None

    await eventually(writing)
    for _ in range(5):
        book.finished(record())
    store.may_go_on.set()

    async def all_there() -> bool:
        return sum(row.requests for row in store.rows.values()) == 6

    await eventually(all_there)
    await book.close()
    assert store.writes == 2


async def test_a_database_that_is_away_costs_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_RETRY_S", 0.01)
    book = UsageBook(store.write)
    store.broken = True
    book.finished(record(KEY))
    await book.flush()
    book.finished(record(KEY))
    assert "away" in caplog.text
    store.broken = False

    async def all_there() -> bool:
        return sum(row.requests for row in store.rows.values()) == 2

    await eventually(all_there)
    await book.close()


async def test_closing_with_a_broken_database_ends(store: Store) -> None:
    book = UsageBook(store.write)
    store.broken = True
    book.finished(record())
    await book.close()
    assert store.rows == {}


async def test_a_request_over_midnight_counts_for_the_new_day(store: Store) -> None:
    now = [1_772_323_200.0 - 1]
    book = UsageBook(store.write, clock=lambda: now[0])
    book.finished(record())
    now[0] += 2
    book.finished(record())
    await book.close()
    assert sorted(day for _, day in store.rows) == ["2026-02-28", "2026-03-01"]


async def test_days_are_utc(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        book = UsageBook(store.write, clock=lambda: 1_772_323_200.0)
        book.finished(record())
        await book.close()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert [day for _, day in store.rows] == ["2026-03-01"]


async def test_what_was_written_when_the_connection_broke_is_not_written_twice(store: Store) -> None:
    book = UsageBook(store.write)
    store.breaks_after = True
    book.finished(record(KEY))
    await book.flush()
    store.breaks_after = False
    book.finished(record(KEY))
    await book.close()
    assert sum(row.requests for row in store.rows.values()) == 2


async def test_a_process_that_dies_leaves_its_usage_to_the_next_one(store: Store, tmp_path: Path) -> None:
    dying = UsageSpool(tmp_path)
    book = UsageBook(store.write, spool=dying)
    store.broken = True
    book.finished(record(KEY))
    await book.flush()
    for _ in range(2):
        book.finished(record(KEY))
    await book.flush()
    store.broken = False
    # The first batch arrives, but nobody lives to hear of it; a living writer's file is left alone.
    await book.flush()
    UsageSpool(tmp_path).adopt(store.write, store.forget)
    assert sum(row.requests for row in store.rows.values()) == 3
    store.broken = True
    book.finished(record(KEY))
    await book.flush()
    store.broken = False
    UsageSpool(tmp_path).adopt(store.write, store.forget)
    assert sum(row.requests for row in store.rows.values()) == 3
    dying.close()  # as the kernel does for a killed one
    for _ in range(2):
        UsageSpool(tmp_path).adopt(store.write, store.forget)
    assert sum(row.requests for row in store.rows.values()) == 4
    assert _names(tmp_path) == []
    assert store.last == {}


async def test_nothing_lies_about_once_the_database_is_back(store: Store, tmp_path: Path) -> None:
    book = UsageBook(store.write, spool=UsageSpool(tmp_path))
    store.broken = True
    book.finished(record(KEY))
    await book.flush()
    assert any(name.endswith(".usage.json") for name in _names(tmp_path))
    store.broken = False
    await book.close()
    assert sum(row.requests for row in store.rows.values()) == 1
    assert _names(tmp_path) == []
