"""Where each tensor of a safetensors file lies, read from the head of the file alone.

    8 bytes, little-endian: length of the header | JSON header | the tensors, one after the other

Headers come from hubs and mirrors, so each is taken for hostile until it has been read whole: lengths,
shapes, ranges that overlap, leave holes or point outside, and names twice are refused.

Source: the format's own description (github.com/huggingface/safetensors, "Format").
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import msgspec

from huiyan.errors import TensorHeaderError
from huiyan.messages import Text, refusal

PREFIX_BYTES: Final = 8
#: The largest headers that are published (hundreds of thousands of tensors) stay well below it.
MAX_HEADER_BYTES: Final = 32 * 1024 * 1024
#: A first request of this much nearly always holds the whole header: 200 tensors need about 25 kB.
FIRST_READ_BYTES: Final = 64 * 1024

_CHUNK_BYTES: Final = 4 * 1024 * 1024
_MAX_DIMENSIONS: Final = 32

#: Bits of one element.
_BITS: Final = {
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}

_Size = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    dtype: str
    shape: Annotated[list[_Size], msgspec.Meta(max_length=_MAX_DIMENSIONS)]
    data_offsets: tuple[_Size, _Size]


class Tensor(msgspec.Struct, frozen=True, kw_only=True):
    """start, stop: bytes from the beginning of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def size_bytes(self) -> int:
        return self.stop - self.start

    def same_form(self, other: Tensor) -> bool:
        """Whether the other's bytes can stand in this one's place."""
        return (self.dtype, self.shape) == (other.dtype, other.shape)


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """data_start: where the first tensor begins. tensors: in the order of their bytes."""

    data_start: int
    size_bytes: int
    tensors: tuple[Tensor, ...]

    def by_name(self) -> dict[str, Tensor]:
        return {tensor.name: tensor for tensor in self.tensors}


def header_length(prefix: bytes, *, size_bytes: int) -> int:
    """Bytes before the first tensor, from a file's first 8. Raises: TensorHeaderError."""
    if len(prefix) < PREFIX_BYTES:
        raise _refused(Text("reason.short", {}))
    length = int.from_bytes(prefix[:PREFIX_BYTES], "little")
    if not 2 <= length <= MAX_HEADER_BYTES or PREFIX_BYTES + length > size_bytes:
        raise _refused(Text("reason.header_size", {"length": length, "size_bytes": size_bytes}))
    return PREFIX_BYTES + length


def parse_header(head: bytes | memoryview, *, size_bytes: int) -> Header:
    """The header of a file of `size_bytes`. head: from byte 0; more than the header does no harm.

    Raises: TensorHeaderError.
    """
    head = bytes(head)
    data_start = header_length(head, size_bytes=size_bytes)
    text = head[PREFIX_BYTES:data_start]
    if len(text) < data_start - PREFIX_BYTES:
        raise _refused(Text("reason.head_cut_off", {}))
    entries = _entries(text)
    tensors = sorted(
        (_tensor(name, entry, data_start) for name, entry in entries.items()),
        key=lambda tensor: (tensor.start, tensor.stop),
    )
    position = data_start
    for tensor in tensors:
        if tensor.start != position:
            raise _refused(Text("reason.hole", {"name": tensor.name[:100]}))
        position = tensor.stop
    if position != size_bytes:
        raise _refused(Text("reason.tensors_end", {"position": position, "size_bytes": size_bytes}))
    return Header(data_start=data_start, size_bytes=size_bytes, tensors=tuple(tensors))


def read_header(path: Path) -> Header:
    """Raises: TensorHeaderError, OSError."""
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(PREFIX_BYTES)
        rest = file.read(header_length(prefix, size_bytes=size_bytes) - PREFIX_BYTES)
    return parse_header(prefix + rest, size_bytes=size_bytes)


def fetch_header(read: Callable[[int, int], bytes], *, size_bytes: int) -> tuple[bytes, Header]:
    """The bytes before the first tensor, and what they say, of a file that is read in ranges.

    read: gives bytes start..stop of it. Two calls at most, nearly always one.
    Raises: TensorHeaderError, and what `read` raises.
    """
    head = read(0, min(FIRST_READ_BYTES, size_bytes))
    length = header_length(head, size_bytes=size_bytes)
    if length > len(head):
        head += read(len(head), length)
    return head[:length], parse_header(head, size_bytes=size_bytes)


