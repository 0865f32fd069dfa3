"""`huiyan bench`: what it makes of answers, and how it tells."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator

import msgspec
import pytest

from huiyan.cli.bench import measure, report
from huiyan.cli.bench.command import _loads, _numbers, _size
from huiyan.cli.bench.measure import Gateway, Load, Shape, Spread
from huiyan.cli.bench.memory import Held, held_by
from huiyan.cli.bench.pictures import picture_tokens, picture_url
from huiyan.cli.bench.report import Plan, Report, Skipped
from huiyan.engines.status import EngineState, EngineStatus, ModelCard
from huiyan.errors import SettingsError
from huiyan.launcher.state import PartStatus, StatusReport
from huiyan.testing import Fault, Reply
from tests.support.page_server import PageServer, page_server

SHAPE = Shape(width=96, height=64, max_tokens=16, rounds=2)


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with page_server() as served:
        yield served


def _gateway(server: PageServer) -> Gateway:
    port = int(server.url.rstrip("/").rpartition(":")[2])
    return Gateway(host="127.0.0.1", port=port, model="", api_key="", timeout_s=30)


def test_every_request_of_a_load_is_asked_and_counted(server: PageServer) -> None:
    server.engine.reset()
    server.engine.script(*[Reply(text="一二三四五六", chunk_chars=1, delay_s=0.01)] * 6)
    result = measure.measure(_gateway(server), Load(users=3, pictures=2), SHAPE, itertools.count())
    assert (result.requests, result.failed, result.failure) == (6, 0, "")
    assert result.ttft_s is not None
    assert result.itl_s is not None
    assert 0 < result.ttft_s.median <= result.ttft_s.p95
    assert result.completion_tokens == 6 * result.completion_tokens // 6 > 0
    assert result.tokens_per_s > 0
    pictures = [
        part["image_url"]["url"]
        for request in server.engine.requests
        for part in request.json()["messages"][0]["content"]
        if part["type"] == "image_url"
    ]
    assert len(pictures) == len(set(pictures)) == 12, "no picture is sent twice"


def test_failures_are_counted_and_said(server: PageServer) -> None:
    server.engine.reset()
    server.engine.script(Reply(text="好", fault=Fault.DIE), Reply(text="好的"))
    result = measure.measure(_gateway(server), Load(users=1, pictures=1), SHAPE, itertools.count())
    assert (result.requests, result.failed) == (2, 1)
    assert result.failure


def test_spread_of_values() -> None:
    assert Spread.of([]) is None
    assert Spread.of([2.0]) == Spread(median=2.0, p95=2.0)
    assert Spread.of([float(n) for n in range(100)]) == Spread(median=49.5, p95=95.0)


def test_pictures_are_their_seeds() -> None:
    assert picture_url(1, 64, 48) == picture_url(1, 64, 48) != picture_url(2, 64, 48)
    assert picture_tokens(1920, 1080, least=64, most=16384) == 60 * 34
    assert picture_tokens(64, 64, least=64, most=16384) == 64
    assert picture_tokens(8192, 8192, least=64, most=4096) == 4096


def _status(**card: int) -> StatusReport:
    fields = {"context_tokens": 4096, "max_images": 9, "image_min_tokens": 64} | card
    return StatusReport(
        pid=1,
        url="http://localhost",
        address="127.0.0.1",
        web_port=1,
        version="0",
        started_unix_s=0,
        ready=True,
        data_dir="",
        log_path="",
        model=ModelCard(id="m", name="m", **fields),  # type: ignore[arg-type]  # numbers, all of them
        engine=EngineStatus(state=EngineState.READY, engine="fake", model="m"),
        engine_pid=None,
        engine_port=1,
        gateway=PartStatus(state="ready", pid=1, restarts=0, code="", detail=""),
    )


def test_loads_that_cannot_be_taken_are_left_out_with_their_reason() -> None:
    shape = Shape(width=1024, height=768, max_tokens=128, rounds=1)
    loads, skipped = _loads(_status(max_images=3), shape, [1, 3, 16], [1, 3, 9])
    assert loads == [
        Load(users=1, pictures=1),
        Load(users=1, pictures=3),
        Load(users=3, pictures=1),
        Load(users=16, pictures=1),
    ]
    assert [(each.pictures, "3" in each.reason, "3" in each.reason_zh) for each in skipped] == [
        (9, True, True)
    ]
    loads, skipped = _loads(_status(context_tokens=2048), shape, [1], [1, 3])
    assert [load.pictures for load in loads] == [1]
    assert "2048" in skipped[0].reason


def _report() -> Report:
    one = measure.Result(
        users=1,
        pictures=3,
        requests=2,
        failed=1,
        failure="engine_died: <b>gone</b>",
        ttft_s=Spread(median=0.25, p95=0.5),
        itl_s=Spread(median=0.0075, p95=0.02),
        tokens_per_s=99.5,
        tokens_per_s_user=130.0,
        prompt_tokens=6145,
        completion_tokens=256,
    )
    return Report(
        huiyan="0",
        at_unix_s=0.0,
        machine="2 CPU",
        engine="llama_cpp",
        model="<script>alert(1)</script>",
        demo=True,
        picture="1024x768",
        max_tokens=128,
        rounds=1,
        results=[one, msgspec.structs.replace(one, users=16, ttft_s=None, itl_s=None)],
        skipped=[Skipped(users=1, pictures=9, reason="too many", reason_zh="太多")],
        held=Held(resident_bytes=3 << 30, gpu_bytes=5 << 30),
        plan=Plan(context_tokens=4096, slots=1, needed_bytes=10 << 30),
    )


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_needs_nothing_and_shows_all(language: str) -> None:
    text = report.page(_report(), "zh" if language == "zh" else "en")
    assert "<script" not in text, "a model's name is text"
    assert "<b>" not in text
    assert not re.search(r"(?:src|href|url\()", text), "nothing is fetched from anywhere"
    assert text.count("<figure>") == 3
    assert "0.25" in text
    assert "7.5" in text
    assert ("太多" if language == "zh" else "too many") in text
    assert "50 %" in text, "memory against the plan"
    assert ("排队" if language == "zh" else "wait") in text


def test_what_is_no_number_or_size_is_refused_with_an_example() -> None:
    assert _numbers("--users", "1,3,16") == [1, 3, 16]
    assert _size("1920X1080") == (1920, 1080)
    for wrong in ("", "a", "0", "1,,2", "999"):
        with pytest.raises(SettingsError) as caught:
            _numbers("--users", wrong)
        assert "1,3,16" in caught.value.hint
    for wrong in ("", "10x10", "1024", "1024x", "9999x100"):
        with pytest.raises(SettingsError):
            _size(wrong)


def test_memory_of_a_process_and_of_none() -> None:

    held = held_by(os.getpid())
    assert held is not None
    assert held.resident_bytes > 1 << 20
    assert held_by(None) is None
