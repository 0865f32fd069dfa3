"""What a running launcher writes down for other commands, and where everything lies in the data directory."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from huiyan.engines.status import EngineStatus, ModelCard
from huiyan.store.manifest import write_atomic


@dataclass(frozen=True)
class DataDir:
    """Paths below the data directory."""

    root: Path

    @property
    def lock(self) -> Path:
        return self.root / "launcher.lock"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def info(self) -> Path:
        return self.run / "launcher.json"

    @property
    def log(self) -> Path:
        return self.root / "logs" / "huiyan.jsonl"

    @property
    def verified_files(self) -> Path:
        return self.root / "state" / "verified-files.json"


class LauncherInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`launcher.json`. Stale unless the lock is held: a killed launcher cannot remove it."""

    pid: int
    url: str
    web_port: int
    engine_port: int
    socket: str
    version: str
    started_unix_s: float


class PartStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A child process as `status` shows it."""

    state: str
    pid: int | None
    restarts: int
    code: str = ""
    detail: str = ""


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `{"op": "status"}`.

    address, web_port: where this machine itself reaches the gateway, whatever `url` calls it.
    certificate: PEM file that it serves, with its SHA-256 fingerprint; None without TLS.
    engine_slots: answers that the engine writes at once; None: it decides itself. planned_bytes: what it was
    laid out to hold, where that is known. tools: their host.
    """

    pid: int
    url: str
    address: str
    web_port: int
    certificate: str | None = None
    fingerprint: str | None = None
    version: str
    started_unix_s: float
    ready: bool
    data_dir: str
    log_path: str
    model: ModelCard
    engine: EngineStatus
    engine_pid: int | None
    engine_port: int
    engine_slots: int | None = None
    planned_bytes: int | None = None
    gateway: PartStatus
    tools: PartStatus = PartStatus(state="stopped", pid=None, restarts=0)


def write_info(data_dir: DataDir, info: LauncherInfo) -> None:
    """Raises: DiskFullError, StoreError."""
    write_atomic(data_dir.info, msgspec.json.encode(info), mode=0o600)


def read_info(data_dir: DataDir) -> LauncherInfo | None:
    """What the last launcher wrote, if it can be read."""
    try:
        return msgspec.json.decode(data_dir.info.read_bytes(), type=LauncherInfo)
    except (OSError, msgspec.MsgspecError):
        return None


def remove_info(data_dir: DataDir) -> None:
    with contextlib.suppress(OSError):
        data_dir.info.unlink()
