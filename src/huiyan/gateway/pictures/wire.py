"""What the pool and a decoding process say to each other: frames of MessagePack, then bytes.

pool                                decoder
                                    Ready
Job + the file          ──────>
                        <──────     Need (only once, before pixels are allocated)
GO | NO                 ──────>
                        <──────     Done + the new file | Refused
"""

from __future__ import annotations

import struct
from typing import Any, Protocol, TypeVar

import msgspec

LENGTH = struct.Struct(">I")

GO, NO = b"\x01", b"\x00"

#: A frame larger than this is nonsense: a process that went wrong.
MAX_FRAME_BYTES = 1024 * 1024


class Job(msgspec.Struct, array_like=True, frozen=True):
    """size_bytes: of the file, which follows."""

    size_bytes: int
    label: str
    max_bytes: int
    max_pixels: int
    max_frames: int
    scaled_to_pixels: int | None


class Ready(msgspec.Struct, tag="ready", frozen=True):
    pass


class Need(msgspec.Struct, tag="need", frozen=True):
    """size_bytes: memory for the decoded picture."""

    size_bytes: int


class Done(msgspec.Struct, tag="done", frozen=True):
    """spans: ranges of the file that are sent as they are; None: the `size_bytes` that follow are sent."""

    media_type: str
    width: int
    height: int
    resized: bool
    spans: list[tuple[int, int]] | None
    size_bytes: int


class Refused(msgspec.Struct, tag="refused", frozen=True):
    """code: of one of `huiyan.errors`, or "" for something unforeseen."""

    code: str
    message: str
    hint: str


Reply = Ready | Need | Done | Refused

_encoder = msgspec.msgpack.Encoder()

T = TypeVar("T")


class Raw(Protocol):
    """A raw (unbuffered) file."""

    def readinto(self, buffer: Any, /) -> int | None: ...  # Any: a writable buffer

    def write(self, data: Any, /) -> int | None: ...  # Any: a buffer


def write(file: Raw, *pieces: bytes | memoryview) -> None:
    """All of it. Raises: OSError."""
    for piece in pieces:
        left = memoryview(piece)
        while left:
            left = left[file.write(left) or 0 :]


def frame(message: msgspec.Struct) -> bytes:
    data = _encoder.encode(message)
    return LENGTH.pack(len(data)) + data


def read(file: Raw, size_bytes: int) -> bytes:
    """Exactly so many bytes. Raises: EOFError, OSError."""
    buffer = bytearray(size_bytes)
    view = memoryview(buffer)
    while view:
        count = file.readinto(view)
        if not count:
            raise EOFError
        view = view[count:]
    return bytes(buffer)


def read_frame(file: Raw, decoder: msgspec.msgpack.Decoder[T]) -> T:
    """Raises: EOFError, OSError, msgspec.DecodeError."""
    (length,) = LENGTH.unpack(read(file, LENGTH.size))
    if length > MAX_FRAME_BYTES:
        raise EOFError
    return decoder.decode(read(file, length))
