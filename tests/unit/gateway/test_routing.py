"""The rule of routing by itself: shares by size, homes that stay, bounds that hold."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan.gateway.routing import LOAD_FACTOR, SLACK_TOKENS, at_home, least_loaded, prompt_work


@dataclass
class Engine:
    seed: int
    in_flight: int = 0
    unread_tokens: int = 0
    capacity: float = 1.0
    slots: int | None = None


def _engines(count: int) -> list[Engine]:
    numbers = random.Random(7)
    return [Engine(numbers.getrandbits(64)) for _ in range(count)]


def test_among_equally_loaded_engines_the_largest_is_first_and_then_they_take_turns() -> None:
    small, large, other = Engine(1), Engine(2, capacity=4.0), Engine(3)
    assert least_loaded([small, large, other], 0) is least_loaded([small, large, other], 1) is large
    large.in_flight = 1
    assert [least_loaded([small, large, other], turn) for turn in (0, 2)] == [small, other]


def test_a_larger_engine_is_home_to_more() -> None:
    engines = _engines(3)
    engines[0].capacity = 4.0
    homes = Counter(engines.index(at_home(engines, b"%d" % i)) for i in range(6000))
    assert 0.62 < homes[0] / 6000 < 0.71, "4 of 6 shares"
    assert 0.7 < homes[1] / homes[2] < 1.4


def test_when_an_engine_comes_only_its_own_share_moves() -> None:
    engines = _engines(8)
    before = {i: at_home(engines, b"%d" % i) for i in range(4000)}
    new = Engine(99)
    moved = {i: home for i, home in before.items() if at_home([*engines, new], b"%d" % i) is not home}
    assert 0.08 < len(moved) / 4000 < 0.15, "one of nine"
    assert all(at_home([*engines, new], b"%d" % i) is new for i in moved)


def test_an_engine_without_a_free_slot_is_not_home_while_another_has_one() -> None:
    engines = _engines(2)
    for engine in engines:
        engine.slots = 1
    home = at_home(engines, b"x")
    home.in_flight = 1
    other = at_home(engines, b"x")
    assert other is not home
    other.in_flight = 3
    assert at_home(engines, b"x") is home, "none has a free slot: the least loaded"


def test_the_least_loaded_has_the_least_to_read_then_the_fewest_requests() -> None:
    reading, writing, other = Engine(1, 1, 500), Engine(2, 9), Engine(3, 2, 100)
    assert least_loaded([reading, writing, other], 0) is writing
    other.unread_tokens = 0
    assert least_loaded([reading, writing, other], 0) is other
    other.slots = 2
    assert least_loaded([reading, writing, other], 0) is writing, "the other one has no slot"


def test_a_home_that_has_more_to_read_than_the_slack_is_passed_over_and_one_that_writes_is_not() -> None:
    engines = _engines(4)
    home = at_home(engines, b"x")
    for engine in engines:
        engine.in_flight = 10
    home.in_flight = 15
    home.unread_tokens = SLACK_TOKENS
    assert at_home(engines, b"x") is home
    home.unread_tokens += 1
    other = at_home(engines, b"x")
    assert other is not home
    other.unread_tokens += 1
    assert at_home(engines, b"x") not in (home, other)
    for engine in engines:
        engine.unread_tokens = 5 + (SLACK_TOKENS if engine is home else 0)
    assert at_home(engines, b"x") is home, "what counts is the difference"


def test_one_picture_that_all_ask_about_does_not_fill_one_engine() -> None:
    engines = _engines(4)
    for _ in range(40):
        at_home(engines, b"x").in_flight += 1
    assert max(engine.in_flight for engine in engines) <= LOAD_FACTOR * 10 + 1


def test_of_two_engines_one_keeps_a_quarter_whatever_everybody_asks_about() -> None:
    engines = _engines(2)
    for _ in range(100):
        at_home(engines, b"the same picture").in_flight += 1
    assert 24 <= min(engine.in_flight for engine in engines) <= 26


def test_pictures_cost_more_than_as_many_tokens_of_text() -> None:
    assert prompt_work(0, 0) > 0, "every prompt is some work"
    assert prompt_work(0, 1024) > prompt_work(4 * 1024, 0) > prompt_work(1024, 0)


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.sampled_from([0.5, 1.0, 3.0]), st.integers(0, 60_000)),
        min_size=1,
        max_size=12,
    ),
    st.binary(max_size=8),
)
@settings(deadline=None)
def test_the_bounds_hold_whatever_the_loads_are(loads: list[tuple[int, float, int]], affinity: bytes) -> None:
    engines = [Engine(i * 7919, load, unread, size) for i, (load, size, unread) in enumerate(loads)]
    chosen = at_home(engines, affinity)
    total = sum(each.capacity for each in engines)
    average = (sum(each.in_flight for each in engines) + 1) / total
    least = min(each.unread_tokens / each.capacity for each in engines)
    slack = SLACK_TOKENS * len(engines) / total
    assert chosen.unread_tokens / chosen.capacity <= least + slack
    if chosen.unread_tokens / chosen.capacity > least:
        assert chosen.in_flight < LOAD_FACTOR * average * chosen.capacity
