"""A Ray cluster of this machine alone: its head as a process of ours, which `down` ends, and nothing else.

    <data_dir>/cluster/token        who shows it may run code on the cluster (Ray's token authentication)
    <data_dir>/cluster/local.json   the head's process, address and directory
    <data_dir>/cluster/head.log     what `ray start` said

It listens on loopback. `ray stop` is not used: it would end every Ray of this user on the machine.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import psutil

from huiyan.cluster.options import ClusterOptions
from huiyan.errors import ClusterError
from huiyan.messages import refusal
from huiyan.store.manifest import write_atomic

#: Ray itself gives its first process 30 s; a machine that is busy needs another attempt.
_ATTEMPTS: Final = 3
_START_TIMEOUT_S: Final = 120.0
_STOP_TIMEOUT_S: Final = 20.0
_MIB: Final = 1024 * 1024


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """began_unix_s: of the process with this pid, which the system may give away again."""

    pid: int
    began_unix_s: float
    address: str
    directory: str

    def process(self) -> psutil.Process | None:
        """None when it is gone."""
        try:
            found = psutil.Process(self.pid)
            if abs(found.create_time() - self.began_unix_s) < 1.0 and found.status() != psutil.STATUS_ZOMBIE:
                return found
        except psutil.Error:
            pass
        return None


class LocalCluster:
    """Of one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.root = data_dir / "cluster"
        self._record = self.root / "local.json"

    def head(self) -> Head | None:
        """The one that runs."""
        try:
            found = msgspec.json.decode(self._record.read_bytes(), type=Head)
        except (OSError, msgspec.MsgspecError):
            return None
        return found if found.process() is not None else None

    def variables(self) -> dict[str, str]:
        """What Ray has to be told by its environment: the token's file, and to stay on loopback."""
        return {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.root / "token"),
            # Named after the systems where it is the default: no address but 127.0.0.1 is used.
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        }

    def start(
        self,
        python: Path,
        options: ClusterOptions,
        environment: Mapping[str, str],
        on_wait: Callable[[float], None],
    ) -> Head:
        """Start it unless it runs. Blocks. on_wait: told the seconds so far, once a second.

        environment: of Ray's processes. Raises: ClusterError.
        """
        there = self.head()
        if there is not None:
            return there
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root.chmod(0o700)
        write_atomic(self.root / "token", secrets.token_urlsafe(32).encode(), mode=0o600)
        began_s = time.monotonic()
        for attempt in range(_ATTEMPTS):
            head = self._attempt(python, options, environment, lambda: on_wait(time.monotonic() - began_s))
            if head is not None:
                write_atomic(self._record, msgspec.json.format(msgspec.json.encode(head)), mode=0o600)
                return head
            if time.monotonic() - began_s > _START_TIMEOUT_S * (attempt + 1):
                break
        raise refusal(ClusterError, "cluster.head", log=self.root / "head.log", last=self._last_line())

    def _attempt(
        self,
        python: Path,
        options: ClusterOptions,
        environment: Mapping[str, str],
        on_wait: Callable[[], None],
    ) -> Head | None:
        # Not below the data directory: sockets lie in it, and their paths have to be short.
        directory = Path(tempfile.mkdtemp(prefix="huiyan-ray-"))
        words = ["-m", "ray.scripts.scripts", "start", "--head", "--block", "--no-monitor"]
        words += ["--node-ip-address", "127.0.0.1", "--port", "0", "--include-dashboard=false"]
        words += ["--min-worker-port", "0", "--max-worker-port", "0", "--dashboard-agent-listen-port", "0"]
        words += ["--object-store-memory", str(options.object_store_mib * _MIB), "--disable-usage-stats"]
        words += ["--temp-dir", str(directory)]
        if options.local_cpus is not None:
            words += ["--num-cpus", str(options.local_cpus)]
        with (self.root / "head.log").open("wb") as output:
            process = subprocess.Popen(
                [str(python), "-P", *words],
                env={**environment, **self.variables()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        address_file = directory / "ray_current_cluster"
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        try:
            while time.monotonic() < deadline_s and process.poll() is None:
                if address_file.exists() and (address := address_file.read_text("ascii").strip()):
                    began = psutil.Process(process.pid).create_time()
                    return Head(
                        pid=process.pid, began_unix_s=began, address=address, directory=str(directory)
                    )
                time.sleep(1.0)
                on_wait()
        except BaseException:
            _end(process.pid)
            shutil.rmtree(directory, ignore_errors=True)
            raise
        _end(process.pid)
        process.wait(_STOP_TIMEOUT_S)
        shutil.rmtree(directory, ignore_errors=True)
        return None

    def stop(self) -> bool:
        """End the head and everything that it started. Whether it ran."""
        head = self.head()
        if head is not None:
            _end(head.pid)
            shutil.rmtree(head.directory, ignore_errors=True)
        self._record.unlink(missing_ok=True)
        return head is not None

    def _last_line(self) -> str:
        try:
            lines = (self.root / "head.log").read_text("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _end(pid: int) -> None:
    """SIGTERM to it, and SIGKILL to what is left of it and of its descendants."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        process.terminate()
    except psutil.Error:
        return
    _, alive = psutil.wait_procs(family, timeout=_STOP_TIMEOUT_S)
    for each in alive:
        with contextlib.suppress(psutil.Error):  # psutil looks whether it is still the same process
            each.kill()
    psutil.wait_procs(alive, timeout=5.0)
