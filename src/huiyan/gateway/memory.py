"""How the allocator treats what was freed: bodies of megabytes come and go all the time.

By default glibc takes each large body from the system and gives it back at once: its pages are cleared and
mapped anew for the next one, which was half of the processor time of a body of 4 MiB. So it keeps what was
freed, and once a minute what nobody needed meanwhile goes back: without that, memory grows with the worst
coincidence of bodies that there ever was (bench/gateway/soak.py: from 163 to 189 MiB in half an hour).
"""

from __future__ import annotations

import asyncio
import ctypes
import sys
from typing import Final

#: `man 3 mallopt`.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3

#: Blocks up to here come from the heap; glibc knows no larger value.
_MMAP_BYTES: Final = 32 * 1024 * 1024
#: Free memory at the heap's end that is kept for the next body; more goes back to the system.
_KEPT_BYTES: Final = 64 * 1024 * 1024
#: How often free pages in the middle of the heap, and all but this much at its end, go back.
_GIVE_BACK_EVERY_S: Final = 60.0
_STAYS_BYTES: Final = 16 * 1024 * 1024


def keep_freed_memory() -> bool:
    """For a process that carries bodies. False where the C library cannot (musl, macOS, Windows)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))


def give_back() -> bool:
    """Return free pages to the system; a few milliseconds. False where nothing was free or can be done."""
    try:
        malloc_trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return False
    malloc_trim.argtypes = [ctypes.c_size_t]
    return bool(malloc_trim(_STAYS_BYTES))


class GivingBack:
    """Calls `give_back` now and then, until `close`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, every_s: float = _GIVE_BACK_EVERY_S) -> None:
        self._loop, self._every_s = loop, every_s
        self._timer = loop.call_later(every_s, self._tick)

    def _tick(self) -> None:
        give_back()
        self._timer = self._loop.call_later(self._every_s, self._tick)

    def close(self) -> None:
        self._timer.cancel()
