"""huiyan.launcher.vllm_plan: the planner's figures become the engine's, and what somebody named stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from huiyan.engines.options import EngineOptions
from huiyan.errors import MachineCheckError
from huiyan.hardware.gpu import Gpu
from huiyan.hardware.probe import Machine, probe
from huiyan.launcher import safetensors_files, vllm_plan
from huiyan.launcher.safetensors_files import SafetensorsFiles

GIB = 1024**3


def machine(gib: int | None, capability: str = "8.9") -> Machine:
    found = msgspec.structs.replace(probe(), cpu_physical=16, cpu_usable=16, memory_total_bytes=128 * GIB)
    if gib is None:
        return msgspec.structs.replace(found, gpus=())
    gpu = Gpu(
        name="card",
        memory_total_bytes=gib * GIB,
        memory_free_bytes=gib * GIB,
        driver_version="580.159.04",
        compute_capability=capability,
        cuda_version="13.0",
    )
    return msgspec.structs.replace(found, gpus=(gpu,))


@pytest.fixture
def eight_b(tmp_path: Path) -> Path:
    """Qwen3-VL-8B's configuration, as published."""
    text = {
        "model_type": "qwen3_vl_text", "dtype": "bfloat16", "vocab_size": 151936, "hidden_size": 4096,
        "intermediate_size": 12288, "num_hidden_layers": 36, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 262144,
    }  # fmt: skip
    vision = {
        "model_type": "qwen3_vl", "depth": 27, "hidden_size": 1152, "intermediate_size": 4304,
        "num_heads": 16, "in_channels": 3, "patch_size": 16, "temporal_patch_size": 2,
        "spatial_merge_size": 2, "num_position_embeddings": 2304, "out_hidden_size": 4096,
        "deepstack_visual_indexes": [8, 16, 24],
    }  # fmt: skip
    config = {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "model_type": "qwen3_vl",
        "text_config": text,
        "vision_config": vision,
        "tie_word_embeddings": False,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def files(directory: Path, **given: Any) -> tuple[EngineOptions, SafetensorsFiles]:
    options = EngineOptions.model_validate({"load_format": "dummy", **given})
    return options, safetensors_files.choose(directory, options)


def test_a_large_card_gets_the_planners_figures(eight_b: Path) -> None:
    options, found = files(eight_b)
    plan = vllm_plan.make(options, machine(80), found)
    assert plan.settings.gpu_memory_fraction is not None or plan.settings.kv_cache_bytes is not None
    assert plan.settings.max_num_seqs is not None
    assert plan.settings.max_batched_tokens is not None
    assert plan.card.context_tokens >= 16_384
    assert plan.settings.preprocessing_threads == 8


def test_a_card_that_is_nearly_full_gets_a_context_that_fits(eight_b: Path) -> None:
    options, found = files(eight_b)
    large = vllm_plan.make(options, machine(24, "8.6"), found).card.context_tokens
    small = vllm_plan.make(options, machine(21, "8.6"), found).card.context_tokens
    assert small < large


def test_what_does_not_fit_is_refused_before_anything_starts(eight_b: Path) -> None:
    options, found = files(eight_b)
    with pytest.raises(MachineCheckError, match="does not fit"):
        vllm_plan.make(options, machine(12), found)


def test_what_somebody_named_stays(eight_b: Path) -> None:
    options, found = files(
        eight_b,
        gpu_memory_fraction=0.5,
        max_num_seqs=3,
        context_tokens=8192,
        max_images=2,
        extra_flags=["--seed"],
    )
    plan = vllm_plan.make(options, machine(80), found)
    assert (plan.settings.gpu_memory_fraction, plan.settings.kv_cache_bytes) == (0.5, None)
    assert plan.settings.max_num_seqs == 3
    assert (plan.card.context_tokens, plan.card.max_images) == (8192, 2)
    assert plan.settings.extra[-1] == "--seed"


def test_without_a_gpu_vllm_itself_says_why(eight_b: Path) -> None:
    options, found = files(eight_b)
    plan = vllm_plan.make(options, machine(None), found)
    assert plan.settings.gpu_memory_fraction == 0.9
    assert plan.card == found.card


def test_a_small_model_is_asked_for_pictures_as_large_as_it_takes(eight_b: Path) -> None:
    """Its own preparation shrinks the profile's 1920 x 1080 to 256 tokens: three of them fit its context."""
    config = json.loads((eight_b / "config.json").read_text())
    config["text_config"]["max_position_embeddings"] = 4096
    (eight_b / "config.json").write_text(json.dumps(config))
    size = {"shortest_edge": 65_536, "longest_edge": 262_144}
    (eight_b / "preprocessor_config.json").write_text(json.dumps({"size": size}))
    options, found = files(eight_b)
    card = vllm_plan.make(options, machine(80), found).card
    assert (card.context_tokens, card.image_max_tokens) == (4096, 256)
    assert card.max_images >= 3
