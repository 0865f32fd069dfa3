"""Ctrl-C and its relatives, as calls in the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def stop_signals(on_stop: Callable[[], None], *, ignore_hangup: bool) -> Iterator[None]:
    """Call `on_stop` at SIGINT, SIGTERM and SIGHUP. ignore_hangup: the terminal may close."""
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if ignore_hangup:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        # Ignored already means nohup.
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, on_stop)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
