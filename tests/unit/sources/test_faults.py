from __future__ import annotations

import email.utils
import threading
import time

import pytest

from huiyan.errors import PullInterruptedError, SourceUnreachableError
from huiyan.sources.transfer import TransferOptions
from huiyan.sources.transfer.faults import PassingFault, Patience, retry_after_s
from huiyan.sources.transfer.meter import Meter
from huiyan.sources.transfer.ranges import parse_content_range, split, within


def test_retry_after_in_both_of_its_forms() -> None:
    assert retry_after_s("7") == 7
    later = email.utils.formatdate(time.time() + 60, usegmt=True)
    found = retry_after_s(later)
    assert found is not None
    assert 0 < found <= 60
    assert retry_after_s(email.utils.formatdate(time.time() - 60, usegmt=True)) == 0
    for nonsense in (None, "", "-1", "soon", "1e9", "٣", "Mon, 99 Foo"):
        assert retry_after_s(nonsense) is None


def test_patience_ends_and_begins_anew_with_progress() -> None:
    patience = Patience(TransferOptions(retries=2, backoff_s=0), threading.Event())
    for _ in range(3):
        patience.wait(PassingFault("h", "cut"))
        patience.wait(PassingFault("h", "cut"))
        patience.progressed()
    patience.wait(PassingFault("h", "cut"))
    patience.wait(PassingFault("h", "cut"))
    with pytest.raises(SourceUnreachableError, match="cut"):
        patience.wait(PassingFault("h", "cut"))


def test_a_wait_ends_when_it_is_cancelled() -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(PullInterruptedError):
        Patience(TransferOptions(backoff_s=1000), cancel).wait(PassingFault("h", "cut", retry_after_s=50))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("bytes 0-4/10", (0, 5, 10)),
        ("bytes 5-9/*", (5, 10, None)),
        ("bytes 5-4/10", None),
        ("bytes 5-10/10", None),
        ("bytes */10", None),
        ("items 0-4/10", None),
        ("bytes 0-4/10, 5-6/10", None),
        (None, None),
    ],
)
def test_content_range(value: str | None, found: object) -> None:
    assert parse_content_range(value) == found


def test_ranges_are_split_and_cut() -> None:
    assert split([(0, 10), (20, 25)], 4) == [(0, 4), (4, 8), (8, 10), (20, 24), (24, 25)]
    assert within([(0, 10), (20, 25)], 5, 22) == [(5, 10), (20, 22)]


def test_the_rate_is_that_of_the_last_seconds() -> None:
    now = [0.0]
    meter = Meter(1000, clock=lambda: now[0])
    meter.here_already(100)
    for _ in range(20):
        now[0] += 1
        meter.moved("f", 10)
        meter.look()
    seen = meter.look()
    assert seen.rate_bytes_per_s == pytest.approx(10, rel=0.01)
    assert seen.eta_s == pytest.approx((1000 - 300) / 10, rel=0.01)
    now[0] += 10
    assert meter.look().rate_bytes_per_s < 1
