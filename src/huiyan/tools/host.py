"""The tool host: `python -m huiyan.tools.host --lifeline-fd N`, a child of the launcher.

It runs every installed tool, each in its jail, and serves the gateway's workers on a unix socket with mode
0600. Tools are started by their first call. What lies in the data directory decides what there is: the
command line changes files, and the host notices.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from huiyan import log
from huiyan.errors import HuiyanError, ToolFailedError, ToolNotFoundError
from huiyan.lifeline import ORPHAN_GRACE_S, Lifeline
from huiyan.messages import refusal
from huiyan.tools import records
from huiyan.tools.catalogue import ToolList
from huiyan.tools.places import private_directories, private_parent, socket_path, tools_directory
from huiyan.tools.plugin import Plugin
from huiyan.tools.wire import (
    CallFrame,
    CancelFrame,
    CatalogueFrame,
    ProgressFrame,
    ResultFrame,
    ToGateway,
    failed,
    frame,
    read_frame,
    to_host,
)

_log = log.get_logger(__name__)

_LOOK_S: Final = 0.2
_SWEEP_S: Final = 15.0
#: Calls of one worker at the same time; more wait for nothing and are refused.
_MAX_CALLS: Final = 64


class ToolHost:
    """`start`, `follow` for as long as it should live, `close`."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._plugins: dict[str, Plugin] = {}
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._inode = -1
        self._seen: object = None
        self._list = ToolList(available=True)
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def tools(self) -> ToolList:
        return self._list

    async def start(self) -> None:
        """Raises: OSError."""
        self._look()
        path = socket_path(self._data_dir)
        private_parent(path)
        path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, path, limit=1024 * 1024)
        path.chmod(0o600)
        self._inode = path.stat().st_ino

    async def follow(self) -> None:
        """Notice what is installed and removed, and end what idles; until cancelled."""
        loop = asyncio.get_running_loop()
        next_sweep_s = loop.time() + _SWEEP_S
        while True:
            await asyncio.sleep(_LOOK_S)
            self._look()
            if loop.time() >= next_sweep_s:
                next_sweep_s = loop.time() + _SWEEP_S
                for plugin in list(self._plugins.values()):
                    await plugin.sweep()

    async def close(self) -> None:
        """End every tool; nothing of them is left when this returns."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close()
        await asyncio.gather(*(plugin.close() for plugin in self._plugins.values()), *self._closing)
        path = socket_path(self._data_dir)
        with contextlib.suppress(OSError):
            # The host of the next version has put its own socket here by now, perhaps.
            if path.stat().st_ino == self._inode:
                path.unlink()

    def plugin(self, name: str) -> Plugin:
        """Raises: ToolNotFoundError."""
        found = self._plugins.get(name)
        if found is None:
            raise refusal(ToolNotFoundError, "tool.unknown", name=name[:100], param="plugin")
        return found

    def _look(self) -> None:
        tools = tools_directory(self._data_dir)
        seen = records.fingerprint(tools)
        if seen == self._seen:
            return
        self._seen = seen
        now = {installed.record.name: installed for installed in records.installed(tools)}
        for name, plugin in list(self._plugins.items()):
            if now.get(name) != plugin.installed:
                del self._plugins[name]
                # Its running calls end with it; a new version starts with its first call.
                task = asyncio.get_running_loop().create_task(plugin.close())
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
        hidden = private_directories(self._data_dir)
        for name, installed in now.items():
            if name not in self._plugins:
                self._plugins[name] = Plugin(installed, hidden)
        self._publish()

    def _publish(self) -> None:
        plugins = [self._plugins[name].info for name in sorted(self._plugins)]
        revision = hashlib.sha256(msgspec.json.encode(plugins)).hexdigest()[:16]
        self._list = ToolList(revision=revision, available=True, plugins=plugins)
        _log.info("%d tools installed", len(plugins), extra={"tools": sorted(self._plugins)})
        for connection in self._connections:
            connection.send(CatalogueFrame(tools=self._list))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, reader, writer, self._connections.discard)
        self._connections.add(connection)
        await connection.run()


class _Connection:
    """One worker of the gateway. Its end cancels its calls."""

    def __init__(
        self,
        host: ToolHost,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        gone: Callable[[_Connection], None],
    ) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer
        self._gone = gone
        self._calls: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        self.send(CatalogueFrame(tools=self._host.tools))
        try:
            while (data := await read_frame(self._reader)) is not None:
                self._take(to_host.decode(data))
        except msgspec.MsgspecError:
            _log.error("a gateway sent a frame that cannot be read")
        finally:
            for task in list(self._calls.values()):
                task.cancel()
            self._gone(self)
            self.close()

    def send(self, message: ToGateway) -> None:
        if not self._writer.is_closing():
            self._writer.write(frame(message))

    def close(self) -> None:
        self._writer.close()

    def _take(self, message: CallFrame | CancelFrame) -> None:
        if isinstance(message, CancelFrame):
            if (task := self._calls.get(message.id)) is not None:
                task.cancel()
            return
        if len(self._calls) >= _MAX_CALLS:
            self.send(failed(message.id, refusal(ToolFailedError, "tool.too_many")))
            return
        task = asyncio.get_running_loop().create_task(self._call(message))
        self._calls[message.id] = task
        task.add_done_callback(lambda _: self._calls.pop(message.id, None))

    async def _call(self, asked: CallFrame) -> None:
        try:
            plugin = self._host.plugin(asked.plugin)
            result = await plugin.call(
                asked.tool,
                asked.arguments,
                asked.files,
                lambda progress: self.send(ProgressFrame(id=asked.id, progress=progress)),
            )
            self.send(ResultFrame(id=asked.id, result=result))
        except HuiyanError as error:
            _log.warning("%s/%s: %s", asked.plugin, asked.tool, error.message, extra={"code": error.code})
            self.send(failed(asked.id, error))
        except Exception as error:  # noqa: BLE001 - a task boundary: one call, and nobody else's
            _log.exception("%s/%s failed", asked.plugin, asked.tool)
            self.send(
                failed(asked.id, refusal(ToolFailedError, "tool.unforeseen", name=type(error).__name__))
            )


class _Boot(msgspec.Struct):
    """The launcher's first message."""

    data_dir: str


async def _child(lifeline_fd: int) -> int:
    lifeline = await Lifeline.from_fd(lifeline_fd)
    first = await lifeline.receive()
    if first is None:
        return 0
    boot = msgspec.convert(first, _Boot)
    loop = asyncio.get_running_loop()
    host = ToolHost(Path(boot.data_dir))
    await host.start()
    lifeline.send({"type": "serving"})
    following = loop.create_task(host.follow())
    try:
        async for message in lifeline.messages():
            if message["type"] == "drain":
                break
        loop.call_later(ORPHAN_GRACE_S - 1.0, os._exit, 0)
    finally:
        following.cancel()
        await host.close()
    return 0


def main(argv: list[str]) -> int:
    """argv: --lifeline-fd N."""
    log.configure("tools", sys.stderr)
    if len(argv) != 2 or argv[0] != "--lifeline-fd":
        sys.stderr.write("This is huiyan's tool host; `huiyan start` starts it.\n")
        return 2
    return asyncio.run(_child(int(argv[1])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
