"""Waiting for a tool: for its answer, its end, or the end of patience, whichever is first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from huiyan.errors import ToolError
from huiyan.tools.stdio import Streams

_T = TypeVar("_T")


async def within(
    work: Awaitable[_T], over: asyncio.Future[ToolError], timeout_s: float | Callable[[], float]
) -> _T:
    """`work`, unless the session is over before, or the time is up.

    timeout_s: seconds, or a function that says how many are left. Raises: ToolError, TimeoutError.
    """
    left_s: Callable[[], float] = timeout_s if callable(timeout_s) else _countdown(timeout_s)
    task = asyncio.ensure_future(work)  # noqa: TID251 - held here, and awaited or cancelled below
    waited: list[asyncio.Future[Any]] = [task, over]
    try:
        while not task.done():
            if over.done():
                raise over.result()
            if (wait_s := left_s()) <= 0:
                raise TimeoutError
            await asyncio.wait(waited, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=1.0)


class Given:
    """Streams that are open already, in the form that the SDK's client takes."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    async def __aenter__(self) -> Streams:
        return self._streams

    async def __aexit__(self, *_: object) -> None:
        return None


def _countdown(timeout_s: float) -> Callable[[], float]:
    loop = asyncio.get_running_loop()
    end_s = loop.time() + timeout_s
    return lambda: end_s - loop.time()


def innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
