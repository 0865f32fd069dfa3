"""A directory that lacks what the engine will ask for is refused before the engine is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.errors import SnapshotIncompleteError
from huiyan.store import companions
from tests.support import safetensors


@pytest.fixture
def files() -> dict[str, bytes]:
    shards = safetensors.shards({"a": bytes(50), "b": bytes(50)}, count=2)
    return {**safetensors.companions(), **shards}


def test_whole(files: dict[str, bytes], tmp_path: Path) -> None:
    assert companions.check(safetensors.write(tmp_path, files), model_id="a/b") == []
    assert companions.missing(files) == []


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        (["config.json"], "config.json"),
        (["preprocessor_config.json"], "preprocessor_config.json"),
        (["tokenizer.json", "vocab.json"], "tokenizer.json"),
        (["tokenizer_config.json"], "tokenizer_config.json"),
        (["chat_template.json"], "chat_template.json"),
        (["model-00002-of-00002.safetensors"], "model-00002-of-00002.safetensors"),
        (["model.safetensors.index.json"], "model.safetensors.index.json"),
        (
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
            "model.safetensors",
        ),
    ],
)
def test_what_is_missing_is_named(
    files: dict[str, bytes], gone: list[str], named: str, tmp_path: Path
) -> None:
    safetensors.write(tmp_path, {name: data for name, data in files.items() if name not in gone})
    with pytest.raises(SnapshotIncompleteError) as caught:
        companions.check(tmp_path, model_id="a/b")
    assert named in caught.value.message
    assert "huiyan models pull a/b" in caught.value.hint


def test_another_tokenizer_does(files: dict[str, bytes], tmp_path: Path) -> None:
    del files["tokenizer.json"]
    assert companions.check(safetensors.write(tmp_path, files), model_id="a/b") == []


def test_template_within_the_tokenizer_does(files: dict[str, bytes], tmp_path: Path) -> None:
    del files["chat_template.json"]
    files["tokenizer_config.json"] = b'{"chat_template": "{{ messages }}"}'
    assert companions.check(safetensors.write(tmp_path, files), model_id="a/b") == []


def test_sampling_is_wanted_and_not_needed(files: dict[str, bytes], tmp_path: Path) -> None:
    del files["generation_config.json"]
    found = companions.check(safetensors.write(tmp_path, files), model_id="a/b")
    assert [each.path for each in found] == ["generation_config.json"]


@pytest.mark.parametrize("index", [b"", b'{"weight_map": {"a": "../x.safetensors"}}'])
def test_broken_index(files: dict[str, bytes], index: bytes, tmp_path: Path) -> None:
    files["model.safetensors.index.json"] = index
    with pytest.raises(SnapshotIncompleteError, match="index"):
        companions.check(safetensors.write(tmp_path, files), model_id="a/b")


@pytest.mark.parametrize(
    ("paths", "lacking"),
    [
        (["a-Q4_K_M.gguf", "mmproj-a-F16.gguf"], []),
        (["a-Q4_K_M.gguf"], ["mmproj-*.gguf"]),
        (["mmproj-a-F16.gguf"], ["*.gguf"]),
        (["a-00001-of-00002.gguf", "mmproj-a.gguf"], ["a-00002-of-00002.gguf"]),
    ],
)
def test_gguf(paths: list[str], lacking: list[str]) -> None:
    assert [each.path for each in companions.missing(paths)] == lacking


def test_parts_without_end_are_not_written_out() -> None:
    assert len(companions.missing(["a-00001-of-99999.gguf", "mmproj-a.gguf"])) == 0
