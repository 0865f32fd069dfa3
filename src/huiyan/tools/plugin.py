"""One installed tool in the host: started by its first call, restarted by the next one after it ended."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from huiyan.errors import ToolError, ToolNotFoundError, ToolStartError
from huiyan.log import get_logger
from huiyan.messages import cause_of, refusal
from huiyan.tools.catalogue import PluginInfo, ToolInfo, ToolProgress, ToolResult
from huiyan.tools.manifest import Title
from huiyan.tools.records import Installed, Record
from huiyan.tools.schema_files import GivenFile, hand_over
from huiyan.tools.tool_log import ToolLog

if TYPE_CHECKING:
    from huiyan.tools.session import Session

_log = get_logger(__name__)

_FIRST_DELAY_S: Final = 0.5
_MAX_DELAY_S: Final = 60.0
#: A start this long after the last trouble begins anew.
_FORGIVEN_S: Final = 120.0


def new_session(installed: Installed, hidden: Sequence[Path]) -> Session:
    """A session that is not open yet, in an emptied working directory. Raises: ToolStartError."""
    # The SDK takes half a second and 40 MiB to import: not before a tool is used.
    from huiyan.tools.process import Launch
    from huiyan.tools.session import Session

    record = installed.record
    log = ToolLog(installed.log)
    if record.url:
        return Session(record.manifest.limits, log, url=record.url)
    try:
        shutil.rmtree(installed.work, ignore_errors=True)
        installed.work.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise refusal(ToolStartError, "tool.directory", reason=error.strerror) from error
    launch = Launch(
        command=record.command,
        directory=installed.work,
        limits=record.manifest.limits,
        network=installed.network,
        hidden=hidden,
    )
    return Session(record.manifest.limits, log, launch=launch)


async def examined(installed: Installed, hidden: Sequence[Path]) -> Record:
    """The record with what the tool lists and what is enforced: it is started once, in its jail, and ended.

    Raises: ToolError and its kinds.
    """
    from huiyan.tools.listing import listed

    session = new_session(installed, hidden)
    await session.open()
    try:
        tools = listed(await session.list_tools(), installed.record.manifest)
        return replace(installed.record, tools=tools, isolation=session.isolation)
    finally:
        await session.close()


def plugin_info(installed: Installed, *, error: str = "") -> PluginInfo:
    """As pages and programs see it."""
    record, manifest = installed.record, installed.record.manifest
    takes = list(manifest.takes)
    if not takes:
        kinds = {file.media_type for tool in record.tools for file in tool.files.values()}
        takes = ["pdf"] if "application/pdf" in kinds else []
        if any(kind.startswith("image/") for kind in kinds):
            takes.append("image")
    return PluginInfo(
        name=record.name,
        version=record.version,
        title=manifest.title or Title(zh=record.name, en=record.name),
        icon=manifest.drawn(),
        takes=takes or ["none"],
        network=installed.network or bool(record.url),
        isolation=record.isolation,
        tools=record.tools,
        error=error,
    )


class Plugin:
    """`call` as often as you like; `sweep` now and then; `close`."""

    def __init__(self, installed: Installed, hidden: Sequence[Path]) -> None:
        self.installed = installed
        self.error = ""
        self._hidden = hidden
        self._session: Session | None = None
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(installed.record.manifest.limits.calls_at_once)
        self._troubles = 0
        self._troubled_s = 0.0
        self._tools = {tool.name: tool for tool in installed.record.tools}

    @property
    def info(self) -> PluginInfo:
        return plugin_info(self.installed, error=self.error)

    @property
    def busy(self) -> bool:
        """A call runs."""
        return self._session is not None and self._session.busy

    def tool(self, name: str) -> ToolInfo:
        """Raises: ToolNotFoundError."""
        found = self._tools.get(name)
        if found is None:
            raise refusal(
                ToolNotFoundError,
                "tool.unknown_inside",
                plugin=self.installed.record.name,
                name=name[:100],
                param="tool",
            )
        return found

    async def call(
        self,
        name: str,
        arguments: dict[str, Any],
        files: dict[str, list[GivenFile]],
        on_progress: Callable[[ToolProgress], None],
    ) -> ToolResult:
        """Raises: ToolNotFoundError, ToolArgumentsError, ToolError and its kinds."""
        from huiyan.tools import results
        from huiyan.tools.arguments import check

        tool = self.tool(name)
        async with self._slots:
            session = await self._ready()
            work = self.installed.work
            own = work / "calls" / secrets.token_hex(6)
            started_s = time.monotonic()
            try:
                complete = hand_over(arguments, files, tool.files, own)
                check(complete, tool.input_schema)
                answer = await session.call(name, complete, on_progress)
                return results.converted(
                    answer,
                    plugin=self.installed.record.name,
                    tool=name,
                    duration_s=time.monotonic() - started_s,
                    directory=work,
                    max_bytes=self.installed.record.manifest.limits.output_bytes,
                )
            except OSError as error:
                raise refusal(ToolStartError, "tool.files", reason=error.strerror) from error
            finally:
                if session.ended:
                    self._trouble()
                shutil.rmtree(own, ignore_errors=True)

    async def sweep(self) -> None:
        """End a process that nobody has asked for a while."""
        session = self._session
        idle_s = self.installed.record.manifest.limits.idle_timeout_s
        if session is not None and not session.busy and time.monotonic() - session.last_used_s > idle_s:
            self._session = None
            await session.close()

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(Exception):
                await session.close()

    async def _ready(self) -> Session:
        async with self._starting:
            if self._session is not None and not self._session.ended:
                return self._session
            await self.close()
            await self._back_off()
            session = new_session(self.installed, self._hidden)
            try:
                await session.open()
            except ToolError as error:
                self.error = error.message
                self._trouble()
                raise refusal(
                    ToolStartError, "tool.not_started", name=self.installed.record.name, cause=cause_of(error)
                ) from error
            self.error = ""
            self._session = session
            return session

    def _trouble(self) -> None:
        self._troubles += 1
        self._troubled_s = time.monotonic()

    async def _back_off(self) -> None:
        """The first restart is at once; then longer and longer, so that a broken tool costs little."""
        since_s = time.monotonic() - self._troubled_s
        if since_s > _FORGIVEN_S:
            self._troubles = 0
        if self._troubles > 1:
            delay_s = min(_MAX_DELAY_S, _FIRST_DELAY_S * 2 ** (self._troubles - 2))
            await asyncio.sleep(max(0.0, delay_s - since_s))
