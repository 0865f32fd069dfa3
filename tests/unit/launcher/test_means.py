"""What a start without a name serves: the planner's choice, what the store has, or nano and an offer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from huiyan import nano
from huiyan.engines.options import EngineOptions
from huiyan.errors import ModelFileMissingError
from huiyan.hardware.probe import Machine
from huiyan.launcher import model_files
from huiyan.launcher.means import Means, means
from huiyan.launcher.model_files import ModelFiles
from huiyan.launcher.safetensors_files import SafetensorsFiles
from huiyan.settings.load import load
from huiyan.store.imports import import_directory
from huiyan.store.snapshots import Store
from tests.support import safetensors
from tests.support.fake_nvml import GIB, FakeNvml
from tests.support.machines import machine, rtx_4090

BF16, FP8 = "Qwen/Qwen3-VL-8B-Instruct", "Qwen/Qwen3-VL-8B-Instruct-FP8"
GGUF_4B, GGUF_2B = "Qwen/Qwen3-VL-4B-Instruct-GGUF", "Qwen/Qwen3-VL-2B-Instruct-GGUF"


def options(**named: Any) -> EngineOptions:
    return EngineOptions.model_validate(named)


def gpu_machine(**changes: Any) -> Machine:
    return machine(FakeNvml(rtx_4090()), **changes)


def of(found: Machine, *, installed: bool = True, offline: bool = False, **named: Any) -> Means:
    return Means(found, options(**named), vllm_installed=installed, offline=offline)


def test_a_card_is_planned_for_vllm() -> None:
    found = of(gpu_machine()).suggestion()
    assert found is not None
    # 24 GB hold the 8B's bf16 weights, but a longer context beside FP8.
    assert (found.id, found.engine) == (FP8, "vllm")
    assert found.size_bytes > 8e9


def test_without_a_card_the_memory_decides() -> None:
    small = of(machine(memory_available_bytes=5 * GIB)).suggestion()
    large = of(machine()).suggestion()
    assert small is not None
    assert large is not None
    assert (small.id, large.id) == (GGUF_2B, GGUF_4B)
    assert of(machine(memory_available_bytes=1 * GIB)).suggestion() is None


def test_an_engine_that_was_named_is_planned_for() -> None:
    found = of(gpu_machine(), engine="llama_cpp").suggestion()
    assert found is not None
    assert (found.id, found.engine) == (GGUF_4B, "llama_cpp")
    assert of(machine(), engine="vllm").suggestion() is None, "no card, no vLLM"


@pytest.mark.parametrize(
    ("model", "on_card", "without"),
    [
        (BF16, "vllm", "llama_cpp"),
        ("qwen/qwen3-vl-8b-instruct-fp8", "vllm", "llama_cpp"),
        ("Qwen/Qwen3-VL-32B-Instruct", "llama_cpp", "llama_cpp"),  # 66 GB of weights
        (GGUF_4B, "llama_cpp", "llama_cpp"),  # asked for as it is
        ("somebody/else", "llama_cpp", "llama_cpp"),
    ],
)
def test_engine_of_a_model_that_is_fetched(model: str, on_card: str, without: str) -> None:
    assert of(gpu_machine(), installed=False).engine_after_fetch(model) == on_card
    assert of(machine()).engine_after_fetch(model) == without


def store_with(tmp_path: Path, *names: str) -> Path:
    """Nano's files, or a small model's safetensors, under each of the names."""
    store = Store(tmp_path / "store")
    for number, name in enumerate(names):
        directory = tmp_path / str(number)
        if name.endswith("GGUF"):
            directory.mkdir()
            shutil.copyfile(nano.MODEL_PATH, directory / "Reader-Q4_K_M.gguf")
            shutil.copyfile(nano.MMPROJ_PATH, directory / "mmproj-Reader-F16.gguf")
        else:
            shards = safetensors.shards({"a": bytes(50)}, count=1)
            config = json.dumps({"text_config": {}, "vision_config": {}}).encode()
            safetensors.write(directory, {**safetensors.companions(), **shards, "config.json": config})
        import_directory(store, directory, model_id=name)
    return tmp_path / "store"


def test_the_planned_model_is_served_from_the_store(tmp_path: Path) -> None:
    store_dir = store_with(tmp_path, GGUF_2B, GGUF_4B)
    files = model_files.choose(options(), store_dir, of(machine()))
    assert isinstance(files, ModelFiles)
    assert (files.card.id, files.card.demo, files.card.wanted) == (GGUF_4B, False, None)


def test_another_one_of_the_store_is_better_than_none(tmp_path: Path) -> None:
    store_dir = store_with(tmp_path, GGUF_2B)
    assert model_files.choose(options(), store_dir, of(machine())).card.id == GGUF_2B
    # Not one that the memory cannot take.
    files = model_files.choose(options(), store_dir, of(machine(memory_available_bytes=GIB)))
    assert files.card.demo


def test_the_card_comes_first_once_its_engine_is_here(tmp_path: Path) -> None:
    store_dir = store_with(tmp_path, GGUF_4B, FP8)
    files = model_files.choose(options(), store_dir, of(gpu_machine()))
    assert isinstance(files, SafetensorsFiles)
    assert files.card.id == FP8
    assert files.lock is not None
    without = model_files.choose(options(), store_dir, of(gpu_machine(), installed=False))
    assert without.card.id == GGUF_4B


def test_a_gguf_that_was_named_stays_one(tmp_path: Path) -> None:
    store_dir = store_with(tmp_path, "Qwen/Qwen3-VL-4B-Instruct", GGUF_4B)
    assert model_files.choose(options(model=GGUF_4B), store_dir, of(gpu_machine())).card.id == GGUF_4B


def test_a_named_model_runs_on_the_card(tmp_path: Path) -> None:
    """`MODEL_ID=… ./start_all.sh` on a machine with a GPU."""
    store_dir = store_with(tmp_path, BF16)
    files = model_files.choose(options(model=BF16), store_dir, of(gpu_machine()))
    assert isinstance(files, SafetensorsFiles)
    waiting = model_files.choose(options(model=BF16), store_dir, of(gpu_machine(), installed=False))
    assert (waiting.card.demo, waiting.card.wanted, waiting.card.planned) == (True, BF16, False)


def test_what_is_not_here_is_offered(tmp_path: Path) -> None:
    card = model_files.choose(options(), tmp_path / "none", of(machine())).card
    assert (card.demo, card.wanted, card.planned) == (True, GGUF_4B, True)
    text = model_files.why_nano(card)
    assert f"huiyan models pull {GGUF_4B}" in text.render("en")
    assert "适合" in text.render("zh")
    named = model_files.choose(options(model="Qwen/Other"), tmp_path / "none", of(machine())).card
    assert (named.wanted, named.planned) == ("Qwen/Other", False)
    assert model_files.why_nano(named).key == "model.wanted"


def test_who_asks_for_nano_gets_nano(tmp_path: Path) -> None:
    store_dir = store_with(tmp_path, GGUF_4B)
    card = model_files.choose(options(model=nano.MODEL_ID), store_dir, of(machine())).card
    assert (card.demo, card.wanted) == (True, None)


def test_nothing_is_offered_offline(tmp_path: Path) -> None:
    can = of(machine(), offline=True)
    card = model_files.choose(options(), tmp_path / "none", can).card
    assert (card.demo, card.wanted, card.planned) == (True, None, False)
    # What is here already needs no network.
    assert model_files.choose(options(), store_with(tmp_path, GGUF_4B), can).card.id == GGUF_4B


def test_vllm_without_a_model_says_which_one_to_fetch(tmp_path: Path) -> None:
    with pytest.raises(ModelFileMissingError) as caught:
        model_files.choose(options(engine="vllm"), tmp_path / "none", of(gpu_machine(), engine="vllm"))
    assert f"huiyan models pull {FP8}" in caught.value.hint


def test_means_of_the_settings(tmp_path: Path) -> None:
    settings = load({"data_dir": tmp_path, "models": {"offline": True}})
    found = means(settings, gpu_machine())
    assert found.offline
    assert found.engine(BF16) == "llama_cpp", "no environment of vLLM is here"
    single = means(settings, gpu_machine(), vllm=False).suggestion()
    assert single is not None
    assert single.engine == "llama_cpp"
