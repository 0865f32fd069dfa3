"""Heads of safetensors files: read right, and refused where they cannot be right."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.errors import TensorHeaderError
from huiyan.store import tensors
from tests.support import safetensors

DATA = {"model.visual.a": b"1234", "model.language.b": b"", "model.visual.c": b"567"}


def _entry(begin: int, end: int, *, dtype: str = "U8", shape: list[int] | None = None) -> dict[str, object]:
    return {"dtype": dtype, "shape": [end - begin] if shape is None else shape, "data_offsets": [begin, end]}


def test_tensors_are_found_by_byte(tmp_path: Path) -> None:
    data = safetensors.encode(DATA, metadata={"format": "pt"})
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    header = tensors.read_header(path)
    assert {tensor.name: data[tensor.start : tensor.stop] for tensor in header.tensors} == DATA
    assert header.size_bytes == len(data)


def test_digest_of_each_tensor(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensors.encode(DATA))
    seen: list[int] = []
    found = tensors.tensor_digests(path, seen.append)
    assert found == {name: hashlib.sha256(data).hexdigest() for name, data in DATA.items()}
    assert sum(seen) == 7


def test_elements_of_less_than_a_byte() -> None:
    head = safetensors.head({"a": _entry(0, 3, dtype="F6_E2M3", shape=[2, 2])})
    header = tensors.parse_header(head + b"abc", size_bytes=len(head) + 3)
    assert header.tensors[0].shape == (2, 2)


HOSTILE = {
    "overlap": {"a": _entry(0, 8), "b": _entry(4, 12)},
    "hole": {"a": _entry(0, 4), "b": _entry(8, 12)},
    "twice the same bytes": {"a": _entry(0, 12), "b": _entry(0, 12)},
    "past the end": {"a": _entry(0, 13)},
    "short of the end": {"a": _entry(0, 11)},
    "backwards": {"a": {"dtype": "U8", "shape": [0], "data_offsets": [12, 0]}},
    "negative": {"a": {"dtype": "U8", "shape": [12], "data_offsets": [-12, 0]}},
    "huge": {"a": {"dtype": "U8", "shape": [2**70], "data_offsets": [0, 2**70]}},
    "shape of another size": {"a": _entry(0, 12, shape=[5])},
    "shape that overflows": {"a": _entry(0, 12, shape=[2**61, 2**61])},
    "too many dimensions": {"a": _entry(0, 12, shape=[1] * 40 + [12])},
    "unknown dtype": {"a": _entry(0, 12, dtype="EVIL")},
    "unknown field": {"a": {**_entry(0, 12), "path": "/etc/passwd"}},
    "metadata that is no text": {"__metadata__": {"a": [1]}, "a": _entry(0, 12)},
    "list in place of an entry": {"a": [0, 12]},
    "no tensors but bytes": {},
}


@pytest.mark.parametrize("entries", HOSTILE.values(), ids=HOSTILE)
def test_header_that_cannot_be_right(entries: dict[str, object]) -> None:
    head = safetensors.head(entries)
    with pytest.raises(TensorHeaderError) as caught:
        tensors.parse_header(head + bytes(12), size_bytes=len(head) + 12)
    assert caught.value.hint


def _framed(text: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text


BROKEN = {
    "empty": b"",
    "seven bytes": bytes(7),
    "length of nothing": bytes(8),
    "length beyond the file": (1000).to_bytes(8, "little") + b"{}",
    "length of 2**64-1": b"\xff" * 8 + b"{}",
    "no object": _framed(b"[1]"),
    "no JSON": _framed(b"{oops}"),
    "no UTF-8": _framed(b'{"\xff": 1}'),
    "nested": _framed(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "nested metadata": _framed(b'{"__metadata__":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}"),
    "name twice": _framed(
        b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},'
        b'"a":{"dtype":"I8","shape":[0],"data_offsets":[0,0]}}'
    ),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_bytes_that_are_no_header(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    with pytest.raises(TensorHeaderError):
        tensors.read_header(path)


@given(st.binary(max_size=400))
def test_whatever_the_bytes_are(text: bytes) -> None:
    data = _framed(text)
    try:
        header = tensors.parse_header(data, size_bytes=len(data))
    except TensorHeaderError:
        return
    assert header.size_bytes == len(data)


def test_huge_header_is_refused_before_it_is_read() -> None:
    asked: list[tuple[int, int]] = []

    def read(start: int, stop: int) -> bytes:
        asked.append((start, stop))
        return ((1 << 40).to_bytes(8, "little") + bytes(stop))[start:stop]

    with pytest.raises(TensorHeaderError):
        tensors.fetch_header(read, size_bytes=1 << 42)
    assert asked == [(0, tensors.FIRST_READ_BYTES)]


@pytest.mark.parametrize(("count", "reads"), [(5, 1), (6000, 2)])
def test_header_is_fetched_in_one_read_or_two(count: int, reads: int) -> None:
    data = safetensors.encode({f"model.layers.{number}.weight": b"x" for number in range(count)})
    asked: list[tuple[int, int]] = []

    def read(start: int, stop: int) -> bytes:
        asked.append((start, stop))
        return data[start:stop]

    head, header = tensors.fetch_header(read, size_bytes=len(data))
    assert len(asked) == reads
    assert len(header.tensors) == count
    assert head == data[: header.data_start]


def test_neighbours_are_joined() -> None:
    ranges = [(10, 20), (0, 5), (20, 30), (35, 40), (50, 50)]
    assert tensors.joined(ranges) == [(0, 5), (10, 30), (35, 40)]
    assert tensors.joined(ranges, gap_bytes=5) == [(0, 40)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("model.visual.*", ["model.visual.a", "model.visual.c"]),
        ("model.visual", ["model.visual.a", "model.visual.c"]),
        ("model.visual.", ["model.visual.a", "model.visual.c"]),
        ("model.visual.c", ["model.visual.c"]),
        ("model.vis", []),
        ("*.b", ["model.language.b"]),
    ],
)
def test_tensors_by_pattern(pattern: str, expected: list[str]) -> None:
    data = safetensors.encode(DATA)
    header = tensors.parse_header(data, size_bytes=len(data))
    assert sorted(tensor.name for tensor in tensors.select(header, [pattern])) == expected


def test_index_names_shards() -> None:
    files = safetensors.shards({"a": bytes(50), "b": bytes(50)}, count=2)
    assert tensors.read_index(files["model.safetensors.index.json"]) == {
        "a": "model-00001-of-00002.safetensors",
        "b": "model-00002-of-00002.safetensors",
    }


@pytest.mark.parametrize(
    "shard", ["../a.safetensors", "/a.safetensors", "a.bin", "..\\a.safetensors", ".safetensors"]
)
def test_index_that_points_elsewhere(shard: str) -> None:
    with pytest.raises(TensorHeaderError):
        tensors.read_index(json.dumps({"weight_map": {"a": shard}}).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"weight_map": {"a": 1}}', b"\xff"])
def test_index_that_is_none(data: bytes) -> None:
    with pytest.raises(TensorHeaderError):
        tensors.read_index(data)
