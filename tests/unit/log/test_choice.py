from __future__ import annotations

import pytest

from huiyan.log import timestamp
from huiyan.log.choice import Choice, since_of

RECORD = {
    "ts": "2026-01-31T08:00:00.123Z",
    "level": "warning",
    "source": "gateway",
    "message": "x",
    "request_id": "b-1",
}


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (Choice(), True),
        (Choice(source="gateway"), True),
        (Choice(source="engine"), False),
        (Choice(level="info"), True),
        (Choice(level="warning"), True),
        (Choice(level="error"), False),
        (Choice(request_id="b-1"), True),
        (Choice(request_id="b"), False),
        (Choice(since="2026-01-31T08:00:00.123Z"), True),
        (Choice(since="2026-01-31T08:00:00.124Z"), False),
        (Choice(source="gateway", level="error"), False),
    ],
)
def test_a_record_is_taken_by_what_was_chosen(choice: Choice, taken: bool) -> None:
    assert choice.takes(RECORD) is taken


def test_what_a_page_reported_is_the_browsers() -> None:
    record = {**RECORD, "origin": "browser"}
    assert Choice(source="browser").takes(record)
    assert not Choice(source="gateway").takes(record)


def test_a_record_without_a_level_is_information() -> None:
    assert Choice(level="info").takes({"source": "engine"})
    assert not Choice(level="warning").takes({"source": "engine"})


@pytest.mark.parametrize(
    ("found", "taken"),
    [("b-1", True), ("b-1-0", True), ("b-1-0123abcd", True), ("b-1-0-0123abcd", True), ("b-12", False)],
)
def test_an_engine_may_lengthen_the_id(found: str, taken: bool) -> None:
    assert Choice(request_id="b-1").takes({"source": "engine", "request_id": found}) is taken
    own = {"source": "gateway", "request_id": found}
    assert Choice(request_id="b-1").takes(own) is (found == "b-1")


def test_since_takes_ages_and_moments() -> None:
    now = 1_800_000_000.0
    assert since_of("90s", now_unix_s=now) == timestamp(now - 90)
    assert since_of("1.5h", now_unix_s=now) == timestamp(now - 5400)
    assert since_of("2 d", now_unix_s=now) == timestamp(now - 172_800)
    assert since_of("2026-01-31T08:00:00Z") == "2026-01-31T08:00:00.000Z"
    assert since_of("2026-01-31T08:00:00+08:00") == "2026-01-31T00:00:00.000Z"
    assert since_of("2026-01-31").startswith("2026-01-3")


@pytest.mark.parametrize("text", ["", "yesterday", "5x", "-3m"])
def test_since_refuses_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError):
        since_of(text)
