"""A new shard from the tensors that are here already, so that only the others have to be fetched.

A tensor is here if an older shard has one of its digest (both locks must say what theirs are), or, where the
caller names what has changed (`only`), if an older shard has one of its name, type and shape. Neither is
taken on trust: the file is not whole before its SHA-256 is the published one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from huiyan.errors import TensorHeaderError
from huiyan.store.tensors import Header, Tensor, joined, matches, read_header

#: Less than this between two ranges is fetched along: a second request would cost more than these bytes.
JOIN_GAP_BYTES: Final = 256 * 1024
_CHUNK_BYTES: Final = 4 * 1024 * 1024


class OldShard(msgspec.Struct, frozen=True, kw_only=True):
    """A whole safetensors file that is here. digests: SHA-256 by tensor name, as far as they are known."""

    path: Path
    header: Header
    digests: Mapping[str, str]


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """`size_bytes` from `start` of the file at `path` belong at `target` of the new one."""

    path: Path
    start: int
    target: int
    size_bytes: int


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """How a new shard comes about. fetch: (start, stop) in it, in order, neighbours joined."""

    pieces: tuple[Piece, ...]
    fetch: tuple[tuple[int, int], ...]

    @property
    def copied_bytes(self) -> int:
        return sum(piece.size_bytes for piece in self.pieces)

    @property
    def fetched_bytes(self) -> int:
        return sum(stop - start for start, stop in self.fetch)


class Target(Protocol):
    """What takes the bytes: a blob that is not whole yet."""

    def write(self, offset: int, data: bytes | memoryview, /) -> None: ...


class OldTensors:
    """What is here, by digest and by name. Of equals the first shard's is taken."""

    def __init__(self, shards: Iterable[OldShard]) -> None:
        self._by_digest: dict[str, tuple[Path, Tensor]] = {}
        self._by_name: dict[str, tuple[Path, Tensor]] = {}
        for shard in shards:
            for tensor in shard.header.tensors:
                self._by_name.setdefault(tensor.name, (shard.path, tensor))
                if (digest := shard.digests.get(tensor.name)) is not None:
                    self._by_digest.setdefault(digest, (shard.path, tensor))

    def find(self, tensor: Tensor, *, digest: str | None, only: Sequence[str]) -> tuple[Path, Tensor] | None:
        if digest is not None:
            found = self._by_digest.get(digest)
            # An empty tensor, or one of the same bytes in another type, is no more than its bytes.
            return found if found is not None and found[1].size_bytes == tensor.size_bytes else None
        if not only or matches(tensor.name, only):
            return None
        found = self._by_name.get(tensor.name)
        return found if found is not None and tensor.same_form(found[1]) else None

    def __bool__(self) -> bool:
        return bool(self._by_name)


def open_shard(path: Path, digests: Mapping[str, str]) -> OldShard | None:
    """None where the file is not there or is no safetensors file."""
    try:
        return OldShard(path=path, header=read_header(path), digests=digests)
    except (OSError, TensorHeaderError):
        return None


def plan(
    header: Header, old: OldTensors, *, digests: Mapping[str, str] | None = None, only: Sequence[str] = ()
) -> Delta:
    """digests: of the new shard's tensors, as its lock has them. only: patterns of what has changed."""
    found: list[tuple[Tensor, tuple[Path, Tensor] | None]] = [
        (tensor, old.find(tensor, digest=(digests or {}).get(tensor.name), only=only))
        for tensor in header.tensors
        if tensor.size_bytes
    ]
    fetch = joined(
        ((tensor.start, tensor.stop) for tensor, source in found if source is None),
        gap_bytes=JOIN_GAP_BYTES,
    )
    pieces: list[Piece] = []
    position = 0
    for tensor, source in found:
        while position < len(fetch) and fetch[position][1] <= tensor.start:
            position += 1
        fetched_anyway = position < len(fetch) and fetch[position][0] <= tensor.start
        if source is not None and not fetched_anyway:
            _add(pieces, source[0], source[1].start, tensor)
    return Delta(pieces=tuple(pieces), fetch=tuple(fetch))


def seed(target: Target, head: bytes, delta: Delta, on_bytes: Callable[[int], None] | None = None) -> int:
    """Write the header and what is here; return the bytes written. What cannot be read is left to be fetched.

    head: of the new shard, up to its first tensor. Raises: what `target.write` raises.
    """
    target.write(0, head)
    written = len(head)
    for piece in delta.pieces:
        try:
            with piece.path.open("rb") as file:
                file.seek(piece.start)
                left, offset = piece.size_bytes, piece.target
                while left > 0 and (data := file.read(min(_CHUNK_BYTES, left))):
                    target.write(offset, data)
                    left -= len(data)
                    offset += len(data)
                    written += len(data)
                    if on_bytes is not None:
                        on_bytes(len(data))
        except FileNotFoundError:
            continue
    return written


def _add(pieces: list[Piece], path: Path, start: int, tensor: Tensor) -> None:
    """Neighbours in both files become one piece."""
    if pieces:
        last = pieces[-1]
        if (last.path, last.start + last.size_bytes, last.target + last.size_bytes) == (
            path,
            start,
            tensor.start,
        ):
            pieces[-1] = Piece(
                path=path,
                start=last.start,
                target=last.target,
                size_bytes=last.size_bytes + tensor.size_bytes,
            )
            return
    pieces.append(Piece(path=path, start=start, target=tensor.start, size_bytes=tensor.size_bytes))
