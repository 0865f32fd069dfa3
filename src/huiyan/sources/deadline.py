"""A bound on how long a hub's own client may take for its answer: it tries again, each time for a minute."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from huiyan.errors import SourceUnreachableError
from huiyan.messages import refusal

_T = TypeVar("_T")

#: Both hubs together end within a minute and a half, so that whoever waits is told.
DEFAULT_S = 40.0


def within(timeout_s: float, host: str, work: Callable[[], _T]) -> _T:
    """What `work` returns or raises. Raises: SourceUnreachableError where it takes longer.

    It is left to end by itself then, in a thread that keeps no process alive.
    """
    answers: queue.SimpleQueue[tuple[_T | None, BaseException | None]] = queue.SimpleQueue()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            answers.put((context.run(work), None))
        except BaseException as error:  # noqa: BLE001 - raised again below, where it is waited for
            answers.put((None, error))

    threading.Thread(target=run, name=f"list {host}", daemon=True).start()
    try:
        found, error = answers.get(timeout=timeout_s)
    except queue.Empty:
        raise refusal(
            SourceUnreachableError, "sources.unreachable", host=host, reason=f"timeout ({timeout_s:g} s)"
        ) from None
    if error is not None:
        raise error
    return found  # type: ignore[return-value]  # without an error, it is what `work` returned
