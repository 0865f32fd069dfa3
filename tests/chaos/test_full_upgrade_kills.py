"""kill -9 in the middle of a full upgrade: the next start is the old version or the new one, whole.

Twice: what an upgrade does to the disk, killed at every call of the file system; and real processes, killed
at moments spread over the whole of it. `just upgrade-kills N` kills at N moments.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from huiyan import __version__
from huiyan.launcher.upgrade.place import Place
from huiyan.settings.load import load
from huiyan.state import FILE_NAME, earlier, migrations
from huiyan.state.database import Database
from huiyan.updates.journal import Step
from tests.support.full_upgrade_child import NEW, OLD, OLDEST, prepare
from tests.support.installation import Huiyan
from tests.support.keyed_answer import read_answer
from tests.support.upgrading import Upgrading
from tests.support.versions import make_wheel
from tests.support.wait import wait_until

_ROOT = Path(__file__).parent.parent.parent
_KNOWN = len(migrations.STEPS)
_NEXT = "99.0.0"
#: Real processes; each takes a start and most of an upgrade.
_KILLS = int(os.environ.get("TEST_HUIYAN_UPGRADE_KILLS", "3"))
#: Points in the disk's part that are tried in CI; all of them with TEST_HUIYAN_UPGRADE_KILLS.
_POINTS = 12


def _run(directory: Path, point: int) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "tests.support.full_upgrade_child", str(directory), str(point)]
    return subprocess.run(words, cwd=_ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_killed_in_what_it_does_to_the_disk(tmp_path: Path) -> None:
    prepare(tmp_path / "count")
    counted = _run(tmp_path / "count", 0)
    assert counted.returncode == 0, counted.stderr
    points = int(counted.stdout)
    assert points > 30
    chosen = list(range(1, points + 1))
    if _KILLS <= 3:
        chosen = sorted({round(1 + number * (points - 1) / (_POINTS - 1)) for number in range(_POINTS)})
    seen = set()
    for point in chosen:
        directory = tmp_path / str(point)
        prepare(directory)
        killed = _run(directory, point)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        seen.add(_recovered(directory))
        # Running it again finishes.
        again = _run(directory, 0)
        assert again.returncode == 0, again.stderr
        assert _recovered(directory) == NEW
    assert seen == {OLD, NEW}, "kills before and after the decisive rename were both met"


def _recovered(directory: Path) -> str:
    """The next start of whichever counts: everything fits together. Returns which one that is."""
    place = Place(directory)
    settings = load({"data_dir": directory})
    active = place.versions.active()
    assert active in {OLD, NEW}
    database = directory / "state" / FILE_NAME
    place.recover(settings)
    place.recover(settings)
    assert place.versions.active() == active
    assert place.journal.unfinished() == []
    found = place.versions.find(active)
    assert found is not None
    assert os.access(found.python, os.X_OK)
    last = next(reversed(place.journal.latest().values()), None)
    if active == OLD:
        assert last is None or last.step in {Step.ABANDONED, Step.ROLLED_BACK}
        assert earlier.schema_of(database) == _KNOWN
        Database(directory / "state").close()
        assert place.versions.find(OLDEST) is not None
    else:
        assert last is not None
        assert last.step is Step.COMMITTED
        assert earlier.schema_of(database) == _KNOWN + 1
    assert [path for path in place.versions.root.iterdir() if path.name.startswith((".new-", ".old-"))] == []
    return active


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wheel(tmp_path_factory.mktemp("wheel"), _NEXT)


def test_real_processes_killed_at_moments_of_an_upgrade(tmp_path: Path, wheel: Path) -> None:
    """The launcher dies at moments of each step; the next start serves; the last upgrade goes through."""
    chance = random.Random(f"{_KILLS} kills")
    huiyan = Huiyan(tmp_path / "home")
    upgrading = Upgrading(huiyan)
    steps = [Step.STAGING, Step.SWITCHING, Step.PROVING]
    try:
        for number in range(_KILLS):
            huiyan.start()
            assert upgrading.version() == __version__
            step = steps[number % len(steps)]
            known = set(upgrading.journal().latest())
            running = upgrading.begin(wheel)
            _kill_at(upgrading, known, step, after_s=chance.uniform(0.0, 1.5))
            running.communicate(timeout=120)
            huiyan.wait_nothing_left(20)
            huiyan.start()
            now = upgrading.version()
            pointer = upgrading.selected()
            assert now == (__version__ if pointer is None else _NEXT)
            assert upgrading.journal().unfinished() == []
            assert read_answer(huiyan.port, f"after-{number}").done
            if now == _NEXT:
                assert upgrading.roll_back().returncode == 0
            assert huiyan.stop().returncode == 0
            huiyan.wait_nothing_left(20)
        huiyan.start()
        finished = upgrading.run(wheel)
        assert finished.returncode == 0, finished.said
        assert upgrading.version() == _NEXT
        assert read_answer(huiyan.port, "at-the-end").done
    finally:
        huiyan.close()


def _kill_at(upgrading: Upgrading, known: set[str], step: Step, *, after_s: float) -> None:
    """SIGKILL to the launcher so long after the new upgrade has announced `step`, or a later one."""
    order = [Step.PLANNED, Step.STAGING, Step.SWITCHING, Step.PROVING, Step.COMMITTED]

    def announced() -> bool:
        new = [entry for update, entry in upgrading.journal().latest().items() if update not in known]
        return bool(new) and order.index(new[-1].step) >= order.index(step)

    wait_until(announced, f"the upgrade is at {step}", 200)
    time.sleep(after_s)
    launcher = upgrading.huiyan.launcher
    assert launcher is not None
    with contextlib.suppress(ProcessLookupError):
        os.kill(launcher.pid, signal.SIGKILL)
    launcher.wait(20)
