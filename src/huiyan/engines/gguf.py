"""Reads the head of a GGUF file: what the model is, and how long the file has to be.

Source: the GGUF specification, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from huiyan.errors import StoreError
from huiyan.messages import refusal

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_DEFAULT_ALIGNMENT: Final = 32

#: GGUF value types → struct codes; 8 is a string, 9 an array.
_SCALARS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING: Final = 8
_ARRAY: Final = 9

#: ggml tensor types → (elements in a block, bytes of a block), as in ggml.c's type traits.
_BLOCKS: Final = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    9: (32, 36),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
    20: (32, 18),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    30: (1, 2),
}


@dataclass(frozen=True, kw_only=True)
class GgufHead:
    """metadata: scalars and strings by key; arrays are left out. needed_bytes: least size of a whole file.

    shapes: of each tensor by its name, the fastest running axis first, as the file has them.
    """

    metadata: dict[str, Any]
    needed_bytes: int
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def _of_architecture(self, name: str) -> Any:
        return self.metadata.get(f"{self.metadata.get('general.architecture')}.{name}")

    @property
    def name(self) -> str:
        return str(self.metadata.get("general.name", ""))

    @property
    def trained_context_tokens(self) -> int | None:
        value = self._of_architecture("context_length")
        return int(value) if value else None

    @property
    def kv_bytes_per_token(self) -> int:
        """KV cache of one token at 16 bits; 0 where the head does not say enough."""
        layers, heads = self._of_architecture("block_count"), self._of_architecture("attention.head_count_kv")
        key, value = (
            self._of_architecture("attention.key_length"),
            self._of_architecture("attention.value_length"),
        )
        if not (layers and heads):
            return 0
        if not (key and value):
            width, query_heads = (
                self._of_architecture("embedding_length"),
                self._of_architecture("attention.head_count"),
            )
            if not (width and query_heads):
                return 0
            key = value = width // query_heads
        return int(layers) * int(heads) * (int(key) + int(value)) * 2


class _Cursor:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.at = 0

    def unpack(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self._data, self.at)
        self.at += struct.calcsize(f"<{code}")
        return value

    def string(self) -> bytes:
        size_bytes = self.unpack("Q")
        value = self._data[self.at : self.at + size_bytes]
        if len(value) != size_bytes:
            raise struct.error("a string ends beyond the file")
        self.at += size_bytes
        return value

    def value(self, kind: int) -> Any:
        """The value, or None for an array, which is passed over."""
        if kind == _STRING:
            return self.string().decode("utf-8", "replace")
        if kind != _ARRAY:
            return self.unpack(_SCALARS[kind])
        inner, count = self.unpack("I"), self.unpack("Q")
        if inner in _SCALARS:
            self.at += count * struct.calcsize(f"<{_SCALARS[inner]}")
        else:
            for _ in range(count):
                self.value(inner)
        return None


def read_head(path: Path) -> GgufHead:
    """Raises: StoreError when the file is no GGUF, or ends within its head; OSError."""
    with path.open("rb") as file:
        if file.read(4) != _MAGIC:
            raise refusal(StoreError, "gguf.no_gguf", path=path)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _parse(_Cursor(data))
            except (struct.error, KeyError, ValueError, OverflowError) as error:
                raise refusal(StoreError, "gguf.damaged", path=path, reason=error) from error


def _parse(cursor: _Cursor) -> GgufHead:
    cursor.at = 4
    version = cursor.unpack("I")
    if version not in _VERSIONS:
        raise ValueError(f"GGUF version {version}")
    tensors, pairs = cursor.unpack("Q"), cursor.unpack("Q")
    metadata = {}
    for _ in range(pairs):
        key = cursor.string().decode("utf-8", "replace")
        value = cursor.value(cursor.unpack("I"))
        if value is not None:
            metadata[key] = value
    data_bytes = 0
    shapes = {}
    for _ in range(tensors):
        name = cursor.string().decode("utf-8", "replace")
        shape = tuple(cursor.unpack("Q") for _ in range(cursor.unpack("I")))
        shapes[name] = shape
        elements = math.prod(shape)
        block = _BLOCKS.get(cursor.unpack("I"))
        offset = cursor.unpack("Q")
        # Of a type that is not in the table, at least the beginning has to be there.
        size_bytes = elements // block[0] * block[1] if block else 1
        data_bytes = max(data_bytes, offset + size_bytes)
    alignment = int(metadata.get("general.alignment", _DEFAULT_ALIGNMENT))
    data_at = (cursor.at + alignment - 1) // alignment * alignment
    needed_bytes = data_at + data_bytes if tensors else cursor.at
    return GgufHead(metadata=metadata, needed_bytes=needed_bytes, shapes=shapes)
