"""Kills a restore at each of its calls of the file system, and tells what the next command makes of it.

`python -m tests.support.restore_kills DIRECTORY OFFSET STEP`: in DIRECTORY lie `old/` (a data directory) and
`backup`. Prints one JSON line for each kill: the point, what `settle` answered, and what is there then. The
fork of a process that has imported everything dies; nothing of it is cleaned up. OFFSET, STEP: which points.

With `settle` for STEP, the restore dies right after its commit and each following `settle` is killed instead.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huiyan.state import placing
from huiyan.state.database import Database
from huiyan.state.restore import restore, settle
from tests.support.mortal import die_at


def look(data_dir: Path) -> dict[str, Any]:  # Any: JSON
    """Keys and files; what SQLite keeps for itself, and the copy of what was before, are left out."""
    database = Database(data_dir / "state")
    try:
        keys = sorted(key.name for key in database.snapshot().keys)
    finally:
        database.close()
    files = {
        path.relative_to(data_dir).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in sorted(data_dir.rglob("*"))
        if path.is_file() and "huiyan.db" not in path.name and path.name != "before-restore.huiyan-backup"
    }
    return {"keys": keys, "files": {name: found for name, found in files.items() if not is_temporary(name)}}


def is_temporary(name: str) -> bool:
    """Bytes under a temporary name that a kill left beside their place: read by nobody."""
    last = name.rpartition("/")[2]
    return last.startswith(".") and last.endswith(".tmp")


def in_fork(work: Callable[[], object]) -> bool:
    """Whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def fresh(root: Path) -> Path:
    here = root / "here"
    shutil.rmtree(here, ignore_errors=True)
    shutil.copytree(root / "old", here)
    return here


def restoring(root: Path, here: Path) -> None:
    restore(root / "backup", data_dir=here, state_dir=here / "state", url=None, replace=True)


def settling(here: Path) -> bool | None:
    return settle(data_dir=here, state_dir=here / "state", url=None)


def killed_restores(root: Path, offset: int, step: int) -> None:
    point = offset
    while True:
        here = fresh(root)

        def work(point: int = point, here: Path = here) -> None:
            die_at(point)
            restoring(root, here)

        killed = in_fork(work)
        told = settling(here)
        tell(point=point, killed=killed, told=told, here=here)
        if not killed:
            return
        point += step


def killed_settles(root: Path) -> None:
    """The restore dies between its commit and its first file."""

    def half(here: Path) -> None:
        def die(*_: object) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        placing.place = die  # type: ignore[assignment]
        restoring(root, here)

    point = 1
    while True:
        here = fresh(root)
        assert in_fork(lambda here=here: half(here))  # type: ignore[misc]

        def work(point: int = point, here: Path = here) -> None:
            die_at(point)
            settling(here)

        killed = in_fork(work)
        tell(point=point, killed=killed, told=settling(here), here=here)
        if not killed:
            return
        point += 1


def tell(*, point: int, killed: bool, told: bool | None, here: Path) -> None:
    found = {
        "point": point,
        "killed": killed,
        "told": told,
        "unfinished": placing.unfinished(here),
        **look(here),
    }
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[3] == "settle":
        killed_settles(Path(sys.argv[1]))
    else:
        killed_restores(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
