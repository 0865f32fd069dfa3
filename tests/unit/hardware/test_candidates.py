"""huiyan.hardware.plan: what is chosen for a card, for a CPU, and by a profile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from huiyan.errors import SettingsError
from huiyan.hardware.cpu import Cpu
from huiyan.hardware.gpu import Gpu, MigInstance
from huiyan.hardware.plan import predict
from huiyan.hardware.plan.candidates import Candidate, candidates, choose
from huiyan.hardware.plan.cpu import GgufFile, choose_cpu, cpu_candidates
from huiyan.hardware.plan.make import Plan, best_gpu, devices, make_plan, model_named
from huiyan.hardware.plan.wish import Wish, parse_size, wish_of
from huiyan.hardware.presets import QUANTIZATIONS, SHAPES
from huiyan.hardware.probe import Machine
from huiyan.hardware.profiles import parse_card, profile, profiles

GIB = 1024**3
CARDS = {
    "8": "RTX 4060:8GiB:8.9",
    "12": "RTX 3060:12GiB:8.6",
    "24": "RTX 4090:24GiB:8.9",
    "48": "L40S:48GiB:8.9",
    "80": "H100:79.65GiB:9.0",
}


def machine(**changes: Any) -> Machine:
    fields: dict[str, Any] = {
        "cpu_logical": 16,
        "cpu_physical": 8,
        "cpu_usable": 16,
        "memory_total_bytes": 32 * GIB,
        "memory_available_bytes": 24 * GIB,
        "cpu": Cpu(features=("avx2",)),
    }
    return Machine(**{**fields, **changes})


def plan(card: str, **wish: Any) -> Plan:
    return make_plan(machine(), Wish(**wish), profile("auto"), card=parse_card(CARDS[card]))


def chosen(card: str, **wish: Any) -> Candidate:
    found = plan(card, **wish).chosen
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("card", "model", "weights", "context"),
    [
        ("8", "4B", "gptq-int4", 8_192),
        ("12", "8B", "gptq-int4", 16_384),
        ("24", "8B", "fp8", 32_768),
        ("48", "8B", "bf16", 32_768),
        ("80", "8B", "bf16", 32_768),
    ],
)
def test_the_weights_that_leave_room_are_chosen(card: str, model: str, weights: str, context: int) -> None:
    found = chosen(card)
    assert (found.model, found.quantization, found.context) == (model, weights, context)


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("users", [1, 4, 16])
def test_everything_together_stays_within_the_card(card: str, users: int) -> None:
    gpu = parse_card(CARDS[card])
    for one in plan(card, users=users).table:
        if one.suits:
            assert one.prediction.needed_bytes <= gpu.memory_free_bytes
            assert one.at_once >= users
            assert one.prediction == predict(one.shape, gpu, one.flags)
        else:
            assert one.reason is not None
            assert one.reason.render("zh") != one.reason.render("en")


def test_more_users_need_smaller_weights() -> None:
    assert chosen("24", users=1, context=16_384).quantization == "bf16"
    assert chosen("24", users=6, context=16_384).quantization != "bf16"


def test_a_model_larger_than_the_default_is_only_taken_when_asked_for() -> None:
    assert chosen("80").model == "8B"
    assert any(one.model == "32B" and one.suits for one in plan("80").table)
    assert chosen("80", model="32B").model == "32B"
    assert plan("24", model="32B").chosen is None


def test_too_many_pictures_for_a_context_are_said() -> None:
    (first, *_) = plan("80", images=9, context=8_192).table
    assert first.reason is not None
    assert first.reason.key == "plan.why.images"
    assert first.reason.args["most"] == 3


def test_without_a_context_nine_pictures_get_one_that_takes_them() -> None:
    found = chosen("80", images=9)
    assert found.context == 32_768
    assert found.images == 9


def test_a_card_that_others_use_gives_its_free_part() -> None:
    gpu = parse_card(CARDS["24"])

    busy = msgspec.structs.replace(gpu, memory_free_bytes=14 * GIB)
    found = choose(candidates(busy, Wish(), profile("auto")))
    assert found is not None
    assert found.quantization == "gptq-int4"
    assert found.prediction.needed_bytes <= 14 * GIB


def test_flags_are_words_that_vllm_reads() -> None:
    words = chosen("24", images=3).flags.arguments()
    pairs = dict(zip(words[::2], words[1::2], strict=True))
    assert pairs["--max-model-len"] == "32768"
    assert 0.5 < float(pairs["--gpu-memory-utilization"]) < 0.95
    assert json.loads(pairs["--limit-mm-per-prompt"]) == {"image": 9, "video": 1}
    size = json.loads(pairs["--mm-processor-kwargs"])["size"]
    assert size == {"shortest_edge": 65_536, "longest_edge": 2040 * 1024}
    assert "--enforce-eager" not in words
    assert "--load-format" not in words


def test_a_small_host_gets_a_small_cache_of_pictures() -> None:
    gpu = parse_card(CARDS["24"])
    small = candidates(gpu, Wish(), profile("auto"), host_memory_bytes=16 * GIB)
    assert {one.flags.mm_processor_cache_gb for one in small} == {1.0}


# Profiles


@pytest.mark.parametrize("name", [name for name, one in profiles().items() if one.card])
def test_a_profile_suits_the_card_it_is_named_after(name: str) -> None:
    found = profile(name)
    assert found.card is not None
    wish = wish_of(found)
    result = make_plan(machine(), wish, found, card=parse_card(found.card))
    assert result.chosen is not None, [one.reason for one in result.table]
    assert result.chosen.quantization == found.quantization
    assert result.chosen.at_once >= (found.users or 1)
    assert result.chosen.images >= (found.images or 1)
    assert result.gpu is not None
    assert result.chosen.prediction.needed_bytes <= found.share * result.gpu.memory_total_bytes


def test_no_profile_has_a_cache_that_its_card_cannot_hold() -> None:
    for one in profiles().values():
        if one.kv_cache_dtype == "fp8":
            assert one.card is not None
            assert parse_card(one.card).capability >= (8, 9)
        assert one.quantization is None or one.quantization in QUANTIZATIONS
        assert one.model is None or one.model in SHAPES


def test_offline_means_no_name_is_looked_up() -> None:
    offline = profile("offline")
    assert offline.environment["HF_HUB_OFFLINE"] == "1"
    assert profile("auto").environment == {}
    flags = [one.flags for one in candidates(parse_card(CARDS["24"]), Wish(), offline)]
    assert all("--safetensors-load-strategy" in one.arguments() for one in flags)


@pytest.mark.parametrize("page", ["profiles.md", "profiles.zh-CN.md"])
def test_the_reference_lists_every_profile_as_it_is(page: str) -> None:
    text = (Path(__file__).parents[3] / "docs" / "reference" / page).read_text("utf-8")
    rows = {cells[1].strip().strip("`"): line for line in text.splitlines() if (cells := line.split("|"))[1:]}
    for name, one in profiles().items():
        found = wish_of(one)
        size = "x".join(map(str, found.image_size))
        assert f"{found.images} 张 {size}" in rows[name] or f"{found.images} of {size}" in rows[name]
        assert f"| {found.users} |" in rows[name]
        assert one.context is None or f"{one.context:,}" in rows[name]


def test_what_was_asked_for_wins_over_the_profile() -> None:
    found = profile("rtx4090-24g")
    assert wish_of(found) == Wish(
        users=3, images=3, image_size=(1920, 1080), context=16_384, model="8B", quantization="fp8"
    )
    assert wish_of(found, users=5, model="4B") == Wish(
        users=5, images=3, image_size=(1920, 1080), context=16_384, model="4B", quantization=None
    )


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(SettingsError) as caught:
        profile("rtx4090")
    assert "--profile rtx4090-24g" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "RTX", "RTX:24:8.6:1", "RTX:0GiB:8.6", "RTX:24TiB:8.6", "RTX:24GiB:x", "A:9e9:8.6"]
)
def test_a_card_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_card(text)


def test_a_card_is_read() -> None:
    gpu = parse_card("NVIDIA A10: 22.5 GiB :8.6")
    assert (gpu.name, gpu.memory_total_bytes, gpu.capability) == ("NVIDIA A10", int(22.5 * GIB), (8, 6))
    assert gpu.memory_free_bytes == gpu.cuda_total_bytes < gpu.memory_total_bytes


@pytest.mark.parametrize("text", ["", "1920", "0x10", "70000x10", "-1x5", "axb"])
def test_a_size_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_size(text)


def test_sizes_are_read() -> None:
    assert parse_size("1920x1080") == parse_size(" 1920 × 1080 ") == (1920, 1080)


# Which device, which model


def card(**changes: Any) -> Gpu:
    fields: dict[str, Any] = {
        "name": "A",
        "memory_total_bytes": 24 * GIB,
        "memory_free_bytes": 20 * GIB,
        "driver_version": "580.1",
        "compute_capability": "8.6",
    }
    return Gpu(**{**fields, **changes})


def test_of_several_cards_the_one_with_the_most_free_memory() -> None:
    found = best_gpu(machine(gpus=(card(), card(name="B", memory_free_bytes=22 * GIB))))
    assert found is not None
    assert found.name == "B"
    assert best_gpu(machine()) is None


def test_slices_are_the_devices_of_a_card_in_mig_mode() -> None:
    slice_ = MigInstance(
        uuid="MIG-1", name="3g.40gb", memory_total_bytes=40 * GIB, memory_free_bytes=39 * GIB
    )
    (found,) = devices(card(mig=True, mig_instances=(slice_,)))
    assert (found.name, found.uuid, found.memory_free_bytes) == ("3g.40gb", "MIG-1", 39 * GIB)
    assert devices(card(mig=True)) == []
    assert devices(card(mig=False)) == [card(mig=False)]


@pytest.mark.parametrize("text", ["8B", "8b", "Qwen/Qwen3-VL-8B-Instruct", "Qwen3-VL-8B-Thinking-FP8"])
def test_presets_by_their_names(text: str) -> None:
    assert model_named(text) == ("8B", None)


def test_a_directory_is_a_model(tmp_path: Path) -> None:
    config = {
        "text_config": {
            "num_hidden_layers": 2,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "vocab_size": 1000,
        },
        "vision_config": {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 64},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    name, shape = model_named(str(tmp_path))
    assert name is None
    assert shape is not None
    found = make_plan(machine(), Wish(context=8192, images=1), profile("auto"), card=card(), shape=shape)
    assert [one.quantization for one in found.table] == ["bf16"]
    assert found.chosen is not None


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(SettingsError):
        model_named("llama-3")


# Without a GPU


@pytest.mark.parametrize(
    ("memory_gib", "model"), [(24, "4B"), (8, "4B"), (5, "2B"), (4, "2B"), (2.5, None), (0.5, None)]
)
def test_memory_decides_between_the_small_models(memory_gib: float, model: str | None) -> None:
    found = make_plan(machine(memory_available_bytes=int(memory_gib * GIB)), Wish(), profile("auto"))
    assert (found.chosen_cpu.model if found.chosen_cpu else None) == model
    assert found.engine == ("llama_cpp" if model else "nano")
    if found.chosen_cpu:
        assert found.chosen_cpu.needed_bytes < memory_gib * GIB


def test_eight_billion_parameters_run_on_a_cpu_only_when_asked_for() -> None:
    found = cpu_candidates(machine(), Wish(model="8B"))
    picked = choose_cpu(found, Wish(model="8B"))
    assert picked is not None
    assert picked.model == "8B"


def test_a_file_is_planned_for_with_its_own_numbers() -> None:
    file = GgufFile(
        model="mine",
        file_bytes=3 * GIB,
        language_bytes=2 * GIB,
        kv_bytes_per_token=100_000,
        context_tokens=6_000,
    )
    found = make_plan(machine(), Wish(), profile("auto"), gguf=file)
    assert found.gpu is None
    assert found.chosen_cpu is not None
    assert (found.chosen_cpu.model, found.chosen_cpu.flags.context_tokens) == ("mine", 6_000)
    assert found.chosen_cpu.needed_bytes > 3 * GIB + 6_000 * 100_000
    (same,) = cpu_candidates(machine(), Wish(context=100_000), file)
    assert same.flags.context_tokens == 6_000


def test_the_expected_rate_contains_what_was_measured() -> None:
    """8B at 4 bits: 1.5 to 2.7 tokens/s on two cores."""
    two = machine(cpu_physical=2, cpu_usable=2)
    (found,) = cpu_candidates(two, Wish(model="8B"))
    low, high = found.tokens_per_s
    assert low <= 1.5
    assert high * 1.001 >= 2.7


def test_old_processors_and_large_models_are_slower() -> None:
    fast = {one.model: one.tokens_per_s for one in cpu_candidates(machine(), Wish())}
    assert fast["2B"] > fast["4B"] > fast["8B"]
    old = machine(cpu=Cpu(features=("sve",)))
    assert cpu_candidates(old, Wish())[0].tokens_per_s < fast["8B"]


def test_words_for_llama_cpp() -> None:
    picked = choose_cpu(cpu_candidates(machine(), Wish(users=2, context=8192)), Wish(users=2))
    assert picked is not None
    words = picked.flags.arguments()
    assert words[:4] == ["--ctx-size", "16384", "--parallel", "2"]
    assert words[words.index("--threads") + 1] == "8"
    assert words[words.index("--image-max-tokens") + 1] == "1024"
