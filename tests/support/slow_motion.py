"""A real process made slow, so that a test can act in the middle of what takes it a moment."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

_RUN_S = 0.004


@contextlib.contextmanager
def slow_motion(pid: int, *, rest_s: float = 0.06) -> Iterator[None]:
    """Let `pid` run for 4 ms between rests, by stopping and continuing it.

    nano writes some 500 tokens a second; like this it is about two in each of these moments. Looking at
    a new picture takes it 0.3 s of its own time: not with long rests. At the end it runs freely again.
    """
    over = threading.Event()

    def beat() -> None:
        while not over.is_set():
            os.kill(pid, signal.SIGSTOP)
            over.wait(rest_s)
            os.kill(pid, signal.SIGCONT)
            time.sleep(_RUN_S)

    def run() -> None:
        with contextlib.suppress(ProcessLookupError):
            beat()

    thread = threading.Thread(target=run, name=f"slow motion of {pid}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
