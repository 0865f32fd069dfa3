"""What is to be fetched, and what came of it."""

from __future__ import annotations

from typing import Protocol

import msgspec

from huiyan.sources.protocol import Origin


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One file. path: its name for people. sha256: hex; without it `key` tells its partial from others'.

    git_oid: SHA-1 of the file as a git blob, checked in the end where there is no sha256.
    """

    path: str
    origin: Origin
    size_bytes: int
    sha256: str | None = None
    git_oid: str | None = None
    key: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """digests: SHA-256 by path. whole: paths of which all came because the server ignores Range."""

    digests: dict[str, str]
    moved_bytes: int = 0
    whole: tuple[str, ...] = ()


class Sink(Protocol):
    """What takes the bytes of one file: a partial blob. Thread-safe."""

    def missing(self) -> list[tuple[int, int]]: ...

    def write(self, offset: int, data: bytes | memoryview, /) -> None: ...
