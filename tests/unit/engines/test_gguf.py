"""huiyan.engines.gguf, on files written here and on nano."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan import nano
from huiyan.engines.gguf import read_head
from huiyan.errors import StoreError


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def gguf(*, tensors: list[tuple[str, list[int], int, int]] = (), pairs: list[bytes] = ()) -> bytes:  # type: ignore[assignment]
    """The head of a file. tensors: (name, dimensions, type, offset)."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs)
    for name, dimensions, kind, offset in tensors:
        head += string(name) + struct.pack("<I", len(dimensions))
        head += b"".join(struct.pack("<Q", size) for size in dimensions) + struct.pack("<IQ", kind, offset)
    return head


def uint32(key: str, value: int) -> bytes:
    return string(key) + struct.pack("<II", 4, value)


def text(key: str, value: str) -> bytes:
    return string(key) + struct.pack("<I", 8) + string(value)


def array(key: str, values: list[str]) -> bytes:
    return string(key) + struct.pack("<IIQ", 9, 8, len(values)) + b"".join(string(value) for value in values)


def test_metadata_is_read_and_arrays_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    pairs = [
        text("general.architecture", "qwen3vl"),
        array("tokenizer.ggml.tokens", ["你", "好", ""]),
        uint32("qwen3vl.context_length", 262144),
        uint32("qwen3vl.block_count", 36),
        uint32("qwen3vl.attention.head_count", 32),
        uint32("qwen3vl.attention.head_count_kv", 8),
        uint32("qwen3vl.embedding_length", 4096),
        text("general.name", "Qwen3-VL 8B"),
    ]
    path.write_bytes(gguf(pairs=pairs))
    head = read_head(path)
    assert head.name == "Qwen3-VL 8B"
    assert head.trained_context_tokens == 262144
    assert "tokenizer.ggml.tokens" not in head.metadata
    # 36 layers x 8 heads x (128 + 128) values x 2 bytes: 144 KiB for a token, as llama.cpp reports it.
    assert head.kv_bytes_per_token == 144 * 1024


def test_the_size_follows_from_the_last_tensor(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    # q8_0: 34 bytes for 32 values; 64 x 2 values are 4 blocks.
    head = gguf(tensors=[("a", [64, 2], 8, 0), ("b", [10], 0, 160)])
    path.write_bytes(head)
    data_at = (len(head) + 31) // 32 * 32
    assert read_head(path).needed_bytes == data_at + 160 + 40


def test_nano_is_exactly_as_long_as_its_head_says() -> None:
    for path in (nano.MODEL_PATH, nano.MMPROJ_PATH):
        assert read_head(path).needed_bytes == path.stat().st_size


@pytest.mark.parametrize("data", [b"", b"GGU", b"<html>", b"GGUF", b"GGUF\x63\0\0\0" + bytes(16)])
def test_what_is_no_gguf_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    with pytest.raises(StoreError):
        read_head(path)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_head_is_refused_or_read_but_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = nano.MODEL_PATH.read_bytes()[:4096]
    at = data.draw(st.integers(0, len(whole) - 1))
    length = data.draw(st.integers(1, len(whole)))
    broken = bytearray(whole)
    broken[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("gguf") / "m.gguf"
    path.write_bytes(bytes(broken[:length]))
    with pytest.raises(StoreError):
        read_head(path)
