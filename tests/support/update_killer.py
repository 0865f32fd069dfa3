"""A process that forks others, which update a component on real files and are killed at a chosen call.

Run as a program: reads one JSON command a line (`{"kind", "root", "point"}`), answers one JSON line each. It
has no threads of its own, so that forking is safe. What it forks dies by SIGKILL at that call of the file
system (`tests.support.mortal`); 0: never, and how many calls there were is told.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from huiyan.launcher.updates import service
from huiyan.launcher.updates.places import open_place
from huiyan.launcher.updates.registry import Registry
from huiyan.launcher.updates.service import UpdateService
from huiyan.settings.load import load
from huiyan.settings.model import Settings
from tests.support.mortal import die_at

MODEL = "Test/Tiny-VL"
Kind = Literal["projector", "tensors", "adapter", "tool", "rollback"]
COMPONENTS: dict[str, str] = {
    "projector": "vision-encoder",
    "tensors": "vision-encoder",
    "adapter": "prompt-adapter",
    "tool": "tool-trial",
    "rollback": "prompt-adapter",
}


def settings_of(root: Path, kind: str) -> Settings:
    engine = {"projector": {"model": MODEL}, "tensors": {"model": MODEL, "engine": "vllm"}}.get(kind, {})
    return load({"data_dir": root / "data", "engine": engine})


def operate(kind: str, root: Path) -> None:
    """What the command does where no launcher runs; what was interrupted before is ended first."""
    settings = settings_of(root, kind)
    service.recover(Registry(settings))

    async def work() -> None:
        made = UpdateService(Registry(settings), feed=str(root / "feed"), open_place=open_place(settings))
        if kind == "rollback":
            await made.roll_back(COMPONENTS[kind])
        else:
            await made.start(COMPONENTS[kind])
        status = await made.wait()
        assert status is not None
        assert status.state == "done", status

    asyncio.run(work())


def _run_forked(command: dict[str, Any]) -> dict[str, Any]:
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_fd)
        _child(command, write_fd)
    os.close(write_fd)
    with os.fdopen(read_fd, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    return {"code": os.waitstatus_to_exitcode(status), **json.loads(said or b"{}")}


def _child(command: dict[str, Any], write_fd: int) -> None:
    """Never returns."""
    write = os.write
    code = 1
    try:
        seen = die_at(command["point"])
        operate(command["kind"], Path(command["root"]))
        write(write_fd, json.dumps({"points": seen()}).encode())
        code = 0
    except BaseException as error:  # noqa: BLE001 - told to the parent, which fails the test
        write(write_fd, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
    os._exit(code)


def main() -> None:
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_run_forked(json.loads(line))) + "\n")
        sys.stdout.flush()


class Killer:
    """A context manager around the process."""

    def __enter__(self) -> Killer:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HUIYAN_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.update_killer"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        return self

    def run(self, kind: str, root: Path, point: int) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"kind": kind, "root": str(root), "point": point}) + "\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=60)


if __name__ == "__main__":
    main()
