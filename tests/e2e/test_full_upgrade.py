"""`huiyan update --full`: another version takes over a running huiyan, and nobody's answer fails.

The new version is this one under another number, in an environment of its own made by uv
(tests.support.versions says which shortcut the tests take there).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from huiyan import __version__
from huiyan.updates.journal import Step
from tests.support.installation import Huiyan
from tests.support.keyed_answer import Reading, read_answer
from tests.support.refusals import REFUSED, error_of
from tests.support.slow_motion import slow_motion
from tests.support.upgrading import UPGRADE_TIMEOUT_S, Upgrading
from tests.support.versions import make_wheel
from tests.support.wait import wait_until

NEW = "99.0.0"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wheel(tmp_path_factory.mktemp("wheel"), NEW)


class Streams:
    """Requests that somebody reads while other things happen."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.readings: list[Reading] = []
        self._threads: list[threading.Thread] = []

    def send(self, key: str) -> None:
        def read() -> None:
            self.readings.append(read_answer(self._port, key, timeout_s=UPGRADE_TIMEOUT_S))

        thread = threading.Thread(target=read, name=key)
        thread.start()
        self._threads.append(thread)

    def wait(self) -> list[Reading]:
        for thread in self._threads:
            thread.join(UPGRADE_TIMEOUT_S)
        assert not any(thread.is_alive() for thread in self._threads)
        return self.readings


@pytest.fixture
def streams(fresh: Huiyan) -> Iterator[Streams]:
    made = Streams(fresh.port)
    yield made
    made.wait()


def busy(huiyan: Huiyan) -> int:
    """Requests that the gateway behind the port works on or lets wait."""
    lines = huiyan.get("/metrics").splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return int(float(values["huiyan_active_requests"]))


def test_takes_over_and_goes_back_without_a_failed_request(
    fresh: Huiyan, streams: Streams, wheel: Path
) -> None:
    """Forward with both engines side by side, back with one after the other."""
    fresh.data_dir.mkdir(parents=True)
    # The version that runs decides; the new one reads this when it takes over.
    fresh.start()
    (fresh.data_dir / "huiyan.toml").write_text('[launcher]\nupgrade_engines = "in_turn"\n', "utf-8")
    upgrading = Upgrading(fresh)
    pid, engine = fresh.pid_of("launcher"), fresh.pid_of("engine")
    gateway = fresh.pid_of("gateway")
    with slow_motion(engine, rest_s=0.03):
        for number in range(4):  # one is written, three wait
            streams.send(f"before-{number}")
        wait_until(lambda: busy(fresh) >= 4, "the requests are there", 30)
        running = upgrading.begin(wheel)
        wait_until(lambda: upgrading.version() == NEW and fresh.report()["ready"], "it took over", 200)
        assert psutil.pid_exists(engine), "it writes what was begun on it"
        streams.send("after")
    said, _ = running.communicate(timeout=UPGRADE_TIMEOUT_S)
    assert running.returncode == 0, said
    assert json.loads(said.splitlines()[-1])["version"] == NEW
    assert (fresh.pid_of("launcher"), fresh.health()) == (pid, "ok")
    assert fresh.pid_of("gateway") != gateway
    assert fresh.pid_of("engine") != engine
    first = streams.wait()
    assert [(each.status, each.done, each.error) for each in first] == [(200, True, None)] * 5
    wait_until(lambda: not psutil.pid_exists(gateway) and not psutil.pid_exists(engine), "they ended", 30)
    pointer = upgrading.selected()
    assert pointer is not None
    assert (pointer["version"], pointer["origin_version"]) == (NEW, __version__)
    # Any command of the first installation is one of the new version by now.
    here = {**fresh.environment, "HUIYAN_DATA_DIR": str(fresh.data_dir)}
    assert fresh.run("--version", environment=here).stdout.strip() == f"huiyan {NEW}"
    kept = fresh.run("--version", environment={**here, "HUIYAN_IGNORE_SELECTED": "1"})
    assert kept.stdout.strip() == f"huiyan {__version__}"

    with slow_motion(fresh.pid_of("engine")):
        for number in range(3):
            streams.send(f"back-{number}")
        wait_until(lambda: busy(fresh) > 0, "the requests are there", 30)
        back = upgrading.roll_back()
    assert back.returncode == 0, back.said
    end = back.json_lines()[-1]
    assert end["pause_s"] > 0, "new requests waited for the engine"
    assert (upgrading.version(), fresh.pid_of("launcher"), fresh.health()) == (__version__, pid, "ok")
    last = streams.wait()[5:]
    assert [(each.status, each.done, each.error) for each in last] == [(200, True, None)] * 3
    assert upgrading.selected() is None
    assert [entry.step for entry in upgrading.journal().latest().values()] == [Step.COMMITTED] * 2
    assert fresh.stop().returncode == 0
    fresh.wait_nothing_left()


