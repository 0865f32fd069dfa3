"""As much of the tar format as an archive of models needs: plain files, sizes of any length, in one pass.

Written by hand because an archive comes from strangers: what this reader does not know (links, devices,
sparse files, extended headers of any size) does not exist for it. Source: GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from huiyan.store.durable import write_all

BLOCK_BYTES: Final = 512
_PIECE_BYTES: Final = 1024 * 1024
_OCTAL_LIMIT: Final = 8**11


class TarError(Exception):
    """Why the archive is refused."""


class Member(NamedTuple):
    """A plain file. `read` gives its bytes piece by piece, once; what is left unread is skipped."""

    name: str
    size_bytes: int
    pieces: Iterator[bytes]


def header(name: str, size_bytes: int) -> bytes:
    """The block before a file's bytes: nothing in it depends on who writes it, or when."""
    encoded = name.encode("ascii")
    if len(encoded) > 99:
        raise ValueError(name)
    size = b"%011o\0" % size_bytes if size_bytes < _OCTAL_LIMIT else b"\x80" + size_bytes.to_bytes(11, "big")
    fields = [
        encoded.ljust(100, b"\0"),
        b"0000444\0",
        b"0000000\0" * 2,
        size,
        b"00000000000\0",
        b" " * 8,
        b"0",
        b"\0" * 100,
        b"ustar\x0000",
    ]
    block = bytearray(b"".join(fields).ljust(BLOCK_BYTES, b"\0"))
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padding(size_bytes: int) -> bytes:
    return b"\0" * (-size_bytes % BLOCK_BYTES)


def write_member(fd: int, name: str, size_bytes: int, pieces: Iterator[bytes]) -> None:
    """Raises: OSError, TarError when the pieces are not as long as was said."""
    write_all(fd, header(name, size_bytes))
    left = size_bytes
    for piece in pieces:
        left -= len(piece)
        write_all(fd, piece)
    if left:
        raise TarError(f"{name} changed while it was being read")
    write_all(fd, padding(size_bytes))


def write_end(fd: int) -> None:
    """Raises: OSError."""
    write_all(fd, b"\0" * (2 * BLOCK_BYTES))


def members(read: Callable[[int], bytes]) -> Iterator[Member]:
    """Each file of an archive, in order; directories are passed over. read: as a file's. Raises: TarError."""
    while True:
        block = _exactly(read, BLOCK_BYTES)
        if block == b"\0" * BLOCK_BYTES:
            return
        name, size_bytes, kind = _parse(block)
        if kind == b"5" and size_bytes == 0:
            continue
        if kind not in (b"0", b"\0"):
            raise TarError(f"{name!r} is no plain file (type {kind!r})")
        left = [size_bytes]
        yield Member(name, size_bytes, _pieces(read, left))
        for _ in _pieces(read, left):
            pass
        _exactly(read, -size_bytes % BLOCK_BYTES)


def _pieces(read: Callable[[int], bytes], left: list[int]) -> Iterator[bytes]:
    while left[0]:
        piece = read(min(_PIECE_BYTES, left[0]))
        if not piece:
            raise TarError("it ends in the middle of a file")
        left[0] -= len(piece)
        yield piece


def _exactly(read: Callable[[int], bytes], size_bytes: int) -> bytes:
    data = b""
    while len(data) < size_bytes:
        piece = read(size_bytes - len(data))
        if not piece:
            raise TarError("it ends too early")
        data += piece
    return data


def _parse(block: bytes) -> tuple[str, int, bytes]:
    """(name, size, type). Raises: TarError."""
    try:
        stated = int(block[148:156].strip(b" \0") or b"x", 8)
        if stated != sum(block[:148]) + 8 * 32 + sum(block[156:]):
            raise TarError("a header's checksum is wrong")
        if block[257:262] != b"ustar":
            raise TarError("it is no ustar archive")
        prefix = block[345:500].split(b"\0")[0] if block[257:263] == b"ustar\0" else b""
        name = b"/".join(filter(None, [prefix, block[:100].split(b"\0")[0]])).decode("ascii")
        size = block[124:136]
        if size[0] & 0x80:
            size_bytes = int.from_bytes(bytes([size[0] & 0x7F]) + size[1:], "big")
        else:
            size_bytes = int(size.strip(b" \0") or b"0", 8)
    except ValueError:
        raise TarError("a header cannot be read") from None
    if size_bytes < 0:
        raise TarError("a header cannot be read")
    return name.removeprefix("./"), size_bytes, block[156:157]
