"""What is deployed on a Ray cluster, asked for through `ray_app.py` in Ray's own environment."""

from __future__ import annotations

import hashlib
import json
import secrets
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final, Literal

import msgspec

from huiyan.cluster.options import ClusterOptions
from huiyan.errors import ClusterError
from huiyan.messages import refusal
from huiyan.store.manifest import write_atomic

_APP: Final = Path(__file__).with_name("ray_app.py")
_ASK_TIMEOUT_S: Final = 60.0

Act = Literal["up", "status", "down"]


class Engines(msgspec.Struct, frozen=True, kw_only=True):
    """running, wanted: replicas, as Serve counts them. listed: those that a gateway is told of."""

    running: int = 0
    wanted: int = 0
    states: dict[str, int] = {}
    listed: list[dict[str, str]] = []


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """state: Serve's own word, ABSENT where nothing is deployed. nodes: address, alive, cpus."""

    state: str
    message: str = ""
    engines: Engines = Engines()
    nodes: list[dict[str, Any]] = []


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Of each engine: `child` is what `launcher.replica_child` is told, environment is its process's.

    python: huiyan's interpreter on every node.
    """

    child: dict[str, Any]
    python: str
    environment: dict[str, str] = {}


class Deployment:
    """python: Ray's interpreter. environment: of its process. address: of the cluster's head."""

    def __init__(
        self, python: Path, environment: Mapping[str, str], address: str, options: ClusterOptions
    ) -> None:
        self._python = python
        self._environment = dict(environment)
        self._address = address
        self._options = options

    def up(self, wanted: Wanted, secret: str, on_progress: Callable[[int, int], None]) -> Found:
        """Deploy, or change what is deployed; returns when as many engines run as are wanted at least.

        secret: what a gateway shows for the list. on_progress: engines that run, and that are wanted.
        Raises: ClusterError.
        """
        options = self._options
        built = msgspec.to_builtins(wanted)
        # Another digest: the replicas are replaced, one after another.
        digest = hashlib.sha256(json.dumps(built, sort_keys=True).encode())
        digest.update(_APP.read_bytes())
        request = {
            "version": digest.hexdigest()[:16],
            "boot": built,
            "secret_sha256": hashlib.sha256(secret.encode()).hexdigest(),
            "min_replicas": options.min_replicas,
            "max_replicas": options.most_replicas,
            "target_load": options.target_load,
            "upscale_delay_s": options.upscale_delay_s,
            "downscale_delay_s": options.downscale_delay_s,
            "cpus_per_replica": options.cpus_per_replica,
            "http_host": options.http_host,
            "http_port": options.http_port,
            "start_timeout_s": options.start_timeout_s,
            "timeout_s": options.start_timeout_s + 60.0,
        }
        return self._ask("up", request, options.start_timeout_s + 120.0, on_progress)

    def status(self) -> Found:
        """Raises: ClusterError."""
        return self._ask("status", {}, _ASK_TIMEOUT_S)

    def down(self) -> Found:
        """Take everything of this name away. Answers under way may end. Raises: ClusterError."""
        return self._ask("down", {}, 300.0)

    def _ask(
        self,
        act: Act,
        more: Mapping[str, Any],
        timeout_s: float,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Found:
        request = {"act": act, "name": self._options.name, "address": self._address, **more}
        process = subprocess.Popen(
            [str(self._python), "-P", str(_APP)],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        said: list[str] = []
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        drain = threading.Thread(target=_drain, args=(process.stderr, said), daemon=True)
        drain.start()
        timer = threading.Timer(timeout_s, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                message = json.loads(line)
                if message["type"] == "done":
                    return msgspec.convert(message, type=Found)
                if message["type"] == "failed":
                    raise refusal(ClusterError, "cluster.failed", reason=message["message"][-1500:])
                if on_progress is not None:
                    on_progress(message["running"], message["wanted"])
        except (BrokenPipeError, ValueError, KeyError, msgspec.ValidationError):
            pass  # it died, or said what it never says: told below with its last words
        finally:
            timer.cancel()
            process.kill()
            process.wait()
            drain.join(2.0)
            process.stdin.close()
            process.stdout.close()
            process.stderr.close()
        last = next((line.strip() for line in reversed(said) if line.strip()), "")
        raise refusal(ClusterError, "cluster.failed", reason=last[:500] or f"code {process.returncode}")


def _drain(pipe: IO[str], said: list[str]) -> None:
    try:
        for line in pipe:
            said.append(line)
            del said[:-40]
    except ValueError:
        return  # closed


def remember(directory: Path, name: str, wanted: Wanted) -> None:
    """So that its number can be changed without saying all of it again. Raises: StoreError, DiskFullError."""
    write_atomic(directory / f"{name}.json", msgspec.json.format(msgspec.json.encode(wanted)), mode=0o600)


def recall(directory: Path, name: str) -> Wanted | None:
    try:
        return msgspec.json.decode((directory / f"{name}.json").read_bytes(), type=Wanted)
    except (OSError, msgspec.MsgspecError):
        return None


def secret_of(directory: Path) -> tuple[Path, str]:
    """The file with the secret for the list of engines, made where there is none, and the secret.

    directory: of the cluster's files. Raises: StoreError, DiskFullError.
    """
    path = directory / "secret"
    try:
        found = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        found = ""
    if not found:
        found = secrets.token_urlsafe(32)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(path, f"{found}\n".encode(), mode=0o600)
    return path, found