def test_version_that_does_not_start_changes_nothing(fresh: Huiyan, tmp_path: Path) -> None:
    """The rehearsal finds it, before anything that runs is touched."""
    broken = make_wheel(
        tmp_path / "wheel",
        NEW,
        edits={"gateway/service.py": ("self.loop = asyncio.get_running_loop()", "raise OSError('broken')")},
    )
    fresh.start()
    upgrading = Upgrading(fresh)
    pids = [fresh.pid_of(part) for part in ("launcher", "gateway", "engine")]
    finished = upgrading.run(broken)
    assert finished.returncode == 1, finished.said
    assert "rehearsal" in finished.json_lines()[-1]["error"]["message"]
    assert [fresh.pid_of(part) for part in ("launcher", "gateway", "engine")] == pids
    assert (upgrading.version(), fresh.health(), upgrading.selected()) == (__version__, "ok", None)
    last = upgrading.last()
    assert last is not None
    assert last.step is Step.ABANDONED


def test_version_that_fails_when_it_takes_over_gives_back(
    fresh: Huiyan, streams: Streams, tmp_path: Path
) -> None:
    """It gets through the rehearsal, and fails when it has begun to serve: by then the old gateway drains."""
    broken = make_wheel(
        tmp_path / "wheel",
        NEW,
        edits={
            "launcher/upgrade/upgrader.py": (
                "        await check_health()\n        self._commit(",
                "        raise RuntimeError('the new version is broken')\n        self._commit(",
            )
        },
    )
    fresh.start()
    upgrading = Upgrading(fresh)
    pid = fresh.pid_of("launcher")
    with slow_motion(fresh.pid_of("engine")):
        for number in range(3):
            streams.send(f"through-{number}")
        wait_until(lambda: busy(fresh) > 0, "the requests are there", 30)
        finished = upgrading.run(broken)
    assert finished.returncode == 1, finished.said
    assert "the new version is broken" in error_of(finished)["message"], finished.said
    assert (upgrading.version(), fresh.pid_of("launcher")) == (__version__, pid)
    fresh.wait_ready()
    assert [(each.status, each.done, each.error) for each in streams.wait()] == [(200, True, None)] * 3
    last = upgrading.last()
    assert last is not None
    assert (last.step, upgrading.selected()) == (Step.ROLLED_BACK, None)
    assert fresh.stop().returncode == 0
    fresh.wait_nothing_left()


def test_upgrade_while_nothing_runs_and_the_end_of_it_all(fresh: Huiyan, wheel: Path) -> None:
    """It counts from the next start; `uninstall`, run by the version that it removes, leaves nothing."""
    fresh.home.mkdir(exist_ok=True)
    upgrading = Upgrading(fresh)
    finished = upgrading.run(wheel)
    assert finished.returncode == 0, finished.said
    fresh.start()
    assert upgrading.version() == NEW
    words = ["uninstall", "--json", "--data-dir", str(fresh.data_dir)]
    refused = fresh.run(*words, "--everything")
    assert refused.returncode == REFUSED, refused.said
    assert fresh.health() == "ok"
    removed = fresh.run(*words, "--everything", "--yes")
    assert removed.returncode == 0, removed.said
    assert "versions" in {Path(each["path"]).name for each in removed.json()["pieces"] if each["removed"]}
    assert not fresh.data_dir.exists()
    fresh.wait_nothing_left(20)
    again = fresh.run(*words, "--everything", "--yes")
    assert again.returncode == 0, again.said
