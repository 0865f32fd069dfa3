"""huiyan as a component of a release feed: listed, taken, gone back from, like every other component."""

from __future__ import annotations

from pathlib import Path

import msgspec

from huiyan import __version__
from huiyan.errors import NotRunningError
from huiyan.launcher import control
from huiyan.launcher.state import DataDir, LauncherInfo
from huiyan.updates import feed_text
from huiyan.updates.feed import FEED_NAME, SCHEMA, Component, Feed, FeedFile
from huiyan.updates.journal import Step
from huiyan.updates.wheel import digest_of
from tests.support.installation import Huiyan
from tests.support.upgrading import UPGRADE_TIMEOUT_S, Upgrading
from tests.support.versions import empty_lock, make_wheel
from tests.support.wait import wait_until

NEW = "99.0.0"


def make_feed(directory: Path) -> Path:
    wheel = make_wheel(directory, NEW)
    files = tuple(
        FeedFile(path=path.name, url=path.name, size_bytes=path.stat().st_size, sha256=digest_of(path))
        for path in (wheel, empty_lock(directory))
    )
    release = Component(name="huiyan", kind="huiyan", version=NEW, files=files)
    (directory / FEED_NAME).write_bytes(feed_text.encode(Feed(schema=SCHEMA, component=(release,))))
    return directory


def _state(info: LauncherInfo) -> str | None:
    """Of the update; None while one version becomes the other."""
    try:
        status = msgspec.json.decode(control.ask(info, "update_status", timeout_s=60))
    except NotRunningError:
        return None
    return None if status is None else str(status["state"])


def test_from_a_feed_and_back(fresh: Huiyan, tmp_path: Path) -> None:
    feed = make_feed(tmp_path / "feed")
    fresh.start()
    upgrading = Upgrading(fresh)
    pid = fresh.pid_of("launcher")
    words = ["update", "--json", "--data-dir", str(fresh.data_dir)]
    checked = fresh.run(*words, "--check", "--feed", str(feed), timeout_s=UPGRADE_TIMEOUT_S)
    assert checked.returncode == 0, checked.said
    listed = next(each for each in checked.json()["components"] if each["name"] == "huiyan")
    assert (listed["version"], listed["available"]) == (__version__, NEW)
    taken = fresh.run(*words, "--full", "--feed", str(feed), "--yes", timeout_s=UPGRADE_TIMEOUT_S)
    assert taken.returncode == 0, taken.said
    assert (upgrading.version(), fresh.pid_of("launcher"), fresh.health()) == (NEW, pid, "ok")
    again = fresh.run(*words, "--check", timeout_s=UPGRADE_TIMEOUT_S)
    listed = next(each for each in again.json()["components"] if each["name"] == "huiyan")
    assert (listed["version"], listed["can_roll_back_to"]) == (NEW, __version__)
    # As the page does it.
    info = control.running(DataDir(fresh.data_dir))
    assert msgspec.json.decode(control.ask(info, "update_rollback", component="huiyan"))["state"] == "running"
    wait_until(lambda: _state(info) == "done", "it went back", UPGRADE_TIMEOUT_S)
    assert (upgrading.version(), fresh.pid_of("launcher"), fresh.health()) == (__version__, pid, "ok")
    assert [entry.step for entry in upgrading.journal().latest().values()] == [Step.COMMITTED] * 2
