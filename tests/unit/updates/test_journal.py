"""The journal: steps in their order, whatever a kill has left at its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.errors import UpdateError
from huiyan.updates.journal import Entry, Journal, Step


def _begin(journal: Journal, component: str = "prompt-adapter") -> Entry:
    return journal.begin(component=component, kind="prompt-adapter", version="2", before="old", after="")


def test_steps_are_read_in_their_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "updates" / "journal.jsonl")
    assert list(journal.entries()) == []
    entry = _begin(journal)
    entry = journal.note(entry, Step.STAGING)
    entry = journal.note(entry, Step.SWITCHING, after="new")
    journal.note(entry, Step.COMMITTED, detail="fine")
    again = Journal(tmp_path / "updates" / "journal.jsonl")
    assert [each.step for each in again.entries()] == [
        Step.PLANNED,
        Step.STAGING,
        Step.SWITCHING,
        Step.COMMITTED,
    ]
    assert {(each.before, each.update) for each in again.entries()} == {("old", entry.update)}
    assert again.unfinished() == []


def test_an_update_without_an_end_is_unfinished_the_newest_first(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    first = journal.note(_begin(journal), Step.SWITCHING, after="new")
    second = journal.note(_begin(journal, "vision-encoder"), Step.STAGING)
    done = _begin(journal)
    journal.note(done, Step.ABANDONED)
    assert [each.update for each in journal.unfinished()] == [second.update, first.update]
    assert first.touched
    assert not second.touched


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_a_line_that_was_cut_short_is_none(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    entry = _begin(journal)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:kept])
    assert [each.step for each in journal.entries()] == [Step.PLANNED]
    journal.note(entry, Step.STAGING)
    assert [each.step for each in journal.entries()] == [Step.PLANNED, Step.STAGING]


def test_a_damaged_line_is_said(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    _begin(journal)
    path.write_bytes(b"{}\n" + path.read_bytes())
    with pytest.raises(UpdateError, match="damaged") as caught:
        journal.unfinished()
    assert "journal.jsonl" in caught.value.hint


def test_what_cannot_be_written_stops_the_update(tmp_path: Path) -> None:
    (tmp_path / "updates").write_text("a file where the directory should be")
    with pytest.raises(UpdateError, match="cannot be written"):
        _begin(Journal(tmp_path / "updates" / "journal.jsonl"))
