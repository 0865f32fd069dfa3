"""Fifty random moments at which engine, gateway or launcher is killed while an answer is streaming.

After each: no orphan is left, the next start (or restart) is clean, the same key never yields two
answers from one gateway, and what was read before is the beginning of what is read again.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.installation import Huiyan
from tests.support.keyed_answer import Reading, read_answer
from tests.support.wait import wait_until

KILL_POINTS = 50
#: Of one part in one life of a launcher. More crashes in a row are, rightly, taken for a crash loop.
MAX_CRASHES_A_LIFE = 3
#: Time to first byte and the whole of an answer of 300 tokens both lie within this.
LATEST_KILL_S = 0.9

pytestmark = pytest.mark.slow


class Chaos:
    """The run: which part is killed when follows from the seed alone."""

    def __init__(self, huiyan: Huiyan, seed: int) -> None:
        self.huiyan = huiyan
        self.rng = random.Random(seed)
        self.crashes: Counter[str] = Counter()
        self.killed: Counter[str] = Counter()
        self.interrupted = 0

    def next_part(self) -> str:
        parts = [part for part in ("engine", "gateway") if self.crashes[part] < MAX_CRASHES_A_LIFE]
        return self.rng.choice([*parts, "launcher"])

    def kill_point(self, number: int) -> None:
        """One answer, one kill in the middle of it, and everything that must be true afterwards."""
        huiyan, part, key = self.huiyan, self.next_part(), f"chaos-{number}"
        after_s = self.rng.uniform(0, LATEST_KILL_S)
        readings: list[Reading] = []
        reader = threading.Thread(target=lambda: readings.append(read_answer(huiyan.port, key)))
        reader.start()
        time.sleep(after_s)
        pid = huiyan.kill(part)
        self.killed[part] += 1
        self.crashes[part] += 1
        reader.join(60)
        assert not reader.is_alive(), "a client hangs on a dead server"
        (first,) = readings
        self.interrupted += not first.done
        self.check_first(first)
        if part == "launcher":
            huiyan.wait_nothing_left()
            huiyan.start()
            self.crashes.clear()
        else:
            wait_until(lambda: self.is_back(part, pid), f"{part} is back", 60)
        self.check_again(key, first, part)

    def is_back(self, part: str, killed_pid: int) -> bool:
        """A new process, and all is well. The launcher may not have noticed yet that the old one died."""
        report = self.huiyan.report()
        pid = report["engine_pid"] if part == "engine" else report["gateway"]["pid"]
        if pid in {None, killed_pid}:
            return False
        states = (report["engine"]["state"], report["gateway"]["state"])
        return states == ("ready", "ready") and self.huiyan.health() == "ok"

    def check_first(self, first: Reading) -> None:
        """One run at most; an end that is no end says so."""
        assert len(first.runs) <= 1
        if first.error is not None:
            assert not first.done
            assert first.error in {"engine_died", "engine_starting", "engine_error"}, first.error

    def check_again(self, key: str, first: Reading, part: str) -> None:
        """The same key again, by two readers at once: one answer, whole, the same for both."""
        again: list[Reading] = []
        readers = [
            threading.Thread(target=lambda: again.append(read_answer(self.huiyan.port, key)))
            for _ in range(2)
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(60)
        one, other = again
        assert one.done, f"{one.status} {one.error} {one.body[-300:]!r}"
        assert other.done, f"{other.status} {other.error} {other.body[-300:]!r}"
        assert one.body == other.body
        assert len(one.runs) == 1
        # Greedy: whichever run it is, it says what the first one had begun to say.
        assert one.text.startswith(first.text)
        if first.done and part == "engine":
            assert one.runs == first.runs, "a finished answer was run again"


@pytest.fixture
def huiyan(tmp_path: Path) -> Iterator[Huiyan]:
    installed = Huiyan(tmp_path / "home")
    try:
        installed.start()
        yield installed
        stopped = installed.stop()
        assert stopped.returncode == 0, stopped.said
        installed.wait_nothing_left()
    finally:
        installed.close()


def test_fifty_random_kill_points(huiyan: Huiyan) -> None:
    seed = random.SystemRandom().randrange(10**6)
    chaos = Chaos(huiyan, seed)
    for number in range(KILL_POINTS):
        try:
            chaos.kill_point(number)
        except BaseException as error:
            error.add_note(f"seed {seed}, kill point {number}, killed so far {dict(chaos.killed)}")
            raise
    assert all(chaos.killed[part] > 0 for part in ("engine", "gateway", "launcher")), chaos.killed
    assert chaos.interrupted >= KILL_POINTS // 4, "most kills were meant to hit a running answer"
