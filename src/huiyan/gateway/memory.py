"""How the allocator treats what was freed: bodies of megabytes come and go all the time.

By default glibc takes each large body from the system and gives it back at once: its pages are cleared and
mapped anew for the next one, which was half of the processor time of a body of 4 MiB.
"""

from __future__ import annotations

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


def keep_freed_memory() -> bool:
    """For a process that carries bodies. False where the C library cannot (musl, macOS, Windows)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))
