"""The launcher's control socket: `huiyan stop`, `status` and others speak to it, mode 0600.

One JSON line asks (`{"op": "status"}`), JSON lines answer: a stream for `events`, one for all others. What is
refused is answered with `{"error": {"code", "message", "hint"}}`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from huiyan.errors import HuiyanError, NotRunningError
from huiyan.gateway.schema_models import ModelsReport
from huiyan.launcher.lock import is_held
from huiyan.launcher.state import DataDir, LauncherInfo, StatusReport, read_info
from huiyan.launcher.upgrade.status import UpgradeStatus
from huiyan.messages import of_error, refusal
from huiyan.store.fetching import FetchStatus
from huiyan.updates.status import UpdatePlan, UpdatesReport, UpdateStatus
from huiyan.updates.version_install import VersionFiles

#: sun_path holds 104 bytes on macOS and 108 on Linux, with its closing zero.
MAX_PATH_BYTES: Final = 100
_MAX_LINE_BYTES: Final = 64 * 1024
_REQUEST_TIMEOUT_S: Final = 10.0
_UPDATE_OPS: Final = frozenset(
    {"updates", "update_plan", "update_status", "update", "update_cancel", "update_rollback"}
)


class Controlled(Protocol):
    """What the socket can be asked for."""

    def status(self) -> StatusReport: ...

    def request_stop(self) -> None: ...

    def own_key(self) -> str:
        """Opens the gateway for the commands of this user; a secret."""

    async def switch_model(self, model_path: Path) -> None:
        """Serve another model. Raises: HuiyanError."""

    def subscribe(self, on_event: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Begin to tell events; the returned function ends it."""

    async def models(self) -> ModelsReport:
        """Raises: StoreError."""

    def pull(self, model_id: str | None) -> FetchStatus:
        """Fetch a model; None: what is wanted. Raises: HuiyanError."""

    def cancel_pull(self) -> None: ...

    async def updates(self, feed: str | None, *, look: bool) -> UpdatesReport:
        """feed: path or URL to look at in place of the configured one; look: False looks at none.

        Raises: HuiyanError.
        """

    async def update_plan(self, component: str, *, feed: str | None, version: str | None) -> UpdatePlan:
        """What it would mean. Raises: HuiyanError."""

    def update_status(self) -> UpdateStatus | None:
        """Of the update that runs, or ran last."""

    async def update(self, component: str, *, feed: str | None, version: str | None) -> UpdateStatus:
        """Begin to replace a component. Raises: UpdateError and its kinds."""

    def cancel_update(self) -> None: ...

    async def roll_back(self, component: str) -> UpdateStatus:
        """Begin to go back. Raises: UpdateError and its kinds."""

    @property
    def upgrader(self) -> Upgrading:
        """Another version of huiyan, while this one runs."""


class Upgrading(Protocol):
    """What the socket can be asked about full upgrades."""

    @property
    def status(self) -> UpgradeStatus | None: ...

    def upgrade(self, files: VersionFiles) -> UpgradeStatus:
        """Raises: UpdateError."""

    def roll_back(self, *, accept_loss: bool) -> UpgradeStatus:
        """Raises: UpdateError."""

    def cancel(self) -> None: ...


def socket_path(run_directory: Path) -> Path:
    """Where to put the socket: in the run directory, or in a short private one if the path is too long.

    Raises: OSError.
    """
    run_directory.mkdir(parents=True, exist_ok=True)
    run_directory.chmod(0o700)
    path = run_directory / "launcher.sock"
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        return path
    return Path(tempfile.mkdtemp(prefix="huiyan-")) / "launcher.sock"


