"""Worker extension for predictions.py: one engine at a time on the card, while the next ones import already.

Importing vLLM takes most of a start. This module is imported in the engine's process just before it looks at
the free memory; it waits there until the engine before it is gone.
"""

from __future__ import annotations

import fcntl
import time
from pathlib import Path

_BUSY_MIB = 700


def _free_of_others() -> bool:
    import pynvml

    pynvml.nvmlInit()
    used = pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(0)).used
    return int(used) < _BUSY_MIB * 1024 * 1024


#: Held until the process ends.
_LOCK = Path(__file__).with_name("gate.lock").open("w")
fcntl.flock(_LOCK, fcntl.LOCK_EX)
_until_s = time.monotonic() + 20
while not _free_of_others() and time.monotonic() < _until_s:
    time.sleep(0.1)


class Gate:
    """Nothing to call."""
