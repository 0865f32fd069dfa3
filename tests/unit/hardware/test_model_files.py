"""huiyan.hardware.model_files: shapes from directories, whole and broken."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from huiyan.errors import ModelFileMissingError, StoreError
from huiyan.hardware.model_files import shape_of, tensor_sizes
from huiyan.hardware.presets import QUANTIZATIONS, SHAPES, quantized

TEXT = {
    "head_dim": 128,
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "max_position_embeddings": 262144,
    "num_attention_heads": 32,
    "num_hidden_layers": 36,
    "num_key_value_heads": 8,
    "vocab_size": 151936,
}
VISION = {
    "depth": 27,
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "out_hidden_size": 4096,
    "patch_size": 16,
    "num_position_embeddings": 2304,
    "deepstack_visual_indexes": [8, 16, 24],
}


def model(directory: Path, **extra: Any) -> Path:
    config = {"model_type": "qwen3_vl", "text_config": TEXT, "vision_config": VISION, **extra}
    (directory / "config.json").write_text(json.dumps({"tie_word_embeddings": False, **config}))
    return directory


def shard(path: Path, tensors: dict[str, int]) -> None:
    head, at = {}, 0
    for name, size in tensors.items():
        head[name] = {"dtype": "BF16", "shape": [size // 2], "data_offsets": [at, at + size]}
        at += size
    text = json.dumps({"__metadata__": {"format": "pt"}, **head}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)


def test_the_published_sizes_are_computed() -> None:
    assert {name: (shape.weights_bytes, shape.vision_bytes) for name, shape in SHAPES.items()} == {
        "2B": (4_255_064_064, 813_914_112),
        "4B": (8_875_631_616, 830_695_424),
        "8B": (17_534_247_392, 1_152_776_672),
        "32B": (66_714_780_128, 1_190_533_600),
    }
    assert SHAPES["8B"].kv_bytes_per_token() == 147_456
    assert SHAPES["8B"].kv_bytes_per_token("fp8") == 73_728


def test_only_language_layers_are_quantised() -> None:
    whole, fp8, int4 = (quantized(SHAPES["8B"], name) for name in ("bf16", "fp8", "gptq-int4"))
    assert whole.vision_bytes == fp8.vision_bytes == int4.vision_bytes
    assert whole.embedding_bytes == fp8.embedding_bytes == int4.embedding_bytes == 2 * 151_936 * 4096 * 2
    # The publisher's FP8 copy is about 10.6 GB.
    assert fp8.weights_bytes == pytest.approx(10.6e9, rel=0.01)
    # Four bits, a 16-bit scale and a zero point for every 128 weights.
    assert int4.language_bytes - int4.embedding_bytes - 2 * int4.text.norm_elements == pytest.approx(
        int4.text.linear_elements * (4 + 16 / 128 + 4 / 128) / 8
    )


def test_an_engine_that_quantises_while_it_loads_takes_the_tower_along() -> None:
    published, online = quantized(SHAPES["8B"], "fp8"), quantized(SHAPES["8B"], "fp8-online")
    assert online.language_bytes == published.language_bytes
    assert 0.5 < online.vision_bytes / published.vision_bytes < 0.55


def test_a_configuration_alone_gives_the_shape(tmp_path: Path) -> None:
    shape = shape_of(model(tmp_path))
    assert (shape.text, shape.vision) == (SHAPES["8B"].text, SHAPES["8B"].vision)
    assert shape.weights_bytes == 17_534_247_392


def test_the_index_gives_the_total(tmp_path: Path) -> None:
    index = {"metadata": {"total_size": 17_000_000_000}, "weight_map": {"a": "model-1.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    shape = shape_of(model(tmp_path))
    assert shape.weights_bytes == 17_000_000_000
    assert shape.vision_bytes == SHAPES["8B"].vision_bytes


def test_heads_give_the_parts(tmp_path: Path) -> None:
    shard(tmp_path / "model-1.safetensors", {"model.visual.patch": 600, "model.language_model.a": 1000})
    shard(tmp_path / "model-2.safetensors", {"model.visual.block": 400, "lm_head.weight": 8000})
    index = {
        "metadata": {"total_size": 5},
        "weight_map": {"x": "model-1.safetensors", "y": "model-2.safetensors", "z": "../../etc/passwd"},
    }
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    shape = shape_of(model(tmp_path))
    assert (shape.weights_bytes, shape.vision_bytes, shape.language_bytes) == (10_000, 1_000, 9_000)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, QUANTIZATIONS["gptq-int4"]),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, QUANTIZATIONS["awq-int4"]),
        (
            {"quant_method": "fp8", "modules_to_not_convert": ["lm_head", "model.visual.blocks.0.attn.qkv"]},
            QUANTIZATIONS["fp8"],
        ),
        # Only whole names count for vLLM, so that this one leaves nothing out.
        ({"quant_method": "fp8", "modules_to_not_convert": ["model.visual"]}, QUANTIZATIONS["fp8-online"]),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 128, "type": "int"}}},
            },
            QUANTIZATIONS["gptq-int4"],
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}},
            },
            QUANTIZATIONS["fp8"],
        ),
    ],
)
def test_how_weights_are_stored(tmp_path: Path, config: dict[str, Any], expected: Any) -> None:
    assert shape_of(model(tmp_path, quantization_config=config)).quantization == expected


def test_a_quantised_head_is_smaller(tmp_path: Path) -> None:
    config = {"quant_method": "gptq", "bits": 4, "group_size": -1, "lm_head": True}
    shape = shape_of(model(tmp_path, quantization_config=config))
    assert shape.embedding_bytes < SHAPES["8B"].embedding_bytes * 0.7


def test_limits_of_pictures(tmp_path: Path) -> None:
    limits = {"size": {"shortest_edge": 4096, "longest_edge": 1_000_000}}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(limits))
    shape = shape_of(model(tmp_path))
    assert (shape.image_min_pixels, shape.image_max_pixels) == (4096, 1_000_000)


def test_nothing_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelFileMissingError) as caught:
        shape_of(tmp_path)
    assert "huiyan plan --model 8B" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"text_config": {}}', "[" * 100_000, '{"text_config": 1, "vision_config": 2}']
)
def test_a_broken_configuration_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(StoreError):
        shape_of(tmp_path)


def test_sizes_that_no_model_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        shape_of(model(tmp_path, text_config={**TEXT, "num_hidden_layers": 0}))


def test_a_huge_configuration_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(" " * (5 * 1024 * 1024))
    with pytest.raises(StoreError):
        shape_of(tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        struct.pack("<Q", 2**60),
        struct.pack("<Q", 30) + b"{}",
        struct.pack("<Q", 9) + b'{"a": {}}',
        struct.pack("<Q", 24) + b'{"a":{"data_offsets":1}}',
    ],
)
def test_a_broken_head_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(StoreError):
        tensor_sizes(path)
