"""A fetch in a process of its own: told as it goes, cancelled, and explained however it ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from huiyan.errors import ModelBusyError
from huiyan.launcher import fetcher
from huiyan.launcher.fetcher import Fetcher
from huiyan.store.fetching import FetchStatus

LIMIT_S = 60.0


class Told:
    def __init__(self) -> None:
        self.statuses: list[FetchStatus] = []
        self.fetched: list[str] = []
        self.changed = asyncio.Event()

    def status(self, status: FetchStatus) -> None:
        self.statuses.append(status)
        self.changed.set()

    def done(self, model_id: str) -> fetcher.Next:
        self.fetched.append(model_id)
        return "restart"

    async def until(self, state: str, *, done_bytes: int = 0) -> FetchStatus:
        async with asyncio.timeout(LIMIT_S):
            while True:
                for status in self.statuses:
                    if status.state == state and status.done_bytes >= done_bytes:
                        return status
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def fetching(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Fetcher, Told]]:
    monkeypatch.setattr(fetcher, "MODULE", "tests.support.fetch_children")
    root = Path(__file__).parents[3]
    path = os.pathsep.join([str(root), *(each for each in [os.environ.get("PYTHONPATH")] if each)])
    told = Told()
    async with asyncio.TaskGroup() as tasks:
        made = Fetcher(
            boot={},
            environment={**os.environ, "PYTHONPATH": path},
            tasks=tasks,
            on_line=lambda _line: None,
            told=told.status,
            fetched=told.done,
        )
        yield made, told
        async with asyncio.timeout(LIMIT_S):
            await made.stop()


async def test_what_is_fetched_is_told_and_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fetching(monkeypatch) as (made, told):
        assert made.start("test/whole").state == "running"
        assert (await told.until("running", done_bytes=25)).total_bytes == 100
        assert (await told.until("done")).next == "restart"
    assert told.fetched == ["test/whole"]


async def test_refusal_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fetching(monkeypatch) as (made, told):
        made.start("test/refused")
        failed = await told.until("failed")
    assert (failed.code, failed.message, failed.hint) == ("disk_full", "No space.", "Free some.")
    assert told.fetched == []


async def test_process_that_dies_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fetching(monkeypatch) as (made, told):
        made.start("test/crash")
        failed = await told.until("failed")
    assert failed.code == "fetch_ended"
    assert "signal 9" in failed.message
    assert failed.hint
    assert failed.hint_zh


async def test_one_at_a_time_and_the_same_again_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fetching(monkeypatch) as (made, told):
        made.start("test/waits")
        assert made.start("test/waits").id == "test/waits"
        with pytest.raises(ModelBusyError, match="test/waits"):
            made.start("test/whole")
        made.cancel()
        await told.until("cancelled")
        made.start("test/whole")
        await told.until("done")


async def test_cancel_without_anything_to_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fetching(monkeypatch) as (made, _):
        made.cancel()
        assert made.status is None


async def test_process_that_does_not_listen_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "_GRACE_S", 0.2)
    async with fetching(monkeypatch) as (made, told):
        made.start("test/stubborn")
        await told.until("running", done_bytes=25)
        made.cancel()
        stopped = await told.until("cancelled")
    assert stopped.done_bytes == 25


async def test_launcher_that_stops_takes_the_fetch_along(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fetching(monkeypatch) as (made, told):
        made.start("test/waits")
        await told.until("running", done_bytes=25)
    assert made.status is not None
    assert made.status.state == "cancelled"
