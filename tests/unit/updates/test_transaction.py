"""Replacing a component: the new state or the old one, whichever step fails or is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from huiyan.errors import EngineDiedError, RollbackFailedError, UpdateError
from huiyan.updates.journal import Entry, Journal, Step
from huiyan.updates.transaction import recover, replace, roll_back


class Kept:
    """A component whose states are words: one on disk, one in the running system. fails: steps that do."""

    name = "prompt-adapter"
    kind = "prompt-adapter"

    def __init__(self, fails: Sequence[str] = ()) -> None:
        self.on_disk = "old"
        self.running = "old"
        self.fails = set(fails)
        self.done: list[str] = []

    def active(self) -> str:
        return self.on_disk

    def select(self, state: str) -> None:
        self._do(f"select {state}")
        self.on_disk = state

    async def apply(self, state: str) -> None:
        self._do(f"apply {state}")
        self.running = state

    async def prove(self, state: str) -> None:
        self._do(f"prove {state}")

    async def stage(self) -> str:
        self._do("stage")
        return "new"

    def _do(self, what: str) -> None:
        self.done.append(what)
        if what in self.fails:
            raise EngineDiedError(f"{what} failed.")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


def _steps(journal: Journal) -> list[Step]:
    return [entry.step for entry in journal.entries()]


async def test_all_goes_well(journal: Journal) -> None:
    kept = Kept()
    told: list[Entry] = []
    entry = await replace(journal, kept, kept, version="2", on_step=told.append)
    assert (kept.on_disk, kept.running, entry.step) == ("new", "new", Step.COMMITTED)
    assert kept.done == ["stage", "apply new", "prove new", "select new"], "the disk changes last"
    assert [each.step for each in told] == _steps(journal)
    assert journal.unfinished() == []


async def test_what_is_active_already_is_left_alone(journal: Journal) -> None:
    kept = Kept()
    kept.on_disk = "new"
    entry = await replace(journal, kept, kept, version="2")
    assert entry.step is Step.ABANDONED
    assert kept.done == ["stage"]


async def test_a_fetch_that_fails_touches_nothing(journal: Journal) -> None:
    kept = Kept(["stage"])
    with pytest.raises(EngineDiedError):
        await replace(journal, kept, kept, version="2")
    assert (kept.on_disk, kept.running) == ("old", "old")
    assert _steps(journal)[-1] is Step.ABANDONED


@pytest.mark.parametrize("step", ["apply new", "prove new", "select new"])
async def test_a_step_that_fails_brings_the_old_state_back(journal: Journal, step: str) -> None:
    kept = Kept([step])
    with pytest.raises(UpdateError, match="active again") as caught:
        await replace(journal, kept, kept, version="2")
    assert step in caught.value.message
    assert (kept.on_disk, kept.running) == ("old", "old")
    assert _steps(journal)[-2:] == [Step.ROLLING_BACK, Step.ROLLED_BACK]


async def test_a_rollback_that_fails_is_undone_at_the_next_start(journal: Journal) -> None:
    kept = Kept(["prove new", "apply old"])
    with pytest.raises(RollbackFailedError, match="could not be brought back") as caught:
        await replace(journal, kept, kept, version="2")
    assert "again" in caught.value.hint
    kept.fails.clear()
    (ended,) = recover(journal, {kept.name: kept})
    assert ended.step is Step.ROLLED_BACK
    assert kept.on_disk == "old"
    assert recover(journal, {kept.name: kept}) == []


async def test_cancelled_in_the_middle_it_goes_back(journal: Journal) -> None:
    class Slow(Kept):
        async def prove(self, state: str) -> None:
            self.proving.set()
            await asyncio.Event().wait()

        proving = asyncio.Event()

    kept = Slow()
    kept.proving = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(replace(journal, kept, kept, version="2"))
        await kept.proving.wait()
        running.cancel()
    assert running.cancelled()
    assert (kept.on_disk, kept.running) == ("old", "old")
    assert _steps(journal)[-1] is Step.ROLLED_BACK


@pytest.mark.parametrize(
    "last", [Step.PLANNED, Step.STAGING, Step.SWITCHING, Step.PROVING, Step.ROLLING_BACK]
)
def test_every_unfinished_step_has_an_end(journal: Journal, last: Step) -> None:
    kept = Kept()
    kept.on_disk = "new" if last in {Step.PROVING, Step.ROLLING_BACK} else "old"
    entry = journal.begin(component=kept.name, kind=kept.kind, version="2", before="old", after="new")
    if last is not Step.PLANNED:
        journal.note(entry, last)
    (ended,) = recover(journal, {kept.name: kept})
    touched = last not in {Step.PLANNED, Step.STAGING}
    assert ended.step is (Step.ROLLED_BACK if touched else Step.ABANDONED)
    assert kept.on_disk == "old"


async def test_a_wished_rollback_is_an_update_to_an_earlier_state(journal: Journal) -> None:
    kept = Kept()
    await replace(journal, kept, kept, version="2")
    await roll_back(journal, kept, to="old", version="1")
    assert (kept.on_disk, kept.running) == ("old", "old")
    assert _steps(journal)[-1] is Step.COMMITTED


async def test_an_error_that_nobody_foresaw_leaves_a_journal_that_recovers(journal: Journal) -> None:
    class Broken(Kept):
        async def prove(self, state: str) -> None:
            raise ZeroDivisionError

    kept = Broken()
    with pytest.raises(ZeroDivisionError):
        await replace(journal, kept, kept, version="2")
    recover(journal, {kept.name: kept})
    assert kept.on_disk == "old"
