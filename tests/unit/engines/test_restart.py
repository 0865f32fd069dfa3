"""huiyan.engines.restart: delays, the count of crashes, and when it is given up."""

from __future__ import annotations

from huiyan.engines.restart import RestartPolicy

POLICY = RestartPolicy(first_delay_s=0.5, max_delay_s=4.0, stable_after_s=60.0, max_crashes=6)


def test_delays_double_up_to_the_cap() -> None:
    assert [POLICY.delay_s(crashes) for crashes in range(1, 7)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_the_count_starts_anew_after_a_stable_minute() -> None:
    assert POLICY.count(4, ready_for_s=59.9) == 5
    assert POLICY.count(4, ready_for_s=60.0) == 1


def test_it_gives_up_sooner_when_it_never_worked() -> None:
    assert POLICY.gives_up(2, was_ready=False)
    assert not POLICY.gives_up(5, was_ready=True)
    assert POLICY.gives_up(6, was_ready=True)
