"""huiyan.engines.vllm_log, vllm_failures and vllm_steps: against what vLLM wrote on a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.engines.child_spec import Failure
from huiyan.engines.vllm import VllmEngine, VllmSettings
from huiyan.engines.vllm_failures import CauseFinder, cause_in, first_cause, suggested_context
from huiyan.engines.vllm_log import StartLog
from huiyan.engines.vllm_steps import lower
from tests.support.vllm import DATA, card

GIB = 1024**3


def lines(name: str) -> list[str]:
    return (DATA / name).read_text("utf-8").splitlines()


def test_a_start_goes_through_its_phases_and_never_back() -> None:
    log = StartLog()
    told = [progress for line in lines("start-8b.log") if (progress := log.feed(line)) is not None]
    codes = list(dict.fromkeys(progress.code for progress in told))
    assert codes == [
        "vllm_importing",
        "vllm_loading_weights",
        "vllm_profiling",
        "vllm_capturing_graphs",
        "vllm_starting_server",
    ]
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)
    graphs = [p.percent for p in told if p.code == "vllm_capturing_graphs" and p.percent is not None]
    assert graphs[0] == 0
    assert graphs[-1] == 100
    assert len(graphs) > 20


def test_weights_are_told_in_percent() -> None:
    log = StartLog()
    told = [progress for line in lines("start-nano.log") if (progress := log.feed(line)) is not None]
    assert [p.percent for p in told if p.code == "vllm_loading_weights"] == [None, 0, 100]


def test_memory_is_what_vllm_reported() -> None:
    log = StartLog()
    for line in lines("start-8b.log"):
        log.feed(line)
    memory = log.memory
    assert memory.weights_bytes == round(16.79 * GIB)
    assert memory.kv_bytes == round(3.49 * GIB)
    assert (memory.kv_tokens, memory.concurrency) == (25_392, 1.55)
    assert memory.graphs_bytes == round(0.45 * GIB)
    assert memory.init_s == 18.84


@pytest.mark.parametrize(
    "line",
    [
        "Loading safetensors checkpoint shards:  50% Completed | 2/4 [00:01<00:01,  1.1it/s]",
        "(EngineCore pid=1) \rLoading safetensors: 25% | 1/4\rLoading safetensors: 50% Completed | 2/4 [0:1]",
        "\x1b[32mLoading safetensors checkpoint shards:  50% Completed | 2/4\x1b[0m",
    ],
)
def test_a_bar_that_redraws_itself_counts_as_it_stands(line: str) -> None:
    progress = StartLog().feed(line)
    assert progress is not None
    assert (progress.code, progress.percent) == ("vllm_loading_weights", 50)


@pytest.mark.parametrize(
    ("name", "code", "permanent"),
    [
        ("out-of-memory.log", "engine_gpu_out_of_memory", False),
        ("context-too-large.log", "engine_context_too_large", True),
        ("no-room.log", "engine_gpu_out_of_memory", False),
        ("bad-flag.log", "engine_flags", True),
        ("core-killed.log", "engine_crashed", False),
    ],
)
def test_the_cause_is_found_in_a_real_log(name: str, code: str, permanent: bool) -> None:
    finder = CauseFinder()
    for line in lines(name):
        finder.feed(line)
    assert finder.cause is not None
    assert (finder.cause.code, finder.cause.permanent) == (code, permanent)


def test_a_good_start_names_no_cause() -> None:
    for name in ("start-8b.log", "start-nano.log"):
        assert first_cause(lines(name)) is None


#: Words of PyTorch 2.11, CUDA, the C library and vLLM 0.25.1, as their sources have them.
MESSAGES = {
    "engine_driver": [
        "RuntimeError: The NVIDIA driver on your system is too old (found version 12020).",
        "Error 804: forward compatibility was attempted on non supported HW",
        "RuntimeError: Failed to infer device type, please set the environment variable",
        "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory",
        "RuntimeError: No CUDA GPUs are available",
        "Failed to initialize NVML: Driver/library version mismatch",
    ],
    "engine_gpu_busy": [
        "Free memory on device cuda:0 (10.2/23.6 GiB) on startup is less than desired GPU memory utilization",
    ],
    "engine_gpu_fault": ["RuntimeError: CUDA error: an illegal memory access was encountered"],
    "engine_gpu_too_old": [
        "RuntimeError: CUDA error: no kernel image is available for execution on the device"
    ],
    "engine_disk_full": ["OSError: [Errno 28] No space left on device: '/dev/shm/psm_1'"],
    "engine_port": ["OSError: [Errno 98] Address already in use"],
    "engine_missing": ["ModuleNotFoundError: No module named 'vllm'"],
    "engine_model_rejected": [
        "safetensors_rust.SafetensorError: Error while deserializing header: incomplete metadata",
        "OSError: /models/x does not appear to have a file named preprocessor_config.json.",
    ],
    "engine_out_of_memory": ["RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory"],
}


@pytest.mark.parametrize(
    ("code", "line"), [(code, line) for code, found in MESSAGES.items() for line in found]
)
def test_each_message_has_its_cause(code: str, line: str) -> None:
    cause = cause_in(f"(EngineCore pid=7) ERROR 11-22 21:18:01 [core.py:1231] {line}")
    assert cause is not None
    assert cause.code == code
    assert cause.hint


def test_what_a_request_did_wrong_is_no_cause_of_an_end() -> None:
    finder = CauseFinder()
    bad = (
        "(APIServer pid=6) ERROR 11-22 21:16:58 [server_utils.py:384] ValueError: Value error, out of memory"
    )
    assert cause_in(bad) is not None
    finder.serving = True
    finder.feed(bad)
    assert not finder.words
    finder.feed(
        "(EngineCore pid=7) ERROR 11-22 21:18:01 [core.py:1] torch.OutOfMemoryError: CUDA out of memory."
    )
    assert finder.cause is not None
    assert finder.cause.code == "engine_gpu_out_of_memory"


def engine(**settings: object) -> VllmEngine:
    return VllmEngine(
        card=card(context_tokens=32_768, image_max_tokens=4096),
        model_path=Path("/models/x"),
        python=Path("/env/bin/python"),
        settings=VllmSettings(**settings),  # type: ignore[arg-type]  # by name
    )


def test_a_context_too_large_becomes_the_one_that_vllm_says_would_fit() -> None:
    (line,) = [line for line in lines("context-too-large.log") if "ERROR" in line and "estimated" in line]
    assert suggested_context(line) == 25_392
    lowered = lower(engine(), Failure(code="engine_context_too_large", message=line))
    assert lowered is not None
    assert lowered[0].card.context_tokens == 25_344
    assert lowered[0].card.context_tokens % 256 == 0


def test_beside_another_program_it_takes_what_is_free() -> None:
    cause = cause_in(MESSAGES["engine_gpu_busy"][0])
    assert cause is not None
    lowered = lower(engine(gpu_memory_fraction=0.9), cause)
    assert lowered is not None
    assert lowered[0].settings.gpu_memory_fraction == 0.41
    full = "Only 1.0 of 23.6 GiB of the GPU are free"
    assert lower(engine(), Failure(code="engine_gpu_busy", message=full)) is None


def test_out_of_memory_goes_down_step_by_step_and_ends() -> None:
    failure = Failure(code="engine_gpu_out_of_memory", message="CUDA out of memory")
    current, steps = engine(kv_cache_bytes=1 << 40), []
    while (lowered := lower(current, failure)) is not None:
        assert lowered[0] != current
        current, step = lowered
        steps.append(step)
    assert steps[:4] == [
        "the cache's size is left to vLLM",
        "steps of 2048 tokens",
        "pictures of at most 1280 tokens",
        "no CUDA graphs",
    ]
    assert current.settings.gpu_memory_fraction is not None
    assert current.settings.gpu_memory_fraction >= 0.1


def test_weights_that_do_not_fit_are_not_helped_by_a_smaller_share() -> None:
    failure = Failure(code="engine_gpu_out_of_memory", message="No available memory for the cache blocks.")
    current = engine(max_batched_tokens=2048, eager=True)
    lowered = lower(current, failure)
    assert lowered is not None  # smaller pictures
    assert lower(lowered[0], failure) is None


def test_other_failures_are_not_mended_by_less() -> None:
    assert lower(engine(), Failure(code="engine_driver", message="x")) is None
