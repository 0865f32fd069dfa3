"""A restore that is killed at any call of the file system is the old state or the new one afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from huiyan.cli.app import app
from huiyan.state import placing
from huiyan.state.restore import back_up, settle
from tests.support import restore_kills
from tests.unit.state.test_backup import fill, names

#: Each fourth call; all of them with TEST_HUIYAN_RESTORE_KILLS (`just restore-kills`).
STEP = 1 if os.environ.get("TEST_HUIYAN_RESTORE_KILLS") else 4


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A backup, and a data directory with other keys, another secret and one file of the same name."""
    source, old = tmp_path / "source", tmp_path / "old"
    fill(source, name="new")
    for name in ("huiyan.toml", "models.lock", "components/prompt-adapter/a.json", "tools/pdf/grants.json"):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('lang = "zh"\n' if name == "huiyan.toml" else name)
    back_up(tmp_path / "backup", data_dir=source, state_dir=source / "state", url=None)
    fill(old, name="old")
    (old / "models.lock").write_text("mine")
    return tmp_path


def told(root: Path, *words: str) -> list[dict[str, Any]]:  # Any: JSON
    done = subprocess.run(
        [sys.executable, "-m", restore_kills.__name__, str(root), *words],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def old_and_new(root: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    here = restore_kills.fresh(root)
    old = restore_kills.look(here)
    restore_kills.restoring(root, here)
    new = restore_kills.look(here)
    assert old["keys"] == ["old"]
    assert new["keys"] == ["new"]
    assert new["files"]["models.lock"] == old["files"]["models.lock"], "nothing is overwritten"
    assert {"huiyan.toml", "restored/models.lock", "restored/tools/pdf/grants.json"} <= new["files"].keys()
    assert new["files"]["state/secret"] != old["files"]["state/secret"]
    return old, new


def test_a_killed_restore_is_the_old_or_the_new(root: Path) -> None:
    old, new = old_and_new(root)
    found = told(root, "1", str(STEP))
    assert len(found) > 60 // STEP
    seen = []
    for each in found:
        state = {name: each[name] for name in ("keys", "files")}
        assert state in (old, new), each
        assert not each["unfinished"], each
        assert each["told"] in (None, state == new), each
        seen.append(state == new)
    assert seen == sorted(seen), "old up to one point, new from there on"
    assert set(seen) == {False, True}
    assert not found[-1]["killed"]


def test_a_settling_that_is_killed_ends_in_the_new_as_well(root: Path) -> None:
    _, new = old_and_new(root)
    found = told(root, "0", "settle")
    assert len(found) > 10
    for each in found:
        assert {name: each[name] for name in ("keys", "files")} == new, each
        assert not each["unfinished"]
    assert found[0]["told"] is True


def half_restored(root: Path, *, committed: bool) -> Path:
    """Killed right after the commit, or right before."""
    here = restore_kills.fresh(root)

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def lay_ready_and_die(data_dir: Path, files: Mapping[str, bytes]) -> placing.Placing:
        plan = lay_ready(data_dir, files)
        die()
        return plan

    def work() -> None:
        if committed:
            placing.place = die  # type: ignore[assignment]
        else:
            placing.lay_ready = lay_ready_and_die
        restore_kills.restoring(root, here)

    lay_ready = placing.lay_ready
    assert restore_kills.in_fork(work)
    assert placing.unfinished(here)
    return here


def test_the_next_command_ends_it_and_says_so(root: Path) -> None:
    assert isinstance(app, typer.Typer)
    for committed, says, keys in ((True, "complete now", ["new"]), (False, "has changed nothing", ["old"])):
        here = half_restored(root, committed=committed)
        done = CliRunner().invoke(app, ["keys", "list", "--json", "--lang", "en", "--data-dir", str(here)])
        assert done.exit_code == 0, done.output
        assert says in done.stderr
        assert names(here) == keys
        assert (here / "huiyan.toml").exists() == committed
        assert not placing.unfinished(here)
        again = CliRunner().invoke(app, ["keys", "list", "--json", "--lang", "en", "--data-dir", str(here)])
        assert says not in again.stderr


def test_what_somebody_made_since_the_kill_is_not_overwritten(root: Path) -> None:
    here = half_restored(root, committed=True)
    (here / "huiyan.toml").write_text('lang = "en"\n')
    assert settle(data_dir=here, state_dir=here / "state", url=None) is True
    assert (here / "huiyan.toml").read_text() == 'lang = "en"\n'
    assert (here / "restored" / "huiyan.toml").read_text() == 'lang = "zh"\n'
