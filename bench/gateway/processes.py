"""Gateways as processes: pinned to one core, stopped while others are measured, weighed by /proc."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_START_LIMIT_S = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pin_command(core: int | None) -> list[str]:
    """Words before a command that keep it on one core; nothing where the system cannot."""
    return [] if core is None or shutil.which("taskset") is None else ["taskset", "-c", str(core)]


class StartError(RuntimeError):
    """A gateway did not come up; the message has the end of its output."""


@dataclass
class Launch:
    """How one gateway is started. healthy: a path that answers 200 when it serves."""

    name: str
    command: list[str]
    port: int
    key: str
    healthy: str = "/health"
    environment: dict[str, str] = field(default_factory=dict)


class Running:
    """A started gateway with all its processes."""

    def __init__(self, launch: Launch, folder: Path, core: int | None) -> None:
        self.name = launch.name
        self.port = launch.port
        self.key = launch.key
        self.log_path = folder / f"{launch.name}.log"
        began_s = time.perf_counter()
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [*pin_command(core), *launch.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **launch.environment},
                start_new_session=True,
            )
        while not _answers(launch.port, launch.healthy, launch.key):
            if self._process.poll() is not None or time.perf_counter() - began_s > _START_LIMIT_S:
                self.end()
                raise StartError(f"{self.name} did not start:\n{self.log_path.read_text()[-2000:]}")
            time.sleep(0.005)
        self.start_s = time.perf_counter() - began_s

    def pids(self) -> list[int]:
        with contextlib.suppress(psutil.NoSuchProcess):
            own = psutil.Process(self._process.pid)
            return [own.pid, *(child.pid for child in own.children(recursive=True))]
        return []

    def cpu_s(self) -> float:
        """Time on the processor of all threads so far, from the scheduler's own count in nanoseconds."""
        total_ns = 0
        for pid in self.pids():
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    total_ns += int((task / "schedstat").read_text().split()[0])
        return total_ns / 1e9

    def resident_mib(self) -> float:
        return sum(self._status("VmRSS")) / 1024

    def peak_mib(self) -> float:
        """Since `forget_peak`."""
        return sum(self._status("VmHWM")) / 1024

    def forget_peak(self) -> None:
        for pid in self.pids():
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def stop(self) -> None:
        """Not one instruction until `go`: an idle neighbour must not disturb."""
        self._signal(signal.SIGSTOP)

    def go(self) -> None:
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        if self._process.poll() is not None:
            return
        self.go()
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _status(self, field_name: str) -> list[int]:
        values = []
        for pid in self.pids():
            with contextlib.suppress(OSError):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                values += [int(line.split()[1]) for line in lines if line.startswith(field_name + ":")]
        return values


def _answers(port: int, path: str, key: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
