"""Byte ranges: (start, stop), stop not included."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

Range = tuple[int, int]

_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


def split(ranges: Iterable[Range], chunk_bytes: int) -> list[Range]:
    """In order, none longer than `chunk_bytes`."""
    return [
        (start, min(start + chunk_bytes, stop))
        for begin, stop in ranges
        for start in range(begin, stop, chunk_bytes)
    ]


def total(ranges: Iterable[Range]) -> int:
    return sum(stop - start for start, stop in ranges)


def within(ranges: Iterable[Range], start: int, stop: int) -> list[Range]:
    """The parts of `ranges` that lie in start..stop."""
    return [
        (max(start, begin), min(stop, end)) for begin, end in ranges if max(start, begin) < min(stop, end)
    ]


def header(start: int, stop: int) -> str:
    return f"bytes={start}-{stop - 1}"


def parse_content_range(value: str | None) -> tuple[int, int, int | None] | None:
    """(start, stop, size of the whole or None); None for anything else (RFC 9110, 14.4)."""
    match = _CONTENT_RANGE.fullmatch((value or "").strip())
    if match is None:
        return None
    start, last = int(match[1]), int(match[2])
    size = None if match[3] == "*" else int(match[3])
    if last < start or (size is not None and last >= size):
        return None
    return start, last + 1, size
