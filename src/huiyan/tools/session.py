"""One life of a tool: started, connected, listed, called, and ended for a reason that can be told.

Whatever ends it ends all calls in it with that reason, and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

import mcp_types
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from huiyan import __version__
from huiyan.errors import (
    HuiyanError,
    ToolDiedError,
    ToolError,
    ToolFailedError,
    ToolLimitError,
    ToolStartError,
    ToolTimeoutError,
)
from huiyan.log import get_logger
from huiyan.messages import refusal
from huiyan.tools.catalogue import Isolation, ToolProgress
from huiyan.tools.manifest import ToolLimits
from huiyan.tools.process import Launch, ToolProcess
from huiyan.tools.stdio import Streams, over_stdio
from huiyan.tools.tool_log import ToolLog
from huiyan.tools.waiting import Given, innermost, within

_log = get_logger(__name__)

_WATCH_S: Final = 0.1
_MAX_TOOLS: Final = 128
_MAX_PAGES: Final = 16
#: Processor time that a tool may burn while nobody has asked it for anything.
_IDLE_CPU_S: Final = 20.0
_CLOSE_TIMEOUT_S: Final = 3.0
#: From the end of its pipe to its exit code.
_EXIT_S: Final = 0.5

_T = TypeVar("_T")
OnProgress = Callable[[ToolProgress], None]


class Session:
    """`open`, then `list_tools` and `call`; `close`. One that has `ended` is of no use any more."""

    def __init__(
        self, limits: ToolLimits, log: ToolLog, *, launch: Launch | None = None, url: str = ""
    ) -> None:
        """launch: a process of ours; without one, `url` is a server that somebody else runs."""
        self._limits = limits
        self._log = log
        self._launch = launch
        self._url = url
        self._process: ToolProcess | None = None
        self._client: Client | None = None
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._over: asyncio.Future[ToolError] = loop.create_future()
        self._close = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._calls = 0
        self._cpu_mark_s = 0.0
        self.last_used_s = time.monotonic()

    @property
    def ended(self) -> bool:
        return self._over.done()

    @property
    def busy(self) -> bool:
        return self._calls > 0

    @property
    def isolation(self) -> Isolation:
        return self._process.isolation if self._process is not None else Isolation()

    async def open(self) -> None:
        """Raises: ToolError and its kinds; nothing is left running then."""
        self._life = asyncio.get_running_loop().create_task(self._live())
        try:
            await within(asyncio.shield(self._opened), self._over, self._limits.start_timeout_s)
        except TimeoutError:
            self._end(refusal(ToolTimeoutError, "tool.not_ready", seconds=self._limits.start_timeout_s))
            await self.close()
            raise self._over.result() from None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End it and all that it started."""
        self._close.set()
        if self._life is not None:
            await asyncio.wait([self._life], timeout=_CLOSE_TIMEOUT_S)
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)

    async def list_tools(self) -> list[mcp_types.Tool]:
        """Raises: ToolError and its kinds."""
        found: list[mcp_types.Tool] = []
        cursor: str | None = None
        for _ in range(_MAX_PAGES):
            page = await self._asked(
                lambda client, cursor=cursor: client.list_tools(cursor=cursor),  # type: ignore[misc]
                self._limits.start_timeout_s,
            )
            found += page.tools
            cursor = page.next_cursor
            if cursor is None or len(found) >= _MAX_TOOLS:
                break
        return found[:_MAX_TOOLS]

    async def call(
        self, tool: str, arguments: dict[str, Any], on_progress: OnProgress
    ) -> mcp_types.CallToolResult:
        """Raises: ToolError and its kinds. Cancelling it tells the tool so.

        on_progress: each word of it is a sign of life.
        """
        limits = self._limits
        loop = asyncio.get_running_loop()
        heard_s = started_s = loop.time()

        async def progressed(progress: float, total: float | None, message: str | None) -> None:
            nonlocal heard_s
            heard_s = loop.time()
            on_progress(ToolProgress(progress=progress, total=total, message=(message or "")[:500]))

        def left_s() -> float:
            now = loop.time()
            return min(heard_s + limits.hang_timeout_s, started_s + limits.call_timeout_s) - now

        self._begin()
        try:
            return await self._asked(
                lambda client: client.call_tool(tool, arguments, progress_callback=progressed), left_s
            )
        finally:
            self._calls -= 1
            self.last_used_s = time.monotonic()
            self._mark_cpu()

    def _begin(self) -> None:
        if self._calls == 0:
            self._mark_cpu()
        self._calls += 1

    def _mark_cpu(self) -> None:
        if self._process is not None and not self._process.ended:
            self._cpu_mark_s = self._process.usage()[1]

    async def _asked(
        self, ask: Callable[[Client], Awaitable[_T]], timeout_s: float | Callable[[], float]
    ) -> _T:
        """One question; an end of the session answers it, too."""
        if self._over.done() or self._client is None:
            raise self._why()
        try:
            return await within(ask(self._client), self._over, timeout_s)
        except TimeoutError:
            limit_s = timeout_s if isinstance(timeout_s, float) else self._limits.hang_timeout_s
            self._end(refusal(ToolTimeoutError, "tool.silent", seconds=limit_s))
            raise self._why() from None
        except MCPError as error:
            if error.error.code == mcp_types.CONNECTION_CLOSED:
                # Its pipe ends a moment before its exit code is known.
                await asyncio.wait([self._over], timeout=2.0)
            if self._over.done():
                raise self._why() from None
            raise refusal(ToolFailedError, "tool.answered_error", cause=error.error.message[:500]) from None
        except HuiyanError:
            raise
        except Exception as error:  # the SDK's own, for answers that break the protocol
            raise refusal(ToolFailedError, "tool.protocol", reason=str(error)[:300]) from error

    def _why(self) -> ToolError:
        return self._over.result() if self._over.done() else refusal(ToolDiedError, "tool.not_running")

    def _end(self, reason: ToolError) -> None:
        """Only the first reason counts: the rest follows from it."""
        if not self._over.done():
            self._over.set_result(reason)
            if not self._close.is_set():
                self._log.note(reason.message)

    async def _live(self) -> None:
        """The client's whole life; the SDK wants its context left by the task that entered it."""
        try:
            async with (
                self._transport() as streams,
                Client(
                    Given(streams),
                    client_info=mcp_types.Implementation(name="huiyan", version=__version__),
                    cache=None,
                ) as client,
            ):
                self._client = client
                if not self._opened.done():
                    self._opened.set_result(None)
                waiting = asyncio.get_running_loop().create_task(self._close.wait())
                ends: list[asyncio.Future[Any]] = [waiting, self._over]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                await self._kill()
        except ToolError as error:
            self._end(error)
        except Exception as error:  # noqa: BLE001 - a task boundary: whatever a tool causes ends this tool alone
            self._end(refusal(ToolStartError, "tool.talk", reason=innermost(error)[:300]))
        finally:
            await self._kill()
            self._end(refusal(ToolDiedError, "tool.ended"))

    @contextlib.asynccontextmanager
    async def _transport(self) -> AsyncIterator[Streams]:
        if self._launch is None:
            async with streamable_http_client(self._url) as streams:
                yield streams  # type: ignore[misc]  # of the SDK's own stream classes
            return
        self._process = process = await ToolProcess.start(self._launch, self._log.write)
        watching = asyncio.get_running_loop().create_task(self._watch(process))
        try:
            async with over_stdio(
                process,
                max_output_bytes=self._limits.output_bytes,
                on_text=self._log.write,
                on_too_much=lambda: self._end(
                    refusal(ToolLimitError, "tool.over_output", mib=self._limits.output_mib)
                ),
            ) as streams:
                yield streams
        finally:
            if not self._over.done() and not self._close.is_set():
                # Its pipe has ended, or it broke the protocol: an exit code says more.
                await asyncio.wait([watching], timeout=_EXIT_S)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await process.kill()

    async def _kill(self) -> None:
        if self._process is not None:
            await self._process.kill()

    async def _watch(self, process: ToolProcess) -> None:
        """What the kernel does not limit for a group of processes is looked at ten times a second."""
        limits = self._limits
        exited = asyncio.get_running_loop().create_task(process.wait())
        try:
            while not exited.done():
                await asyncio.wait([exited], timeout=_WATCH_S)
                resident_bytes, cpu_s, count = process.usage()
                if resident_bytes > limits.memory_bytes:
                    self._end(refusal(ToolLimitError, "tool.over_memory", mib=limits.memory_mib))
                elif count > limits.processes:
                    self._end(refusal(ToolLimitError, "tool.over_processes", count=limits.processes))
                elif cpu_s - self._cpu_mark_s > (
                    limits.cpu_s * max(1, self._calls) if self._calls else _IDLE_CPU_S
                ):
                    self._end(refusal(ToolLimitError, "tool.over_cpu"))
                if self._over.done():
                    await process.kill()
        finally:
            exited.cancel()
        code = process.returncode
        end = f"signal {code - 128}" if code > 128 else f"code {code}"
        self._end(refusal(ToolDiedError, "tool.process_ended", end=end))
