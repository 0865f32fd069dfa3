"""The gateway's side of the tool host: which tools there are, and calls of them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from huiyan.errors import ToolNotFoundError, ToolsUnavailableError
from huiyan.log import get_logger
from huiyan.tools.catalogue import PluginInfo, ToolInfo, ToolList, ToolProgress, ToolResult
from huiyan.tools.places import socket_path
from huiyan.tools.schema_files import GivenFile
from huiyan.tools.wire import (
    CallFrame,
    CancelFrame,
    CatalogueFrame,
    FailedFrame,
    ProgressFrame,
    ResultFrame,
    error_of,
    frame,
    read_frame,
    to_gateway,
)

_log = get_logger(__name__)

_RECONNECT_S: Final = 0.25
#: Progress that nobody has read yet; older words are dropped for newer ones.
_MAX_WAITING: Final = 64

_Answer = ProgressFrame | ResultFrame | FailedFrame | None


class ToolClient:
    """Connected for as long as there is a host; made in a running loop. changed: told of every new list."""

    def __init__(self, data_dir: Path | None, changed: Callable[[ToolList], None]) -> None:
        """data_dir: whose host; without one there are no tools."""
        self._path = None if data_dir is None else socket_path(data_dir)
        self._changed = changed
        self._list = ToolList()
        self._writer: asyncio.StreamWriter | None = None
        self._numbers = itertools.count(1)
        self._calls: dict[int, asyncio.Queue[_Answer]] = {}
        self._task = (
            None if self._path is None else asyncio.get_running_loop().create_task(self._run(self._path))
        )

    @property
    def tools(self) -> ToolList:
        return self._list

    def find(self, plugin: str, tool: str) -> tuple[PluginInfo, ToolInfo]:
        """Raises: ToolsUnavailableError, ToolNotFoundError."""
        if self._writer is None:
            raise ToolsUnavailableError("The tool host is not running.")
        for known in self._list.plugins:
            if known.name == plugin:
                for each in known.tools:
                    if each.name == tool:
                        return known, each
                raise ToolNotFoundError(f"{plugin} has no tool {tool[:100]!r}.", param="tool")
        raise ToolNotFoundError(f"There is no tool {plugin[:100]!r}.", param="plugin")

    async def call(
        self, plugin: str, tool: str, arguments: dict[str, Any], files: dict[str, list[GivenFile]]
    ) -> AsyncGenerator[ToolProgress | ToolResult, None]:
        """Progress as it comes, then the result. Leaving the iteration cancels the call.

        Raises: the errors of `find`, ToolArgumentsError, ToolError and its kinds.
        """
        self.find(plugin, tool)
        writer = self._writer
        assert writer is not None
        number = next(self._numbers)
        queue: asyncio.Queue[_Answer] = asyncio.Queue()
        self._calls[number] = queue
        over = False
        try:
            writer.write(
                frame(CallFrame(id=number, plugin=plugin, tool=tool, arguments=arguments, files=files))
            )
            await writer.drain()
            while True:
                answer = await queue.get()
                match answer:
                    case ProgressFrame():
                        yield answer.progress
                    case ResultFrame():
                        over = True
                        yield answer.result
                        return
                    case FailedFrame():
                        over = True
                        raise error_of(answer)
                    case None:
                        over = True
                        raise ToolsUnavailableError("The tool host went away during the call.")
        except ConnectionError as error:
            raise ToolsUnavailableError("The tool host went away.") from error
        finally:
            del self._calls[number]
            if not over and not writer.is_closing():
                writer.write(frame(CancelFrame(id=number)))

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, path: Path) -> None:
        """Connect whenever there is a host."""
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_unix_connection(path, limit=1024 * 1024)
                try:
                    await self._read(reader, writer)
                finally:
                    self._lost(writer)
            await asyncio.sleep(_RECONNECT_S)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (data := await read_frame(reader)) is not None:
            try:
                message = to_gateway.decode(data)
            except msgspec.MsgspecError:
                _log.exception("the tool host sent a frame that cannot be read")
                return
            if isinstance(message, CatalogueFrame):
                self._writer = writer
                self._take(message.tools)
            elif (queue := self._calls.get(message.id)) is not None:
                if isinstance(message, ProgressFrame) and queue.qsize() >= _MAX_WAITING:
                    continue
                queue.put_nowait(message)

    def _take(self, tools: ToolList) -> None:
        if tools != self._list:
            self._list = tools
            self._changed(tools)

    def _lost(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        if self._writer is writer:
            self._writer = None
            for queue in self._calls.values():
                queue.put_nowait(None)
            # What is installed stays on the list: a host that is restarted is back at once.
            self._take(msgspec.structs.replace(self._list, available=False))
