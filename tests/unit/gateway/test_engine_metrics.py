"""Prometheus text of both engines, and the poller against the scriptable engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.engines.status import EngineEndpoint
from huiyan.engines.upstream import Pool
from huiyan.gateway.engine_metrics import KvState, MetricsPoller, parse
from huiyan.testing.http_server import Connection, HttpServer
from huiyan.testing.recording import RecordedRequest
from tests.support.wait import eventually

_DATA = Path(__file__).parents[2] / "data" / "engine_metrics"
_VLLM = (_DATA / "vllm.txt").read_bytes()


def test_vllm_says_how_much_of_its_cache_is_free() -> None:
    assert parse(_VLLM) == KvState(total_tokens=86_272, free_tokens=64_704, running=7, waiting=2)


def test_llama_cpp_says_what_runs_and_nothing_of_its_cache() -> None:
    text = (_DATA / "llama_cpp.txt").read_bytes()
    assert parse(text) == KvState(total_tokens=None, free_tokens=None, running=0, waiting=0)
    busy = text.replace(b"requests_processing 0", b"requests_processing 2").replace(
        b"requests_deferred 0", b"requests_deferred 5"
    )
    assert parse(busy) == KvState(total_tokens=None, free_tokens=None, running=2, waiting=5)


def test_data_parallel_engines_are_added_up() -> None:
    text = (
        b'vllm:num_requests_running{engine="0",model_name="a"} 3.0\n'
        b'vllm:num_requests_running{engine="1",model_name="a"} 4.0\n'
        b'vllm:kv_cache_usage_perc{engine="0",model_name="a"} 0.5\n'
        b'vllm:kv_cache_usage_perc{engine="1",model_name="a"} 0.0\n'
        b'vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="100"} 1.0\n'
    )
    assert parse(text) == KvState(total_tokens=3200, free_tokens=2400, running=7, waiting=0)
    own = text + b'vllm:cache_config_info{block_size="16",engine="1",num_gpu_blocks="100"} 1.0\n'
    assert parse(own) == parse(text)


def test_the_size_that_newer_versions_name_goes_before_blocks() -> None:
    text = (
        b"vllm:kv_cache_usage_perc 0.1\n"
        b'vllm:cache_config_info{block_size="8",kv_cache_size_tokens="463459",num_gpu_blocks="320"} 1.0\n'
    )
    state = parse(text)
    assert state is not None
    assert (state.total_tokens, state.free_tokens) == (463_459, 417_113)


@pytest.mark.parametrize(
    "text",
    [
        _VLLM.replace(b'num_gpu_blocks="5392"', b'num_gpu_blocks="None"'),
        _VLLM.replace(b"vllm:kv_cache_usage_perc", b"vllm:something_else"),
    ],
)
def test_without_size_or_usage_nothing_is_claimed_of_the_cache(text: bytes) -> None:
    assert parse(text) == KvState(total_tokens=None, free_tokens=None, running=7, waiting=2)


def test_odd_labels_and_numbers_do_no_harm() -> None:
    text = (
        b'vllm:num_requests_running{model_name="a} 9 \\" {b",engine="0"} 2.0 1712345\n'
        b'vllm:num_requests_waiting{engine="0"} NaN\n'
        b'vllm:num_requests_waiting{engine="1"} +Inf\n'
        b'vllm:num_requests_waiting{engine="2"} x\n'
    )
    assert parse(text) == KvState(total_tokens=None, free_tokens=None, running=2, waiting=0)
    assert parse(b"") is None
    assert parse(b"<html>not metrics</html>") is None


async def test_the_poller_asks_while_requests_run_and_then_falls_silent() -> None:
    asked: list[str] = []
    answers = [(200, _VLLM), (500, b"broken"), (200, _VLLM)]

    async def handle(connection: Connection, request: RecordedRequest) -> None:
        asked.append(request.path)
        status, body = answers[min(len(asked), len(answers)) - 1]
        await connection.write_body(status, body, "text/plain")

    server = HttpServer(handle)
    port = await server.start()
    pool = Pool(EngineEndpoint(host="127.0.0.1", port=port))
    told: list[KvState | None] = []
    active = [True]
    poller = MetricsPoller(pool, active=lambda: active[0], told=told.append, interval_s=0.01)
    try:
        assert asked == []
        poller.touch()
        poller.touch()  # under way already
        await eventually(lambda: _is(len(told) >= 3))
        assert [state is None for state in told[:3]] == [False, True, False]
        assert set(asked) == {"/metrics"}
        active[0] = False
        await eventually(lambda: _is(poller._timer is None and poller._call is None))
        before = len(asked)
        active[0] = True
        poller.touch()
        await eventually(lambda: _is(len(asked) > before))
    finally:
        poller.close()
        pool.close()
        await server.stop()


async def test_an_engine_that_is_gone_tells_nothing() -> None:
    server = HttpServer(None)  # type: ignore[arg-type]  # never asked
    port = await server.start()
    await server.stop()
    pool = Pool(EngineEndpoint(host="127.0.0.1", port=port))
    told: list[KvState | None] = []
    poller = MetricsPoller(pool, active=lambda: True, told=told.append, interval_s=60)
    poller.touch()
    await eventually(lambda: _is(bool(told)))
    assert told == [None]
    poller.close()
    pool.close()


async def _is(value: bool) -> bool:
    return value
