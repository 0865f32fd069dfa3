"""huiyan.hardware.plan.predict: what vLLM reported on a real card, and what is in a configuration's way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from huiyan.hardware.gpu import Gpu
from huiyan.hardware.plan import Prediction, VllmFlags, memory, predict
from huiyan.hardware.presets import SHAPES, quantized

MIB = 1024**2
GIB = 1024**3

#: The card that the figures come from, and how it stood in for a 24 GB one: `--gpu-memory-utilization`
#: 0.85 x 24 GiB / 81,559 MiB.
H100 = Gpu(
    name="NVIDIA H100 80GB HBM3",
    memory_total_bytes=81_559 * MIB,
    memory_reserved_bytes=480 * MIB,
    memory_free_bytes=81_079 * MIB,
    driver_version="580.82.07",
    compute_capability="9.0",
)
AS_24_GB = 0.2561


def card(size_gib: float, capability: str = "8.6", **changes: Any) -> Gpu:
    size = int(size_gib * GIB)
    found = Gpu(
        name="card",
        memory_total_bytes=size,
        memory_free_bytes=size,
        driver_version="",
        compute_capability=capability,
    )
    return msgspec.structs.replace(found, **changes)


def ask(quantization: str, utilization: float, context: int, gpu: Gpu = H100, **flags: Any) -> Prediction:
    given = {"max_num_seqs": 1024, **flags}
    return predict(
        quantized(SHAPES["8B"], quantization),
        gpu,
        VllmFlags(max_model_len=context, gpu_memory_utilization=utilization, **given),
    )


@pytest.mark.parametrize(
    ("quantization", "utilization", "context", "weights_gib", "kv_tokens", "at_once"),
    [
        ("bf16", AS_24_GB, 16_384, 16.79, 16_688, 1.02),
        ("gptq-int4", AS_24_GB, 16_384, 7.23, 86_272, 5.27),
        ("gptq-int4", AS_24_GB, 32_768, 7.23, 86_272, 2.63),
        ("bf16", 0.9, 32_768, 16.79, 395_360, 12.07),
    ],
)
def test_what_was_measured_is_predicted(
    quantization: str, utilization: float, context: int, weights_gib: float, kv_tokens: int, at_once: float
) -> None:
    found = ask(quantization, utilization, context)
    assert found.fits
    assert found.kv_tokens == pytest.approx(kv_tokens, rel=0.05)
    assert found.kv_tokens % 16 == 0
    assert found.max_concurrency == pytest.approx(at_once, rel=0.05)
    assert found.weights_bytes / GIB == pytest.approx(weights_gib, abs=0.02)


def test_what_did_not_start_is_refused_with_the_same_figures() -> None:
    found = ask("bf16", AS_24_GB, 32_768)
    assert not found.fits
    assert found.reason is not None
    assert found.reason.key == "plan.why.cache"
    words = found.reason.render("en")
    assert "4.50 GiB" in words
    assert found.reason.args["tokens"] == pytest.approx(16_688, rel=0.05)


def measured() -> list[dict[str, Any]]:
    """Starts of vLLM 0.25.1 with the 8B shape on an H100, smaller cards emulated by a share of it.

    Its FP8 checkpoint named no module of the vision tower, so that vLLM quantised that as well.
    """
    text = (Path(__file__).parents[2] / "data" / "planner" / "vllm-0.25.1-h100.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("row", measured(), ids=lambda row: str(row["name"]))
def test_each_start_is_predicted(row: dict[str, Any]) -> None:
    shape = quantized(SHAPES["8B"], row["weights"])
    found = predict(shape, H100, msgspec.convert(row["flags"], VllmFlags))
    assert found.fits is row["starts"]
    if row["weights_bytes"]:
        assert found.weights_bytes == pytest.approx(row["weights_bytes"], rel=0.005)
    if row["kv_tokens"]:
        # Five per cent are allowed; a change of the model that loses the last one is to be seen.
        assert found.kv_tokens == pytest.approx(row["kv_tokens"], rel=0.01)


def test_enough_was_measured() -> None:
    rows = measured()
    assert sum(row["starts"] for row in rows) >= 8
    assert sum(not row["starts"] for row in rows) >= 3
    assert {row["weights"] for row in rows} == {"bf16", "fp8-online", "gptq-int4"}


def test_the_context_frees_no_memory() -> None:
    long, short = ask("gptq-int4", 0.5, 32_768), ask("gptq-int4", 0.5, 4_096)
    assert long.kv_bytes == short.kv_bytes
    assert long.kv_tokens == short.kv_tokens
    assert short.max_concurrency == pytest.approx(8 * long.max_concurrency)


def test_an_eight_bit_cache_holds_twice_as_much() -> None:
    assert ask("bf16", 0.9, 16_384, kv_cache_dtype="fp8").kv_tokens == pytest.approx(
        2 * ask("bf16", 0.9, 16_384).kv_tokens, abs=16
    )


def test_a_cache_of_a_given_size_ignores_the_share() -> None:
    found = ask("bf16", 0.1, 16_384, kv_cache_memory_bytes=4 * GIB)
    assert found.kv_bytes == 4 * GIB
    assert found.kv_tokens == 4 * GIB // (147_456 * 16) * 16


def test_graphs_cost_nothing_when_there_are_none() -> None:
    assert ask("bf16", 0.9, 16_384, enforce_eager=True).graphs_bytes == 0
    few, many = ask("bf16", 0.9, 16_384, max_num_seqs=8), ask("bf16", 0.9, 16_384, max_num_seqs=256)
    assert 0 < few.graphs_bytes < many.graphs_bytes


@pytest.mark.parametrize(
    ("seqs", "batched", "count"),
    [(1024, 8192, 51), (256, 8192, 51), (16, 8192, 7), (4, 8192, 4), (64, 16, 5)],
)
def test_batch_sizes_that_are_captured(seqs: int, batched: int, count: int) -> None:
    flags = VllmFlags(max_model_len=1024, max_num_seqs=seqs, max_num_batched_tokens=batched)
    assert memory.graph_sizes(flags) == count


def test_smaller_pictures_need_a_smaller_encoder() -> None:
    large = ask("bf16", 0.9, 16_384)
    small = ask("bf16", 0.9, 16_384, image_max_pixels=1_310_720, max_num_batched_tokens=2048)
    assert small.encoder_bytes < large.encoder_bytes / 3
    assert ask("bf16", 0.9, 16_384, images=0, videos=0).encoder_bytes == 0


def reason(found: Prediction) -> str:
    assert found.reason is not None
    assert found.reason.render("zh")
    assert found.reason.render("en")
    return found.reason.key


def test_reasons_in_the_order_in_which_an_engine_meets_them() -> None:
    assert reason(ask("bf16", 0.9, 16_384, card(48, "7.5"))) == "plan.why.capability"
    assert reason(ask("bf16", 0.9, 16_384, card(48), kv_cache_dtype="fp8")) == "plan.why.fp_kv"
    assert ask("bf16", 0.9, 16_384, card(48, "8.9"), kv_cache_dtype="fp8").fits
    assert reason(ask("bf16", 0.9, 300_000)) == "plan.why.context"
    assert reason(ask("bf16", 0.9, 16_384, card(24, memory_free_bytes=20 * GIB))) == "plan.why.busy"
    assert reason(ask("bf16", 0.9, 16_384, card(12))) == "plan.why.weights"
    assert reason(ask("bf16", 0.85, 32_768, card(24))) == "plan.why.cache"
    assert reason(ask("gptq-int4", 0.96, 16_384, card(24))) == "plan.why.headroom"
    assert reason(ask("gptq-int4", 0.9, 16_384, card(24, ""))) == "plan.why.capability"


def test_no_figure_is_negative_where_nothing_fits() -> None:
    found = ask("bf16", 0.5, 16_384, card(8))
    assert (found.kv_bytes, found.kv_tokens, found.max_concurrency) == (0, 0, 0)
