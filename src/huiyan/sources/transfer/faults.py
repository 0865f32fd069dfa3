"""Which failures pass by themselves, and how long to wait before the next attempt."""

from __future__ import annotations

import email.utils
import random
import threading
import time
from typing import Final

from huiyan.errors import PullInterruptedError, SourceUnreachableError
from huiyan.messages import refusal
from huiyan.sources.transfer.options import TransferOptions

#: Too early, too many, or the server's own trouble.
PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524, 529})


class PassingFault(Exception):  # noqa: N818 - caught where it is retried, never shown
    """A failure that may not happen again. retry_after_s: what the source asked for."""

    def __init__(self, host: str, reason: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{host}: {reason}")
        self.host = host
        self.reason = reason
        self.retry_after_s = retry_after_s


def retry_after_s(value: str | None) -> float | None:
    """Seconds from now, of a Retry-After in either of its forms (RFC 9110, 10.2.3); None for nonsense."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = email.utils.parsedate_to_datetime(value)
        return max(0.0, moment.timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


class Patience:
    """Counts failures without progress in between, and waits: exponential, with full jitter."""

    def __init__(self, options: TransferOptions, cancel: threading.Event) -> None:
        self._options = options
        self._cancel = cancel
        self._failures = 0

    def progressed(self) -> None:
        self._failures = 0

    def wait(self, fault: PassingFault) -> None:
        """Raises: SourceUnreachableError when it was the last attempt, PullInterruptedError."""
        self._failures += 1
        asked = fault.retry_after_s
        if self._failures > self._options.retries or (asked or 0) > self._options.max_wait_s:
            reason = fault.reason if asked is None else f"{fault.reason}; Retry-After {asked:.0f} s"
            raise refusal(SourceUnreachableError, "sources.unreachable", host=fault.host, reason=reason)
        ceiling = min(self._options.max_wait_s, self._options.backoff_s * 2 ** (self._failures - 1))
        # Jitter keeps several connections that were cut together from coming back together.
        delay = random.uniform(0, ceiling)  # noqa: S311 - no secret
        if asked is not None:
            delay = min(asked + delay, self._options.max_wait_s)
        if self._cancel.wait(delay):
            raise refusal(PullInterruptedError, "sources.interrupted")
