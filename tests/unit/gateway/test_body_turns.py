"""Turns of large bodies: one at a time where all are fast, and nobody held up where one is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from huiyan.gateway.body_turns import BodyTurns


class _Timer:
    def cancel(self) -> None:
        raise AssertionError("turns never cancel a timer")


class Clock:
    """A loop's clock and timers, which move only when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now_s

    def call_later(self, delay_s: float, call: Callable[[], None]) -> _Timer:
        self.timers.append((self.now_s + delay_s, call))
        return _Timer()

    def pass_time(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while due := [timer for timer in self.timers if timer[0] <= until_s]:
            timer = min(due, key=lambda each: each[0])
            self.timers.remove(timer)
            self.now_s = timer[0]
            timer[1]()
        self.now_s = until_s


class Body:
    def __init__(self) -> None:
        self.received_bytes = 0
        self.held = False

    def hold(self) -> None:
        assert not self.held
        self.held = True

    def go_on(self) -> None:
        assert self.held, "only who waits is told to go on"
        self.held = False


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def turns(clock: Clock) -> BodyTurns:
    return BodyTurns(cast("asyncio.AbstractEventLoop", clock))


def entered(turns: BodyTurns, count: int) -> list[Body]:
    bodies = [Body() for _ in range(count)]
    for body in bodies:
        turns.enter(body)
    return bodies


def test_one_after_another_in_their_order(turns: BodyTurns) -> None:
    bodies = entered(turns, 4)
    for number, body in enumerate(bodies):
        assert [each.held for each in bodies[number:]] == [False] + [True] * (3 - number)
        turns.leave(body)
        turns.leave(body)
    assert turns.waiting == 0


def test_alone_there_is_no_timer(turns: BodyTurns, clock: Clock) -> None:
    (body,) = entered(turns, 1)
    assert not body.held
    assert clock.timers == []
    turns.leave(body)
    assert clock.timers == []


def test_who_stops_loses_its_turn_and_is_not_held(turns: BodyTurns, clock: Clock) -> None:
    stopped, next_one, last = entered(turns, 3)
    clock.pass_time(0.11)
    assert (stopped.held, next_one.held, last.held) == (False, False, True)
    turns.leave(stopped)  # later, at its end
    assert last.held, "who had no turn any more gives none away"
    turns.leave(next_one)
    assert not last.held


def test_a_trickle_is_no_way_to_keep_the_turn(turns: BodyTurns, clock: Clock) -> None:
    slow, other = entered(turns, 2)
    for _ in range(11):
        slow.received_bytes += 1000
        clock.pass_time(0.01)
    assert not other.held


def test_who_is_fast_keeps_it_but_nobody_waits_for_long(turns: BodyTurns, clock: Clock) -> None:
    fast, *others = entered(turns, 50)
    for _ in range(20):
        fast.received_bytes += 1024 * 1024
        clock.pass_time(0.02)
    assert all(other.held for other in others)
    for _ in range(10):
        fast.received_bytes += 1024 * 1024
        clock.pass_time(0.02)
    assert not any(other.held for other in others)
    assert turns.waiting == 0
    clock.pass_time(10)
    assert clock.timers == []


def test_many_that_stop_hold_nobody_up_for_long(turns: BodyTurns, clock: Clock) -> None:
    entered(turns, 1000)
    (honest,) = entered(turns, 1)
    clock.pass_time(0.65)
    assert not honest.held


def test_who_leaves_while_it_waits_is_read_again(turns: BodyTurns) -> None:
    """What follows on its connection, the client's end above all, has to be seen."""
    first, second, third = entered(turns, 3)
    turns.leave(second)
    assert not second.held
    turns.leave(first)
    assert not third.held


def test_the_turn_is_free_after_the_last_one(turns: BodyTurns, clock: Clock) -> None:
    first, second = entered(turns, 2)
    turns.leave(first)
    turns.leave(second)
    clock.pass_time(1)
    (third,) = entered(turns, 1)
    assert not third.held
