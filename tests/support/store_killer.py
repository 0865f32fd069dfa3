"""A process that forks others, which work on a store and are killed at a chosen system call, or by a timer.

Run as a program: reads one JSON command a line, answers one JSON line each. It has no threads of its own, so
that forking is safe; what it forks is a process of its own and dies by SIGKILL, with nothing raised and
nothing cleaned up.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from huiyan.errors import ModelNotInStoreError
from huiyan.store import partial, prefix_hash
from huiyan.store.snapshots import Store
from tests.support.models import MODEL_ID, fetch, files_of, lock_of

How = Literal["before", "torn"]
#: Everything that changes a file system, or makes a change last.
CALLS = (
    "open",
    "write",
    "pwrite",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fchmod",
    "rename",
    "replace",
    "link",
    "symlink",
    "unlink",
    "remove",
    "mkdir",
    "rmdir",
)
BIG_BYTES = 400_000
_READS = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK


def operate(operation: str, root: Path) -> None:
    """One thing that people do with a store; again after a kill it goes on."""
    store = Store(root / "store")
    if operation == "pull":
        fetch(store, files_of(1, big_bytes=BIG_BYTES))
    elif operation == "update":
        fetch(store, files_of(2, big_bytes=BIG_BYTES))
    elif operation == "gc":
        store.gc()
    elif operation == "switch":
        store.switch(MODEL_ID, lock_of(files_of(3, big_bytes=BIG_BYTES)).digest())
    elif operation == "rollback":
        store.rollback(MODEL_ID)
    elif operation == "rm":
        with contextlib.suppress(ModelNotInStoreError):
            store.remove(MODEL_ID)
    elif operation == "verify":
        store.verify(deep=True)
    elif operation in ("export-tar", "export-directory"):
        target = root / ("models.tar" if operation == "export-tar" else "models")
        if not target.exists():
            store.export([MODEL_ID], target)
    elif operation == "import":
        store.import_archive(root / "models.tar")
    else:
        raise ValueError(operation)


class KillAt:
    """Counts the calls; at the n-th the process is gone, before it or with half of what it writes written."""

    def __init__(self, number: int, how: How) -> None:
        self._number = number
        self._how = how
        self._count = itertools.count(1)
        self.calls = 0

    def install(self) -> None:
        for name in CALLS:
            setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not args[1] & ~_READS:
                return call(*args, **kwargs)
            self.calls = next(self._count)
            if self.calls != self._number:
                return call(*args, **kwargs)
            if self._how == "torn" and name in ("write", "pwrite"):
                call(args[0], memoryview(args[1])[: len(args[1]) // 2], *args[2:])
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError("killed")

        return counted


def _run_forked(command: dict[str, Any]) -> dict[str, Any]:
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_fd)
        _child(command, write_fd)
    os.close(write_fd)
    if command.get("after_s") is not None:
        time.sleep(command["after_s"])
        os.kill(pid, signal.SIGKILL)
    with os.fdopen(read_fd, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    answer: dict[str, Any] = {"killed": os.WIFSIGNALED(status), "code": os.waitstatus_to_exitcode(status)}
    return {**answer, **json.loads(said or b"{}")}


def _child(command: dict[str, Any], write_fd: int) -> None:
    """Never returns."""
    # Small files go the way of large ones: several pieces, threads, journal lines in between.
    partial._NOTE_BYTES = 100_000  # type: ignore[misc]
    prefix_hash._SMALL_BYTES = 50_000  # type: ignore[misc]
    killer = KillAt(command.get("number", 0), command.get("how", "before"))
    code = 1
    write = os.write
    try:
        killer.install()
        started_s = time.monotonic()
        operate(command["operation"], Path(command["root"]))
        said = {"calls": killer.calls, "took_s": time.monotonic() - started_s}
        write(write_fd, json.dumps(said).encode())
        code = 0
    except BaseException as error:  # noqa: BLE001 - told to the parent, which fails the test
        write(write_fd, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
    finally:
        os._exit(code)


class Killer:
    """The program below, as a context manager."""

    def __enter__(self) -> Killer:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.store_killer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent.parent,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)

    def run(self, operation: str, root: Path, **more: Any) -> dict[str, Any]:
        """number, how: the call to be killed at. after_s: the moment to be killed at."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        command = {"operation": operation, "root": str(root), **more}
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(_run_forked(json.loads(line))), flush=True)  # noqa: T201
