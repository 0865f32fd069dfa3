"""One launcher to a data directory; a dead one's lock is gone with it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from huiyan.errors import AlreadyRunningError
from huiyan.launcher.lock import DataDirLock, is_held
from huiyan.launcher.state import DataDir, LauncherInfo, read_info, remove_info, write_info

INFO = LauncherInfo(
    pid=4711,
    url="http://127.0.0.1:8000",
    web_port=8000,
    engine_port=3001,
    socket="/x/launcher.sock",
    version="1",
    started_unix_s=1.0,
)

HOLD = """
import sys, time
from pathlib import Path
from huiyan.launcher.lock import DataDirLock
from huiyan.launcher.state import DataDir
lock = DataDirLock(DataDir(Path(sys.argv[1])))
print("held", flush=True)
time.sleep(600)
"""


def test_the_second_is_told_who_the_first_is(data_dir: DataDir) -> None:
    assert not is_held(data_dir)
    with DataDirLock(data_dir):
        assert is_held(data_dir)
        with pytest.raises(AlreadyRunningError, match="already running"):
            DataDirLock(data_dir)
        write_info(data_dir, INFO)
        with pytest.raises(AlreadyRunningError, match=r"4711.*8000") as caught:
            DataDirLock(data_dir)
        assert "huiyan stop" in caught.value.hint
    assert not is_held(data_dir)
    DataDirLock(data_dir).release()


def test_the_lock_of_a_killed_launcher_is_free(data_dir: DataDir) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data_dir.root)],
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert is_held(data_dir)
        process.kill()
        process.wait()
    assert not is_held(data_dir)
    DataDirLock(data_dir).release()


def test_looking_does_not_take_it(data_dir: DataDir) -> None:
    for _ in range(2):
        assert not is_held(data_dir)
    with DataDirLock(data_dir):
        assert is_held(data_dir)


def test_info_is_private_and_survives_nothing_it_should_not(data_dir: DataDir) -> None:
    assert read_info(data_dir) is None
    write_info(data_dir, INFO)
    assert read_info(data_dir) == INFO
    assert data_dir.info.stat().st_mode & 0o777 == 0o600
    data_dir.info.write_text("{")
    assert read_info(data_dir) is None
    remove_info(data_dir)
    remove_info(data_dir)
    assert not data_dir.info.exists()