class ControlServer:
    """Serves from `start` until `close`."""

    def __init__(self, path: Path, controlled: Controlled, *, listening: socket.socket | None = None) -> None:
        """listening: a socket at `path` whose callers wait already."""
        self.path = path
        self._controlled = controlled
        self._listening = listening
        #: Somebody else goes on with the socket: nothing of it is removed.
        self.handed_over = False
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """The lock on the data directory is held, so a socket that lies here is a dead launcher's.

        Raises: OSError.
        """
        if self._listening is None or not self.path.exists():
            if self._listening is not None:
                self._listening.close()
            self.path.unlink(missing_ok=True)
            self._listening = socket.socket(socket.AF_UNIX)
            # Nobody else can enter its directory, which has mode 0700, before the mode is set.
            self._listening.bind(os.fspath(self.path))
            self.path.chmod(0o600)
        self._listening.setblocking(False)
        self._server = await asyncio.start_unix_server(
            self._serve, sock=self._listening, limit=_MAX_LINE_BYTES
        )

    def fileno(self) -> int:
        """Of the listening socket."""
        assert self._listening is not None
        return self._listening.fileno()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.close()
        if self.handed_over:
            return
        with contextlib.suppress(OSError):
            self.path.unlink()
        if self.path.parent.name.startswith("huiyan-"):
            with contextlib.suppress(OSError):
                self.path.parent.rmdir()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                line = await reader.readline()
            try:
                await self._answer(_request(line), reader, writer)
            except HuiyanError as error:
                await _write(writer, _refusal_of(error))
        except (OSError, TimeoutError, ValueError):
            # A caller that left, or one that never asked.
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(
        self, request: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        op = str(request.get("op", ""))
        if op == "status":
            await _write(writer, self._controlled.status())
        elif op == "stop":
            await _write(writer, {"stopping": True, "pid": os.getpid()})
            self._controlled.request_stop()
        elif op == "switch_model":
            await self._controlled.switch_model(Path(str(request.get("model_path", ""))))
            await _write(writer, {"switched": True})
        elif op == "own_key":
            await _write(writer, {"key": self._controlled.own_key()})
        elif op == "events":
            unsubscribe = self._controlled.subscribe(lambda event: writer.write(_line(event)))
            try:
                # The caller sends no more; the end of its stream ends this one.
                await reader.read()
            finally:
                unsubscribe()
        elif op == "models":
            await _write(writer, await self._controlled.models())
        elif op == "pull":
            model_id = request.get("id")
            await _write(writer, self._controlled.pull(None if model_id is None else str(model_id)))
        elif op == "cancel_pull":
            self._controlled.cancel_pull()
            await _write(writer, {})
        elif op in _UPDATE_OPS:
            await _write(writer, await self._about_updates(op, request))
        elif op in _UPGRADE_OPS:
            await _write(writer, _upgrade(self._controlled.upgrader, op, request))
        else:
            await _write(writer, _refused("unknown_op", f"There is no operation {op!r}."))

    async def _about_updates(self, op: str, request: dict[str, Any]) -> object:
        feed = _text(request, "feed")
        component = _text(request, "component") or ""
        if op == "updates":
            return await self._controlled.updates(feed, look=request.get("look") is not False)
        if op == "update_status":
            return self._controlled.update_status()
        version = _text(request, "version")
        if op == "update_plan":
            return await self._controlled.update_plan(component, feed=feed, version=version)
        if op == "update":
            return await self._controlled.update(component, feed=feed, version=version)
        if op == "update_rollback":
            return await self._controlled.roll_back(component)
        self._controlled.cancel_update()
        return {}


def _text(request: dict[str, Any], name: str) -> str | None:
    value = request.get(name)
    return None if value is None else str(value)


_UPGRADE_OPS: Final = frozenset({"upgrade", "upgrade_back", "upgrade_cancel", "upgrade_status"})


def _upgrade(upgrader: Upgrading, op: str, request: dict[str, Any]) -> dict[str, UpgradeStatus | None]:
    """Raises: UpdateError."""
    if op == "upgrade":
        wheel, lock = Path(str(request.get("wheel", ""))), request.get("lock")
        files = VersionFiles(wheel=wheel, lock=None if lock is None else Path(str(lock)))
        return {"upgrade": upgrader.upgrade(files)}
    if op == "upgrade_back":
        return {"upgrade": upgrader.roll_back(accept_loss=bool(request.get("accept_loss", False)))}
    if op == "upgrade_cancel":
        upgrader.cancel()
    return {"upgrade": upgrader.status}


def _refused(code: str, message: str, hint: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "hint": hint}}


def _refusal_of(error: HuiyanError) -> dict[str, Any]:
    """With its sentences in Chinese, for a command whose reader has them so."""
    message_zh, hint_zh = of_error(error, "zh")
    told = _refused(error.code, error.message, error.hint)
    told["error"] |= {"message_zh": message_zh, "hint_zh": hint_zh}
    return told


def _request(line: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def _line(answer: object) -> bytes:
    return msgspec.json.encode(answer) + b"\n"


async def _write(writer: asyncio.StreamWriter, answer: object) -> None:
    writer.write(_line(answer))
    await writer.drain()


def running(data_dir: DataDir) -> LauncherInfo:
    """The launcher that lives on this data directory. Raises: NotRunningError."""
    info = read_info(data_dir) if is_held(data_dir) else None
    if info is None:
        raise refusal(NotRunningError, "lock.not_running", path=data_dir.root)
    return info


def ask(info: LauncherInfo, op: str, *, timeout_s: float = 5.0, **fields: object) -> bytes:
    """One answer, as JSON. fields: of the question. Blocks. Raises: NotRunningError when nobody answers."""
    for line in stream(info, op, timeout_s=timeout_s, **fields):
        return line
    raise refusal(NotRunningError, "lock.silent", pid=info.pid)


def status(info: LauncherInfo) -> StatusReport:
    """Raises: NotRunningError."""
    return msgspec.json.decode(ask(info, "status"), type=StatusReport)


def own_key(info: LauncherInfo) -> str:
    """What opens the gateway for this user's commands. Raises: NotRunningError."""
    return str(msgspec.json.decode(ask(info, "own_key"), type=dict[str, str])["key"])


def stream(info: LauncherInfo, op: str, *, timeout_s: float | None, **fields: object) -> Iterator[bytes]:
    """Lines of an answer until it ends. timeout_s: for each. Raises: NotRunningError."""
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(timeout_s)
            sock.connect(info.socket)
            sock.sendall(_line({"op": op, **fields}))
            with sock.makefile("rb") as file:
                yield from file
    except OSError as error:
        raise refusal(NotRunningError, "lock.silent", pid=info.pid) from error
