"""SIGKILL at every file system call of an update: the old state or the new one, and a rerun finishes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from huiyan.updates.component_dirs import ComponentDirs, state_digest
from huiyan.updates.journal import Journal
from tests.support.update_child import FilesTarget, component, content

_ROOT = Path(__file__).parent.parent.parent
OLD = state_digest(component(1).files)
NEW = state_digest(component(2).files)


def _run(directory: Path, point: int) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "tests.support.update_child", str(directory), str(point)]
    return subprocess.run(words, cwd=_ROOT, capture_output=True, text=True, timeout=120, check=False)


def _prepare(directory: Path) -> None:
    FilesTarget(directory).update(1)
    assert FilesTarget(directory).active() == OLD


def _check_whole(directory: Path, allowed: set[str]) -> str:
    """Whatever is active is complete, byte for byte; so is every state that is listed."""
    dirs = ComponentDirs(directory / "components", "prompt-adapter")
    active = dirs.active()
    assert active in allowed
    for state in {active, *dirs.states()}:
        version = {OLD: 1, NEW: 2}[state]
        for path, data in content(version).items():
            assert (dirs.directory(state) / path).read_bytes() == data
    return active


def _points(directory: Path) -> int:
    """How many there are in one undisturbed run."""
    _prepare(directory)
    done = _run(directory, 0)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_killed_at_every_point(tmp_path: Path) -> None:
    points = _points(tmp_path / "count")
    assert points > 40
    seen: set[str] = set()
    for point in range(1, points + 1):
        directory = tmp_path / str(point)
        _prepare(directory)
        killed = _run(directory, point)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        _check_whole(directory, {OLD, NEW})
        # The next start: what was interrupted is undone or was finished, never half.
        target = FilesTarget(directory)
        target.recover()
        seen.add(_check_whole(directory, {OLD, NEW}))
        last = list(Journal(directory / "updates" / "journal.jsonl").latest().values())[-1]
        assert last.ended
        # And running it again finishes.
        again = _run(directory, 0)
        assert again.returncode == 0, again.stderr
        assert _check_whole(directory, {NEW}) == NEW
        leftovers = [
            path.name for path in (directory / "components").rglob(".*") if path.name != ".release.json"
        ]
        assert [name for name in leftovers if name.startswith((".new-", ".old-"))] == []
    assert seen == {OLD, NEW}, "kills before and after the decisive rename were both met"


@pytest.mark.parametrize("kills", [2, 3])
def test_killed_again_and_again(tmp_path: Path, kills: int) -> None:
    """Also the recovery of a killed recovery recovers."""
    _prepare(tmp_path)
    for point in range(30, 30 + kills):
        assert _run(tmp_path, point).returncode == -signal.SIGKILL
        _check_whole(tmp_path, {OLD, NEW})
    assert _run(tmp_path, 0).returncode == 0
    assert _check_whole(tmp_path, {NEW}) == NEW
