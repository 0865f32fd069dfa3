"""Tools for tests: the scriptable server, installed without uv."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from huiyan.testing import mcp_server
from huiyan.tools import records
from huiyan.tools.host import ToolHost
from huiyan.tools.manifest import Manifest, ToolLimits
from huiyan.tools.places import private_directories, tools_directory
from huiyan.tools.plugin import examined
from huiyan.tools.records import Grants, Installed, Record, Source

#: Quick enough for a test, slow enough for a busy machine.
LIMITS = ToolLimits(start_timeout_s=60.0, hang_timeout_s=60.0, call_timeout_s=120.0, memory_mib=512)


async def install_scripted(
    data_dir: Path, name: str = "scripted", *only: str, network: bool = False, **manifest: Any
) -> Installed:
    """The scriptable server as if `huiyan tools add` had been there. only: of its tools."""
    directory = tools_directory(data_dir) / name
    version = directory / "1"
    version.mkdir(parents=True, exist_ok=True)
    described = Manifest(**{"limits": LIMITS, "network": network, **manifest})
    record = Record(
        name=name,
        version="1",
        source=Source(kind="script", given=mcp_server.__file__),
        manifest=described,
        command=[sys.executable, mcp_server.__file__, *only],
    )
    trial = Installed(directory=version, record=record, grants=Grants(network=network))
    record = await examined(trial, private_directories(data_dir))
    records.write_record(version, record)
    records.write_grants(directory, trial.grants)
    records.point_at(directory, "1")
    return replace(trial, directory=directory, record=record)


@contextlib.asynccontextmanager
async def running_host(data_dir: Path) -> AsyncIterator[ToolHost]:
    """A tool host in this process."""
    host = ToolHost(data_dir)
    await host.start()
    following = asyncio.get_running_loop().create_task(host.follow())
    try:
        yield host
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await host.close()


class Host:
    """A tool host in a thread of its own."""

    def __init__(self, data_dir: Path, manifest: Mapping[str, Any] | None = None) -> None:
        """manifest: of what `add` installs."""
        self.data_dir = data_dir
        self._manifest = dict(manifest or {})
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._host = ToolHost(data_dir)
        self._following: asyncio.Task[None] | None = None
        self.run(self._start())

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def add(self, name: str, *only: str, **manifest: Any) -> None:
        self.run(install_scripted(self.data_dir, name, *only, **{**self._manifest, **manifest}))

    def close(self) -> None:
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        await self._host.start()
        self._following = asyncio.get_running_loop().create_task(self._host.follow())

    async def _stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self._host.close()
