"""huiyan.engines.llama_cpp: what is said of an end, and what the endpoint gives away."""

from __future__ import annotations

import signal

import pytest

from huiyan import nano
from huiyan.engines.llama_cpp import LlamaCppEngine


def engine() -> LlamaCppEngine:
    return LlamaCppEngine(
        card=nano.card(), model_path=nano.MODEL_PATH, mmproj_path=nano.MMPROJ_PATH, port=3001, threads=1
    )


@pytest.mark.parametrize(
    ("returncode", "tail", "code", "said"),
    [
        (-signal.SIGABRT, ["loading", "ggml.c:12: GGML_ASSERT(ne > 0) failed"], "engine_assertion", "ne > 0"),
        (-signal.SIGABRT, ["terminate called: std::bad_alloc"], "engine_out_of_memory", "memory"),
        (1, ["ggml_backend_cpu: failed to allocate buffer of size 9"], "engine_out_of_memory", "memory"),
        (-signal.SIGKILL, ["print_timing: 3 tokens"], "engine_killed", "SIGKILL"),
        (-signal.SIGSEGV, ["decoding"], "engine_crashed", "SIGSEGV"),
        (-64, [], "engine_crashed", "ended by"),
        (3, ["bye"], "engine_exited", "code 3"),
        (0, [], "engine_exited", "code 0"),
    ],
)
def test_an_end_is_explained(returncode: int, tail: list[str], code: str, said: str) -> None:
    failure = engine().explain(returncode, tail)
    assert failure.code == code
    assert said in failure.message
    assert failure.hint
    assert not failure.permanent


def test_the_key_is_random_and_shown_nowhere() -> None:
    first, second = engine(), engine()
    assert first.api_key != second.api_key
    assert len(first.api_key) >= 32
    assert first.api_key not in repr(first)
    assert first.api_key not in repr(first.endpoint)
    assert first.boot()["api_key"] == first.endpoint.api_key


def test_nano_is_booted_as_it_was_trained() -> None:
    boot = engine().boot()
    assert (boot["image_min_tokens"], boot["image_max_tokens"]) == (64, 256)
    assert boot["temperature"] == 0.0
    assert boot["host"] == "127.0.0.1"
