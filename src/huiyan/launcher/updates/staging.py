"""Staging is blocking work: it runs in a thread, and ends at its next piece when the update is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from huiyan.errors import PullInterruptedError
from huiyan.launcher.updates.component import OnBytes
from huiyan.messages import refusal


class ThreadStaging:
    """make: given who to tell the bytes, does the work and returns the state's digest."""

    def __init__(self, make: Callable[[OnBytes], str], on_bytes: OnBytes) -> None:
        self._make = make
        self._on_bytes = on_bytes
        self._cancelled = threading.Event()

    async def stage(self) -> str:
        """Raises: what the work raises. Cancelled, the thread ends by itself; what has arrived is kept."""
        try:
            return await asyncio.to_thread(self._make, self._told)
        except asyncio.CancelledError:
            self._cancelled.set()
            raise

    def _told(self, done_bytes: int, total_bytes: int) -> None:
        if self._cancelled.is_set():
            raise refusal(PullInterruptedError, "component.cancelled")
        self._on_bytes(done_bytes, total_bytes)
