"""The installed `huiyan` command, run as a person runs it: a real process, an empty home, free ports."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.support.ports import free_port
from tests.support.wait import wait_until

#: From `start` to `ready` on a machine that does other things as well; a start takes about two seconds.
START_TIMEOUT_S = 60.0
#: DESIGN.md: every child ends by itself within 5 s when the launcher is gone. The rest is for the machine.
ORPHAN_TIMEOUT_S = 5.0


def huiyan_command() -> Path:
    """Beside the Python that runs the tests. Fails when the package is not installed there."""
    command = Path(sys.executable).with_name("huiyan")
    assert command.is_file(), f"{command} is missing: install the package into this environment"
    return command


@dataclass
class Finished:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        return json.loads(self.stdout)

    def json_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.splitlines() if line.strip()]

    @property
    def said(self) -> str:
        """Everything it printed, for messages of failing tests."""
        return f"exit {self.returncode}\n{self.stdout}\n{self.stderr}"


@dataclass
class Huiyan:
    """One user with one data directory. `start` leaves a launcher running, `close` ends whatever is left."""

    home: Path
    port: int = field(default_factory=free_port)
    engine_port: int = field(default_factory=free_port)
    names_ports: bool = True
    extra_environment: dict[str, str] = field(default_factory=dict)
    launcher: subprocess.Popen[bytes] | None = None

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the person who runs the tests gets in."""
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "PYTHONPATH") if name in os.environ}
        return {**kept, "HOME": str(self.home), "LANG": "C.UTF-8", **self.extra_environment}

    # commands
    def run(
        self,
        *arguments: str,
        timeout_s: float = START_TIMEOUT_S,
        environment: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run `huiyan ARGUMENTS` to its end."""
        finished = subprocess.run(
            [str(huiyan_command()), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=dict(environment or self.environment),
            cwd=self.home,
            check=False,
        )
        return Finished(finished.returncode, finished.stdout, finished.stderr)

    def start_arguments(self, *more: str) -> list[str]:
        ports = ["--port", str(self.port), "--engine-port", str(self.engine_port)] if self.names_ports else []
        return ["start", "--no-browser", "--json", *ports, "--data-dir", str(self.data_dir), *more]

    def start(self, *more: str, wait: bool = True) -> None:
        """Start a launcher in a process of its own. wait: until /health says that all is well."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "start-output.txt").open("w", encoding="utf-8") as output:
            self.launcher = subprocess.Popen(
                [str(huiyan_command()), *self.start_arguments(*more)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.home,
                start_new_session=True,
            )
        if wait:
            wait_until(self._is_ready_or_over, "huiyan is ready", START_TIMEOUT_S)

    def _is_ready_or_over(self) -> bool:
        assert self.launcher is not None
        assert self.launcher.poll() is None, f"start ended: {self.output}"
        return self.health() == "ok"

    @property
    def output(self) -> str:
        """What `start` has printed so far."""
        return (self.home / "start-output.txt").read_text(encoding="utf-8")

    def events(self) -> list[dict[str, Any]]:
        """The JSON lines that `start` has printed so far."""
        whole, _, _ = self.output.rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def has_said(self, event: str) -> bool:
        """Whether `start` has reported this event."""
        return any(line["event"] == event for line in self.events())

    def stop(self) -> Finished:
        finished = self.run("stop", "--json", "--data-dir", str(self.data_dir))
        if self.launcher is not None:
            self.launcher.wait(30)
        return finished

    def close(self) -> None:
        """End everything that is left, at once; for the end of a test."""
        if self.launcher is not None and self.launcher.poll() is None:
            self.launcher.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.launcher.wait(20)
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        if self.launcher is not None:
            self.launcher.wait(10)

    # looking at it
    def health(self) -> str | None:
        """`status` of /health, None while nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as response:
                return str(json.load(response)["status"])
        except urllib.error.HTTPError as error:
            return str(json.load(error)["status"])
        except OSError:
            return None

    def get(self, path: str) -> str:
        """Body of an ordinary answer."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as response:
            return str(response.read().decode())

    def info(self) -> dict[str, Any]:
        """`launcher.json`."""
        text = (self.data_dir / "run" / "launcher.json").read_text(encoding="utf-8")
        decoded: dict[str, Any] = json.loads(text)
        return decoded

    def report(self) -> dict[str, Any]:
        """The answer of the control socket to `status` (docs/concepts/processes.md).

        A launcher that becomes another program in this moment lets go of who has asked: they ask again.
        """
        for _ in range(50):
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                return self._asked()
            time.sleep(0.1)
        return self._asked()

    def _asked(self) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            control.connect(self.info()["socket"])
            control.sendall(b'{"op": "status"}\n')
            with control.makefile("rb") as lines:
                decoded: dict[str, Any] = json.loads(lines.readline())
        return decoded

    def pid_of(self, part: str) -> int:
        """part: "launcher", "engine" or "gateway"; waits for one that is just being restarted."""
        if part == "launcher":
            return int(self.info()["pid"])
        found: list[int] = []

        def is_there() -> bool:
            report = self.report()
            pid = report["engine_pid"] if part == "engine" else report["gateway"]["pid"]
            if pid is not None and psutil.pid_exists(pid):
                found.append(int(pid))
            return bool(found)

        wait_until(is_there, f"a {part} process", 30)
        return found[0]

    def kill(self, part: str) -> int:
        """SIGKILL; returns the pid that it had."""
        pid = self.pid_of(part)
        os.kill(pid, signal.SIGKILL)
        if part == "launcher":
            assert self.launcher is not None
            self.launcher.wait(10)
        return pid

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        wait_until(lambda: self.health() == "ok", "/health says ok", timeout_s)

    def processes(self) -> list[psutil.Process]:
        """Every living process with this home: launcher, children, and whatever they left behind."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                is_ours = process.environ().get("HOME") == str(self.home)
                if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def wait_nothing_left(self, timeout_s: float = ORPHAN_TIMEOUT_S) -> float:
        """Wait until no process of this home lives; returns the seconds it took."""
        started_s = time.monotonic()

        def described() -> Sequence[str]:
            lines = []
            for process in self.processes():
                with contextlib.suppress(psutil.Error):
                    lines.append(f"{process.pid} {' '.join(process.cmdline())}")
            return lines

        try:
            wait_until(lambda: not self.processes(), "no process is left", timeout_s)
        except AssertionError:
            raise AssertionError(f"left after {timeout_s} s: {described()}") from None
        return time.monotonic() - started_s
