"""Bounded waiting for what tells nobody when it happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

_PAUSE_S = 0.02


async def eventually(is_so: Callable[[], Awaitable[bool]], timeout_s: float = 10.0) -> None:
    """Ask until it is so. Raises: TimeoutError."""
    deadline_s = time.monotonic() + timeout_s
    while not await is_so():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"not within {timeout_s:.0f} s")
        await asyncio.sleep(_PAUSE_S)


def wait_until(is_so: Callable[[], bool], what: str, timeout_s: float = 10.0) -> None:
    """The same without an event loop; `what` names it in the failure."""
    deadline_s = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline_s, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(_PAUSE_S)
