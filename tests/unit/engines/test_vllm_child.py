"""huiyan.engines.vllm and its wrapper process, with the stand-in in vLLM's place."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from huiyan.engines.blocking_http import authorization, connect
from huiyan.engines.child import spawn
from huiyan.engines.child_spec import ChildSpec, ChildStatus, Failure
from huiyan.engines.restart import RestartPolicy
from huiyan.engines.status import EngineState
from huiyan.engines.supervisor import Supervisor
from huiyan.engines.vllm import VllmEngine, VllmSettings
from huiyan.engines.vllm_steps import lower
from huiyan.engines.vllm_warmup import steps, warm_up
from huiyan.launcher import parts
from huiyan.launcher.health import ask_canary
from huiyan.settings.environment import child_environment
from tests.support.vllm import DATA, StandIn, card, socket_directory

QUICK = RestartPolicy(first_delay_s=0.05, max_delay_s=0.1, max_crashes=2, max_crashes_before_ready=2)


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path)


@pytest.fixture
def private() -> Iterator[Path]:
    with socket_directory() as name:
        yield Path(name)


class Watch:
    def __init__(self) -> None:
        self.statuses: list[ChildStatus] = []
        self.messages: list[dict[str, Any]] = []
        self.lines: list[str] = []

    @property
    def codes(self) -> list[str]:
        return list(dict.fromkeys(status.code for status in self.statuses if status.code))


@asynccontextmanager
async def supervised(
    engine: VllmEngine,
    watch: Watch,
    *,
    mend: Callable[[Failure], Failure | None] | None = None,
    now: Callable[[], VllmEngine] | None = None,
) -> AsyncIterator[Supervisor]:
    environment = {**child_environment(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    spec = parts.engine_spec(engine, environment=environment, load_timeout_s=60, mend=mend, now=now)
    spec = ChildSpec(**{**vars(spec), "on_message": watch.messages.append})
    async with asyncio.TaskGroup() as group:
        supervisor = Supervisor(spec, policy=QUICK, on_line=watch.lines.append)
        supervisor.subscribe(watch.statuses.append)
        running = group.create_task(supervisor.run())
        try:
            yield supervisor
        finally:
            await supervisor.stop()
            await running


async def until(supervisor: Supervisor, *states: EngineState) -> ChildStatus:
    async with asyncio.timeout(60):
        while supervisor.status.state not in states:  # noqa: ASYNC110 - it is looked at from outside
            await asyncio.sleep(0.02)
    return supervisor.status


def family(pid: int | None) -> list[psutil.Process]:
    assert pid is not None
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


async def test_it_starts_says_how_far_it_is_and_answers_about_a_picture(
    stand_in: StandIn, private: Path
) -> None:
    stand_in.script(log=str(DATA / "start-8b.log"))
    engine, watch = stand_in.engine(private), Watch()
    async with supervised(engine, watch) as supervisor:
        await asyncio.wait_for(supervisor.wait_ready(), 60)
        done: list[tuple[int, int]] = []
        plan = steps(engine.card, max_num_seqs=4)
        await warm_up(
            engine.endpoint, engine.card, plan, timeout_s=30, on_step=lambda n, of: done.append((n, of))
        )
        assert done[-1] == (len(plan), len(plan))
        assert "红色" in await asyncio.to_thread(ask_canary, engine.endpoint, engine.card.id, timeout_s=30)
        (listening,) = [message for message in watch.messages if message["type"] == "listening"]
        assert listening["memory"]["kv_tokens"] == 25_392
    assert watch.codes == [
        "vllm_importing",
        "vllm_loading_weights",
        "vllm_profiling",
        "vllm_capturing_graphs",
        "vllm_starting_server",
    ]


async def test_the_key_is_needed_everywhere_and_seen_nowhere(stand_in: StandIn, private: Path) -> None:
    engine, watch = stand_in.engine(private), Watch()
    async with supervised(engine, watch) as supervisor:
        await asyncio.wait_for(supervisor.wait_ready(), 60)

        def ask(path: str, headers: dict[str, str]) -> int:
            connection = connect(engine.endpoint, timeout_s=10)
            connection.request("GET", path, headers=headers)
            try:
                return connection.getresponse().status
            finally:
                connection.close()

        for path in ("/v1/models", "/metrics", "/is_paused"):
            assert await asyncio.to_thread(ask, path, {}) == 401
            assert await asyncio.to_thread(ask, path, authorization(engine.endpoint)) == 200
        if sys.platform.startswith("linux"):
            for process in family(supervisor.status.pid):
                for kind in ("cmdline", "environ"):
                    seen = await asyncio.to_thread(Path(f"/proc/{process.pid}/{kind}").read_bytes)
                    assert engine.api_key.encode() not in seen
    assert engine.api_key not in "".join(watch.lines) + repr(engine) + repr(engine.boot)


async def test_a_stop_leaves_no_process_even_of_one_that_ignores_it(stand_in: StandIn, private: Path) -> None:
    stand_in.script(child=True)
    async with supervised(stand_in.engine(private), Watch()) as supervisor:
        await asyncio.wait_for(supervisor.wait_ready(), 60)
        there = family(supervisor.status.pid)
        assert len(there) >= 3
        await supervisor.stop()
        assert not [process for process in there if process.is_running()]


async def test_a_killed_server_comes_back_on_the_same_socket(stand_in: StandIn, private: Path) -> None:
    engine, watch = stand_in.engine(private), Watch()
    async with supervised(engine, watch) as supervisor:
        await asyncio.wait_for(supervisor.wait_ready(), 60)
        family(supervisor.status.pid)[1].kill()
        await until(supervisor, EngineState.RESTARTING)
        assert supervisor.status.code == "engine_killed"
        await until(supervisor, EngineState.READY)
        assert "红色" in await asyncio.to_thread(ask_canary, engine.endpoint, engine.card.id, timeout_s=30)


async def test_a_crash_loop_ends_with_the_cause_and_vllms_words(stand_in: StandIn, private: Path) -> None:
    stand_in.script(log=str(DATA / "out-of-memory.log"), code=1)
    async with supervised(stand_in.engine(private), Watch()) as supervisor:
        status = await until(supervisor, EngineState.FAILED)
    assert status.code == "engine_gpu_out_of_memory"
    assert "Tried to allocate 37.50 GiB" in status.detail


async def test_what_cannot_work_is_not_tried_twice(stand_in: StandIn, private: Path) -> None:
    stand_in.script(log=str(DATA / "bad-flag.log"), code=2)
    watch = Watch()
    async with supervised(stand_in.engine(private), watch) as supervisor:
        status = await until(supervisor, EngineState.FAILED)
    assert status.code == "engine_flags"
    assert "--no-such-flag" in status.detail
    assert status.restarts == 0


async def test_an_interpreter_that_is_not_there_is_named(stand_in: StandIn, private: Path) -> None:
    engine = stand_in.engine(private, python=stand_in.directory / "nothing")
    async with supervised(engine, Watch()) as supervisor:
        status = await until(supervisor, EngineState.FAILED)
    assert status.code == "engine_missing"
    assert "nothing" in status.detail


async def test_too_little_memory_lowers_the_context_and_then_it_starts(
    stand_in: StandIn, private: Path
) -> None:
    stand_in.script(log=str(DATA / "context-too-large.log"), code=1, fits_tokens=30_000)
    current = stand_in.engine(private, card=card(context_tokens=32_768))

    def mend(failure: Failure) -> Failure | None:
        nonlocal current
        if (lowered := lower(current, failure)) is None:
            return None
        current = lowered[0]
        return Failure(code=failure.code, message=f"{failure.message} Next: {lowered[1]}")

    watch = Watch()
    async with supervised(current, watch, mend=mend, now=lambda: current) as supervisor:
        await asyncio.wait_for(supervisor.wait_ready(), 60)
    assert current.card.context_tokens == 25_344
    assert any("Next: context 25344 tokens" in status.detail for status in watch.statuses)


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_killed_launcher_takes_everything_along(
    stand_in: StandIn, private: Path, stubborn: bool
) -> None:
    """The lifeline ends without a word: within 5 s no process of the engine is left."""
    stand_in.script(child=stubborn)
    engine = stand_in.engine(private)
    environment = {**child_environment(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    child = spawn(engine.module, environment=environment)
    async with asyncio.TaskGroup() as group:
        await child.attach(lambda _: None, group)
        child.send(engine.boot())
        async with asyncio.timeout(60):
            async for message in child.messages():
                if message["type"] == "listening":
                    break
        there = family(child.pid)
        began = time.monotonic()
        child.close()
        _, alive = await asyncio.to_thread(psutil.wait_procs, there, 20)
        took_s = time.monotonic() - began
        assert not alive
        await child.wait()
    # The bound that DESIGN.md sets, with room for a busy machine.
    assert took_s < 15


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")
async def test_a_killed_wrapper_takes_the_server_along(stand_in: StandIn, private: Path) -> None:
    """By the shim's own hand: here the stand-in runs it as vLLM's interpreter would."""
    shim = Path(parts.__file__).parents[1] / "engines" / "in_vllm" / "huiyan_vllm.py"
    code = (
        "import subprocess, sys, time;"
        f"p = subprocess.Popen([sys.executable, '-c', \"import runpy; runpy.run_path({str(shim)!r}); "
        'import time; time.sleep(600)"]);'
        "print(p.pid, flush=True); time.sleep(600)"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))
    async with asyncio.timeout(30):
        # Bound to its parent once it sleeps.
        while "sleep" not in child.status() or child.cpu_times().user == 0.0:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, [child], 20)
    assert not alive


def test_arguments_are_a_local_directory_and_nothing_secret(stand_in: StandIn, private: Path) -> None:
    engine = stand_in.engine(private, settings=VllmSettings(quantization="fp8", extra=("--seed", "1")))
    arguments = engine.arguments()
    assert arguments[0] == str(stand_in.model)
    assert engine.api_key not in arguments
    assert arguments[-2:] == ["--seed", "1"]
    by_name = dict(itertools.pairwise(arguments))
    assert by_name["--quantization"] == "fp8"
    assert by_name["--limit-mm-per-prompt"] == '{"image":3,"video":0}'
    assert by_name["--allowed-media-domains"] == "invalid.invalid"
    assert "65536" in by_name["--mm-processor-kwargs"]


def test_warm_up_stays_within_what_the_model_takes() -> None:
    small = card(context_tokens=2048, max_images=9, image_max_tokens=1024)
    chosen = steps(small, max_num_seqs=2)
    assert chosen[0].pictures == 0
    assert max(step.at_once for step in chosen) == 2
    assert all(step.pictures <= 1 for step in chosen)
    large = steps(card(context_tokens=32_768, max_images=9, image_max_tokens=4096))
    assert max(step.pictures for step in large) == 9
    assert max(step.at_once for step in large) == 16
