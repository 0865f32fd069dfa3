"""The queue: bounds, fairness across keys and priorities, deadlines, the pause. Time is the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan.errors import EngineStartingError, EngineTimeoutError, HuiyanError, QueueFullError
from huiyan.gateway.access.principal import Principal, Scope
from huiyan.gateway.queue import FairQueue
from huiyan.gateway.queue_order import YIELD_EVERY, Ticket
from tests.support.fake_loop import FakeLoop


@dataclass(eq=False)
class Request:
    """One caller: what it was told, and its ticket."""

    key: str
    number: int
    bench: Bench
    ticket: Ticket | None = None
    granted: int = 0
    refused: list[HuiyanError] = field(default_factory=list)

    def on_granted(self, ticket: Ticket) -> None:
        self.granted += 1
        self.ticket = ticket
        self.bench.served.append(self)

    @property
    def state(self) -> str:
        assert self.ticket is not None
        return self.ticket.state

    def leave(self) -> None:
        assert self.ticket is not None
        self.ticket.leave()


class Bench:
    def __init__(
        self, slots: int, *, waiting: int = 1000, per_key: int = 1000, timeout_s: float = 60.0
    ) -> None:
        self.clock = FakeLoop()
        self.queue = FairQueue(slots, waiting, per_key, timeout_s=timeout_s, loop=self.clock.loop)
        self.served: list[Request] = []
        self.all: list[Request] = []

    def enter(self, key: str, priority: int = 0, **more: Any) -> Request:
        request = Request(key, len(self.all), self)
        self.all.append(request)
        principal = Principal(id=key, name=key, scopes=frozenset({Scope.CHAT}), priority=priority)
        ticket = self.queue.enter(
            principal, granted=request.on_granted, refused=request.refused.append, **more
        )
        request.ticket = ticket
        return request

    def finish_one(self) -> None:
        """The request that runs longest ends."""
        next(r for r in self.served if r.state == "running").leave()

    def keys_served(self) -> str:
        return "".join(request.key for request in self.served)


def test_a_free_slot_is_granted_at_once_and_without_a_timer() -> None:
    bench = Bench(2)
    first, second = bench.enter("a"), bench.enter("a")
    assert (first.granted, second.granted, bench.clock.armed) == (1, 1, 0)
    third = bench.enter("a")
    assert (third.granted, third.state, bench.queue.waiting) == (0, "waiting", 1)
    first.leave()
    assert (third.granted, bench.queue.running, bench.queue.waiting, bench.clock.armed) == (1, 2, 0, 0)


def test_a_greedy_key_delays_another_by_one_grant() -> None:
    bench = Bench(1)
    for _ in range(6):
        bench.enter("a")
    bench.enter("b")
    bench.enter("c")
    for _ in range(8):
        bench.finish_one()
    assert bench.keys_served() == "aabcaaaa"


def test_the_key_with_fewest_requests_running_goes_first() -> None:
    bench = Bench(3)
    running = [bench.enter(key) for key in "aab"]
    waiting_a, waiting_b = bench.enter("a"), bench.enter("b")
    running[1].leave()  # one of a and one of b are left: a has waited longer
    assert (waiting_a.granted, waiting_b.granted) == (1, 0)
    bench.enter("a")
    running[0].leave()  # a: 1, b: 1 running; a was served last
    assert waiting_b.granted == 1


def test_a_higher_priority_goes_first_but_the_lower_is_not_starved() -> None:
    bench = Bench(1)
    bench.enter("h", 5)
    bench.enter("l", -5)
    for _ in range(3 * YIELD_EVERY):
        bench.enter("h", 5)
    for _ in range(YIELD_EVERY):
        bench.finish_one()
    assert bench.keys_served() == "h" * YIELD_EVERY + "l"


def test_every_lower_priority_gets_its_turn() -> None:
    bench = Bench(1)
    bench.enter("h", 9)
    for _ in range(4 * YIELD_EVERY):
        bench.enter("h", 9)
    for priority, key in enumerate("abc"):
        bench.enter(key, priority)
        bench.enter(key, priority)
    for _ in range(3 * YIELD_EVERY):
        bench.finish_one()
    assert bench.keys_served().replace("h", "") == "cba"


def test_the_bounds_refuse_with_a_time_to_try_again() -> None:
    bench = Bench(1, waiting=3, per_key=2)
    bench.enter("a")
    kept = [bench.enter("a"), bench.enter("a")]
    third = bench.enter("a")
    assert isinstance(third.refused[0], QueueFullError)
    assert third.refused[0].retry_after_s >= 1
    assert bench.enter("b").state == "waiting"
    assert isinstance(bench.enter("c").refused[0], QueueFullError)
    assert [request.state for request in kept] == ["waiting", "waiting"]
    third.leave()
    assert bench.queue.waiting == 3


def test_leaving_twice_gives_back_one_slot() -> None:
    bench = Bench(1)
    first = bench.enter("a")
    waiting = [bench.enter("b"), bench.enter("c")]
    first.leave()
    first.leave()
    assert [request.granted for request in waiting] == [1, 0]
    waiting[1].leave()
    waiting[1].leave()
    waiting[0].leave()
    assert (bench.queue.running, bench.queue.waiting) == (0, 0)
    assert waiting[1].granted == 0
    assert waiting[1].refused == []


def test_a_wait_ends_with_429_and_an_own_deadline_with_504() -> None:
    bench = Bench(1, timeout_s=30)
    running = bench.enter("a")
    patient, hurried = bench.enter("b"), bench.enter("c", deadline_s=5)
    bench.clock.advance(5)
    assert isinstance(hurried.refused[0], EngineTimeoutError)
    bench.clock.advance(24)
    assert patient.refused == []
    bench.clock.advance(1)
    assert isinstance(patient.refused[0], QueueFullError)
    running.leave()
    assert (patient.granted, hurried.granted, bench.queue.running) == (0, 0, 0)


def test_while_paused_newcomers_wait_and_go_on_afterwards() -> None:
    bench = Bench(2, timeout_s=30)
    bench.queue.pause(100)
    one, two = bench.enter("a"), bench.enter("b")
    own = bench.enter("c", deadline_s=10)
    bench.clock.advance(90)  # longer than any wait, were it not for the pause
    assert (one.state, two.state, bench.queue.paused) == ("waiting", "waiting", True)
    assert isinstance(own.refused[0], EngineTimeoutError)
    bench.queue.resume()
    assert (one.granted, two.granted, bench.queue.paused) == (1, 1, False)


def test_a_pause_ends_by_itself_and_waits_are_counted_from_its_end() -> None:
    bench = Bench(1, timeout_s=30)
    running = bench.enter("a")
    bench.queue.pause(50)
    waiting = bench.enter("b")
    bench.clock.advance(50)
    assert not bench.queue.paused
    bench.clock.advance(29)
    assert waiting.state == "waiting"
    bench.clock.advance(1)
    assert isinstance(waiting.refused[0], QueueFullError)
    running.leave()


def test_a_second_pause_moves_the_end() -> None:
    bench = Bench(1)
    bench.queue.pause(10)
    bench.clock.advance(8)
    bench.queue.pause(10)
    bench.clock.advance(8)
    assert bench.queue.paused
    bench.clock.advance(2)
    assert not bench.queue.paused


def test_a_drain_is_over_when_the_last_one_has_left() -> None:
    bench = Bench(2)
    drained: list[str] = []
    bench.queue.when_idle(lambda: drained.append("at once"))
    running = [bench.enter("a"), bench.enter("b")]
    bench.queue.pause(60)
    bench.enter("c")
    bench.queue.when_idle(lambda: drained.append("later"))
    running[0].leave()
    assert drained == ["at once"]
    running[1].leave()
    assert drained == ["at once", "later"]


def test_more_slots_are_used_at_once_and_fewer_let_the_running_ones_end() -> None:
    bench = Bench(1)
    requests = [bench.enter("a") for _ in range(4)]
    bench.queue.slots = 3
    assert [request.granted for request in requests] == [1, 1, 1, 0]
    bench.queue.slots = 1
    requests[0].leave()
    requests[1].leave()
    assert requests[3].granted == 0
    requests[2].leave()
    assert requests[3].granted == 1


def test_a_request_that_is_not_ready_holds_the_queue_until_it_is_or_nothing_runs() -> None:
    bench = Bench(4)
    room = [False]
    running = bench.enter("a")
    big = bench.enter("b", ready=lambda: room[0])
    small = bench.enter("c")
    assert (big.granted, small.granted) == (0, 0)  # nobody overtakes
    room[0] = True
    bench.queue.recheck()
    assert (big.granted, small.granted) == (1, 1)
    for request in (running, big, small):
        request.leave()
    room[0] = False
    assert bench.enter("d", ready=lambda: room[0]).granted == 1  # nothing runs: waiting changes nothing


def test_the_others_go_on_when_one_that_is_not_ready_gives_up() -> None:
    bench = Bench(2)
    bench.enter("a")
    big, small = bench.enter("b", ready=lambda: False), bench.enter("c")
    big.leave()
    assert small.granted == 1


def test_positions_count_who_is_served_before() -> None:
    bench = Bench(1)
    running = bench.enter("a")
    a = [bench.enter("a") for _ in range(3)]
    b, high = bench.enter("b"), bench.enter("h", 3)
    tickets = [request.ticket for request in (running, *a, b, high)]
    assert [bench.queue.position(ticket) for ticket in tickets if ticket] == [0, 1, 3, 4, 2, 0]


def test_a_thousand_that_fail_as_soon_as_they_are_granted_do_not_pile_up_on_the_stack() -> None:
    bench = Bench(1, waiting=2000, per_key=2000)
    first = bench.enter("a")
    seen: list[int] = []
    principal = Principal(id="b", name="b", scopes=frozenset())

    def give_up(ticket: Ticket) -> None:
        seen.append(1)
        ticket.leave()

    for _ in range(1500):
        bench.queue.enter(principal, granted=give_up, refused=lambda _: None)
    first.leave()
    assert (len(seen), bench.queue.running, bench.queue.waiting) == (1500, 0, 0)


def test_a_start_that_raises_keeps_no_slot() -> None:
    bench = Bench(1)
    principal = Principal(id="b", name="b", scopes=frozenset())

    def fail(ticket: Ticket) -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        bench.queue.enter(principal, granted=fail, refused=lambda _: None)
    running = bench.enter("a")
    bench.queue.enter(principal, granted=fail, refused=lambda _: None)
    after = bench.enter("c")
    running.leave()  # not this one's fault: it hears nothing of it
    assert (after.granted, bench.queue.running) == (1, 1)


def test_closing_refuses_whoever_waits() -> None:
    bench = Bench(1)
    bench.enter("a")
    waiting = [bench.enter("a"), bench.enter("b")]
    bench.queue.close()
    assert all(isinstance(request.refused[0], EngineStartingError) for request in waiting)
    assert (bench.queue.waiting, bench.clock.armed) == (0, 0)


def test_nothing_is_kept_of_keys_that_are_gone() -> None:
    bench = Bench(1, per_key=1)
    for number in range(50):
        bench.enter(f"k{number}").leave()
    bench.enter("a")
    for number in range(50):
        bench.enter(f"w{number}").leave()
        bench.enter("full")
    assert len(bench.queue._lines) == 2
    assert len(bench.queue._order._classes) == 1


# What holds whatever comes, in any order.

_KEYS = st.sampled_from("abcd")
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), _KEYS, st.integers(-2, 2)),
        st.tuples(st.just("leave"), st.integers(0, 200), st.none()),
        st.tuples(st.just("slots"), st.integers(1, 5), st.none()),
        st.tuples(st.just("pause"), st.integers(1, 50), st.none()),
        st.tuples(st.just("resume"), st.none(), st.none()),
        st.tuples(st.just("advance"), st.integers(1, 40), st.none()),
    ),
    max_size=120,
)


@given(slots=st.integers(1, 4), steps=_STEPS)
@settings(max_examples=150, deadline=None)
def test_invariants_hold_after_every_step(slots: int, steps: list[tuple[Any, Any, Any]]) -> None:
    bench = Bench(slots, waiting=12, per_key=5, timeout_s=30)
    queue = bench.queue
    for act, what, priority in steps:
        running_before = queue.running
        match act:
            case "enter":
                bench.enter(what, priority)
            case "leave":
                if bench.all:
                    bench.all[what % len(bench.all)].leave()
            case "slots":
                queue.slots = what
            case "pause":
                queue.pause(what)
            case "resume":
                queue.resume()
            case "advance":
                bench.clock.advance(what)
        states = [request.state for request in bench.all]
        assert queue.running == states.count("running")
        assert queue.waiting == states.count("waiting") <= 12
        assert queue.running <= max(queue.slots, running_before)
        for request in bench.all:
            assert request.granted + len(request.refused) <= 1
            assert request.granted == (request in bench.served)
        # Nobody waits beside a free slot.
        assert queue.paused or not queue.waiting or queue.running >= queue.slots
        for key in "abcd":
            numbers = [request.number for request in bench.served if request.key == key]
            assert numbers == sorted(numbers)
            assert sum(r.key == key and r.state == "waiting" for r in bench.all) <= 5
    for request in bench.all:
        request.leave()
    queue.resume()
    assert (queue.running, queue.waiting, queue._lines, queue._order._classes) == (0, 0, {}, {})
    assert bench.clock.armed == 0


@given(
    others=st.lists(st.tuples(_KEYS, st.integers(0, 3)), min_size=1, max_size=40),
    arrivals=st.lists(st.tuples(_KEYS, st.integers(0, 3)), min_size=200, max_size=200),
)
@settings(max_examples=60, deadline=None)
def test_nobody_starves_however_many_come(
    others: list[tuple[str, int]], arrivals: list[tuple[str, int]]
) -> None:
    """A newcomer before each grant, of higher priority or the same, and the one below is served."""
    bench = Bench(1)
    for key, priority in others:
        bench.enter(key, priority)
    victim = bench.enter("victim", 0)
    grants = 0
    for key, priority in arrivals:
        if victim.granted:
            break
        bench.enter(key, priority)
        bench.finish_one()
        grants += 1
    # At most one yield for each of 3 lower classes, times the keys that may be in the victim's class.
    assert victim.granted
    assert grants <= YIELD_EVERY * 3 * 5
