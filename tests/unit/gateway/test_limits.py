"""Limits of a key, counted in this process. The clock is the test's own."""

from __future__ import annotations

import random

import pytest

from huiyan.gateway.access.principal import LOCAL, KeyLimits, Principal, Scope
from huiyan.gateway.limits import FREE, Lease, Limiter, Refused
from huiyan.gateway.windows import Account, SlidingWindow

#: 2026-03-01 00:00:00 UTC.
MIDNIGHT = 1_772_323_200.0


class Clock:
    def __init__(self) -> None:
        self.now = MIDNIGHT + 3600.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> Limiter:
    return Limiter(clock=clock)


def who(key_id: str = "k", **limits: int) -> Principal:
    return Principal(id=key_id, name="a", scopes=frozenset({Scope.CHAT}), limits=KeyLimits(**limits))


def begin(limiter: Limiter, principal: Principal, body_bytes: int = 10) -> Lease | Refused:
    answers: list[Lease | Refused] = []
    limiter.begin(principal, body_bytes=body_bytes, done=answers.append)
    (answer,) = answers
    return answer


def allowed(limiter: Limiter, principal: Principal, body_bytes: int = 10) -> Lease:
    answer = begin(limiter, principal, body_bytes)
    assert isinstance(answer, Lease), answer
    return answer


def refused(limiter: Limiter, principal: Principal, body_bytes: int = 10) -> Refused:
    answer = begin(limiter, principal, body_bytes)
    assert isinstance(answer, Refused)
    assert answer.error.hint
    assert answer.error.retry_after_s >= 1
    return answer


def test_whoever_has_no_limits_is_not_counted(limiter: Limiter) -> None:
    for principal in (LOCAL, who()):
        lease = begin(limiter, principal)
        assert lease is FREE
        assert lease.headers() == []
        lease.finish(10, 10)
    assert limiter._accounts == {}


def test_requests_a_minute(limiter: Limiter, clock: Clock) -> None:
    principal = who(requests_per_min=3)
    for left in (2, 1, 0):
        lease = allowed(limiter, principal)
        headers = dict(lease.headers())
        assert headers[b"x-ratelimit-limit-requests"] == b"3"
        assert headers[b"x-ratelimit-remaining-requests"] == b"%d" % left
        lease.finish()
    refusal = refused(limiter, principal)
    assert dict(refusal.headers)[b"x-ratelimit-remaining-requests"] == b"0"
    allowed(limiter, who("other", requests_per_min=3))
    clock.now += refusal.error.retry_after_s - 0.5
    refused(limiter, principal)
    clock.now += 1.0
    allowed(limiter, principal)


def test_no_minute_holds_many_more_than_the_limit(limiter: Limiter, clock: Clock) -> None:
    """A fixed window would let twice the limit through around its boundary."""
    limit = 60
    principal = who(requests_per_min=limit)
    rng = random.Random(7)
    taken: list[float] = []
    for _ in range(6000):
        clock.now += rng.choice([0.01, 0.02, 0.2, 0.5])
        if isinstance(begin(limiter, principal), Lease):
            taken.append(clock.now)
    assert len(taken) > limit * 5
    busiest = max(sum(1 for t in taken if start <= t < start + 60) for start in taken)
    assert busiest <= limit * 1.5


def test_waiting_as_retry_after_says_is_enough(limiter: Limiter, clock: Clock) -> None:
    principal = who(requests_per_min=7)
    rng = random.Random(3)
    waits = 0
    for _ in range(300):
        clock.now += rng.random() * 4
        answer = begin(limiter, principal)
        if isinstance(answer, Refused):
            waits += 1
            clock.now += answer.error.retry_after_s
            allowed(limiter, principal)
    assert waits > 20


def test_tokens_are_charged_when_they_are_known(limiter: Limiter, clock: Clock) -> None:
    principal = who(tokens_per_min=100)
    first, second = allowed(limiter, principal), allowed(limiter, principal)
    first.finish(60, 30)
    third = allowed(limiter, principal)
    assert dict(third.headers())[b"x-ratelimit-remaining-tokens"] == b"10"
    second.finish(50, 0)
    second.finish(50, 0)
    refusal = refused(limiter, principal)
    assert dict(refusal.headers)[b"x-ratelimit-remaining-tokens"] == b"0"
    assert dict(refusal.headers)[b"x-ratelimit-reset-tokens"] in (b"2m0s", b"1m60s")
    clock.now += refusal.error.retry_after_s + 0.1
    allowed(limiter, principal)


def test_requests_at_once(limiter: Limiter) -> None:
    principal = who(streams=2)
    first, second = allowed(limiter, principal), allowed(limiter, principal)
    refused(limiter, principal)
    first.finish()
    first.finish()
    allowed(limiter, principal)
    refused(limiter, principal)
    second.finish()
    allowed(limiter, principal)


def test_bytes_a_day(limiter: Limiter, clock: Clock) -> None:
    principal = who(bytes_per_day=1000)
    allowed(limiter, principal, 900).finish()
    refusal = refused(limiter, principal, 101)
    assert refusal.error.retry_after_s == pytest.approx(MIDNIGHT + 86_400 - clock.now)
    allowed(limiter, principal, 100).finish()
    clock.now = MIDNIGHT + 86_400 + 1
    allowed(limiter, principal, 1000).finish()
    refused(limiter, principal, 1)


def test_bytes_of_before_a_restart_count(limiter: Limiter) -> None:
    limiter.seed_bytes({"k": 950, "unlimited": 10})
    principal = who(bytes_per_day=1000)
    refused(limiter, principal, 51)
    allowed(limiter, principal, 50)


def test_a_refused_request_is_not_counted(limiter: Limiter) -> None:
    principal = who(requests_per_min=2, streams=1, bytes_per_day=1000)
    lease = allowed(limiter, principal, 10)
    for _ in range(10):
        refused(limiter, principal, 10)
    lease.finish()
    for _ in range(10):
        refused(limiter, principal, 991)
    allowed(limiter, principal, 10)


def test_forgetting_idle_keys(limiter: Limiter, clock: Clock) -> None:
    running = allowed(limiter, who("running", streams=1))
    for number in range(50):
        allowed(limiter, who(f"k{number}", requests_per_min=5), 0).finish()
    assert len(limiter._accounts) == 51
    clock.now += 86_400
    allowed(limiter, who("new", requests_per_min=5))
    assert set(limiter._accounts) == {"running", "new"}
    running.finish()


def test_the_window_agrees_with_counting_one_by_one() -> None:
    """What an even spread would have: for a steady stream the estimate is exact within a few."""
    window, now = SlidingWindow(), 1000.0
    for number in range(1, 1500):
        now += 0.5
        window.add(1, now)
        previous, current, left_s = window.counts(now)
        estimate = previous * left_s / 60 + current
        assert abs(estimate - min(number, 120)) <= 2


def test_an_account_that_was_never_used_is_idle(clock: Clock) -> None:
    assert Account(clock).idle(clock())
