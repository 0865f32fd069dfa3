"""Faults that the fake hub makes on cue."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal[
    "status",  # answers `status`, with `retry_after` if it has one
    "cut",  # ends the connection after `after_bytes` of the body
    "stall",  # says nothing more after `after_bytes`, until the hub is closed
    "slow",  # `bytes_per_s`
    "length",  # announces `by_bytes` more (or less) than it has
    "ignore_range",  # sends the whole file
    "wrong_bytes",  # one bit of the body is another
    "loop",  # redirects to itself
    "elsewhere",  # redirects to `location`
    "etag",  # names another ETag and ignores If-Range
    "content_range",  # 206 with the Content-Range `value`
    "encoded",  # says Content-Encoding: gzip
    "chunked",  # without Content-Length
    "garbage",  # no HTTP at all
]


@dataclass
class Fault:
    """path: what the request's target contains (a regular expression). skip: so many requests pass first.

    times: then so many are hit; None: all of them. method: which ones.
    """

    kind: FaultKind
    path: str = ""
    method: str = "GET"
    skip: int = 0
    times: int | None = 1
    status: int = 503
    retry_after: str = ""
    after_bytes: int = 0
    bytes_per_s: int = 1_000_000
    by_bytes: int = 1
    location: str = ""
    value: str = ""
    hits: int = field(default=0, init=False)

    def matches(self, method: str, target: str) -> bool:
        return method == self.method and re.search(self.path, target) is not None


class Faults:
    """Thread-safe. release: set when whatever stalls shall end."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, method: str, target: str) -> Fault | None:
        """The first fault that is due for this request."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(method, target):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                elif fault.times is None or fault.hits < fault.times:
                    fault.hits += 1
                    return fault
        return None