def select(header: Header, patterns: Sequence[str]) -> list[Tensor]:
    """Tensors that a pattern means: `model.visual.*`, a whole name, or what stands before a dot."""
    return [tensor for tensor in header.tensors if matches(tensor.name, patterns)]


def matches(name: str, patterns: Iterable[str]) -> bool:
    return any(
        fnmatch.fnmatchcase(name, pattern)
        if any(mark in pattern for mark in "*?[")
        else name == pattern or name.startswith(pattern.rstrip(".") + ".")
        for pattern in patterns
    )


def joined(ranges: Iterable[tuple[int, int]], *, gap_bytes: int = 0) -> list[tuple[int, int]]:
    """(start, stop) in order, neighbours made one where at most `gap_bytes` lie between them."""
    result: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if result and start - result[-1][1] <= gap_bytes:
            result[-1] = (result[-1][0], max(stop, result[-1][1]))
        elif stop > start:
            result.append((start, stop))
    return result


def tensor_digests(path: Path, on_bytes: Callable[[int], None] | None = None) -> dict[str, str]:
    """SHA-256 (hex) of each tensor's bytes by name. on_bytes: told the size of each piece that was read.

    Raises: TensorHeaderError, OSError.
    """
    header = read_header(path)
    digests: dict[str, str] = {}
    with path.open("rb") as file:
        for tensor in header.tensors:
            file.seek(tensor.start)
            digests[tensor.name] = _digest(file, tensor.size_bytes, on_bytes)
    return digests


def _digest(file: BinaryIO, size_bytes: int, on_bytes: Callable[[int], None] | None) -> str:
    digest = hashlib.sha256()
    while size_bytes > 0:
        piece = file.read(min(_CHUNK_BYTES, size_bytes))
        if not piece:
            raise _refused(Text("reason.cut_off", {}))
        digest.update(piece)
        size_bytes -= len(piece)
        if on_bytes is not None:
            on_bytes(len(piece))
    return digest.hexdigest()


def read_index(data: bytes) -> dict[str, str]:
    """Tensor name to shard, from `model.safetensors.index.json`. Raises: TensorHeaderError."""
    try:
        index = msgspec.json.decode(data, type=dict[str, Any]).get("weight_map")
        shards = msgspec.convert(index, dict[str, str])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _refused(Text("reason.index", {"cause": error})) from error
    for shard in set(shards.values()):
        if not shard.endswith(".safetensors") or "/" in shard or "\\" in shard or shard.startswith("."):
            raise _refused(Text("reason.index_names", {"name": shard[:100]}))
    return shards


def _entries(text: bytes) -> dict[str, _Entry]:
    if not text.startswith(b"{"):
        raise _refused(Text("reason.no_object", {}))
    try:
        raw = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        metadata = raw.pop("__metadata__", None)
        if metadata is not None:
            msgspec.json.decode(metadata, type=dict[str, str])
        entries = {name: msgspec.json.decode(entry, type=_Entry) for name, entry in raw.items()}
        _refuse_twice(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _refused(str(error)[:200]) from error
    return entries


def _refuse_twice(text: bytes) -> None:
    """Parsers differ in which of two equal names they take, so a file with both means two things."""

    def pairs(found: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in found}) != len(found):
            raise ValueError("a name stands twice")

    json.loads(text, object_pairs_hook=pairs)


def _tensor(name: str, entry: _Entry, data_start: int) -> Tensor:
    begin, end = entry.data_offsets
    bits = _BITS.get(entry.dtype)
    if bits is None:
        raise _refused(Text("reason.dtype", {"dtype": entry.dtype[:20]}))
    if begin > end or math.prod(entry.shape) * bits != (end - begin) * 8:
        raise _refused(Text("reason.range", {"name": name[:100]}))
    return Tensor(
        name=name,
        dtype=entry.dtype,
        shape=tuple(entry.shape),
        start=data_start + begin,
        stop=data_start + end,
    )


def _refused(reason: Text | str) -> TensorHeaderError:
    return refusal(TensorHeaderError, "tensors.header", reason=reason)
