"""huiyan.engines.supervisor and child: with real processes, whose end is looked up in the process table."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest

from huiyan.engines.child import ChildProcess, spawn
from huiyan.engines.child_spec import ChildSpec, ChildStatus, Failure
from huiyan.engines.restart import RestartPolicy
from huiyan.engines.status import EngineState
from huiyan.engines.supervisor import Supervisor
from huiyan.errors import EngineError, StartFailedError

QUICK = RestartPolicy(first_delay_s=0.05, max_delay_s=0.2, max_crashes=3, max_crashes_before_ready=2)


@dataclass
class Stage:
    """A supervisor under test and what it said. `boots`: one per life, the last one repeats."""

    environment: dict[str, str]
    boots: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    states: list[ChildStatus] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)
    lives: int = 0

    def spawn(self) -> ChildProcess:
        child = spawn("scripted_child", environment=self.environment)
        self.pids.append(child.pid)
        return child

    def boot(self) -> dict[str, Any]:
        boot = self.boots[min(self.lives, len(self.boots) - 1)]
        self.lives += 1
        return boot

    @asynccontextmanager
    async def supervised(
        self,
        *,
        policy: RestartPolicy = QUICK,
        probe: Callable[[], Awaitable[None]] | None = None,
        adopt: ChildProcess | None = None,
        start_timeout_s: float = 20.0,
        drain: bool = False,
    ) -> AsyncIterator[Supervisor]:
        spec = ChildSpec(
            name="engine",
            spawn=self.spawn,
            boot=self.boot,
            ready_on="listening",
            start_timeout_s=start_timeout_s,
            explain=explain,
            probe=probe,
            drain={"type": "drain"} if drain else None,
            drain_timeout_s=5.0,
            kill_grace_s=0.3,
        )
        supervisor = Supervisor(spec, policy=policy, on_line=self.lines.append, adopt=adopt)
        supervisor.subscribe(self.states.append)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(supervisor.run())
            try:
                yield supervisor
            finally:
                await supervisor.stop(hurry=True)
        assert [pid for pid in self.pids if alive(pid)] == []

    def names(self) -> list[str]:
        """States without repetitions."""
        names = [status.state.value for status in self.states]
        return [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name]


def explain(returncode: int, tail: Sequence[str]) -> Failure:
    return Failure(code="crashed", message=f"ended with {returncode}: {tail[-1] if tail else ''}")


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the process table has no event to wait for
            await asyncio.sleep(0.01)


@pytest.fixture
def stage(child_environment: dict[str, str]) -> Stage:
    return Stage(child_environment)


async def test_a_child_becomes_ready_and_stops(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await supervisor.wait_ready()
        assert supervisor.status.pid == stage.pids[0]
        await supervisor.stop()
        assert not alive(stage.pids[0])
    assert stage.names() == ["starting", "loading", "ready", "stopped"]
    assert stage.states[1].progress == 0.5


async def test_a_kill_leads_to_a_restart_with_the_cause(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await supervisor.wait_ready()
        os.kill(stage.pids[0], signal.SIGKILL)
        await until(lambda: len(stage.pids) == 2 and supervisor.status.state is EngineState.READY)
        assert supervisor.status.restarts == 1
    waiting = next(status for status in stage.states if status.state is EngineState.RESTARTING)
    assert (waiting.code, waiting.retry_in_s) == ("crashed", 0.05)
    assert "ended with -9" in waiting.detail


async def test_a_crash_loop_ends_in_failed_with_the_last_line(stage: Stage) -> None:
    stage.boots = [{"say": ["GGML_ASSERT(x) failed"], "exit_after_s": 0, "never_ready": True}]
    async with stage.supervised() as supervisor:
        with pytest.raises(StartFailedError, match="GGML_ASSERT"):
            await supervisor.wait_ready()
        assert supervisor.status.state is EngineState.FAILED
        assert len(stage.pids) == QUICK.max_crashes_before_ready


async def test_crashes_after_readiness_are_counted_until_the_limit(stage: Stage) -> None:
    stage.boots = [{"exit_after_s": 0.05}]
    async with stage.supervised() as supervisor:
        await until(lambda: supervisor.status.state is EngineState.FAILED)
        assert len(stage.pids) == QUICK.max_crashes


async def test_a_stable_stretch_starts_the_count_anew(stage: Stage) -> None:
    stage.boots = [{"exit_after_s": 0.2}]
    policy = RestartPolicy(first_delay_s=0.01, stable_after_s=0.05, max_crashes=2)
    async with stage.supervised(policy=policy) as supervisor:
        await until(lambda: len(stage.pids) == 4)
        assert supervisor.status.state is not EngineState.FAILED


async def test_what_the_child_reports_is_the_cause_and_is_final(stage: Stage) -> None:
    stage.boots = [
        {"failed": {"code": "engine_model_rejected", "message": "no such architecture", "hint": "other file"}}
    ]
    async with stage.supervised() as supervisor:
        with pytest.raises(StartFailedError, match="no such architecture") as caught:
            await supervisor.wait_ready()
        assert caught.value.hint == "other file"
        assert supervisor.status.code == "engine_model_rejected"
        assert len(stage.pids) == 1


async def test_its_last_words_are_heard_although_it_is_gone(stage: Stage) -> None:
    """The end of the process and its last message arrive in any order; here the loop was busy meanwhile."""
    failed = {"code": "engine_model_rejected", "message": "no such architecture"}
    stage.boots = [{"failed": failed, "failed_after_s": 0.2}]

    def busy(status: ChildStatus) -> None:
        if status.state is EngineState.LOADING:
            time.sleep(1.0)

    async with stage.supervised() as supervisor:
        supervisor.subscribe(busy)
        with pytest.raises(StartFailedError, match="no such architecture"):
            await supervisor.wait_ready()


async def test_a_failed_probe_fails_the_start(stage: Stage) -> None:
    async def probe() -> None:
        raise EngineError("it saw nothing")

    async with stage.supervised(probe=probe) as supervisor:
        with pytest.raises(EngineError, match="it saw nothing"):
            await supervisor.wait_ready()
        assert not alive(stage.pids[0])
    assert stage.names() == ["starting", "loading", "warming", "failed", "stopped"]


async def test_a_probe_that_fails_after_a_restart_is_tried_again(stage: Stage) -> None:
    asked = 0

    async def probe() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise EngineError("too slow under load")

    async with stage.supervised(probe=probe) as supervisor:
        await supervisor.wait_ready()
        os.kill(stage.pids[0], signal.SIGKILL)
        await until(lambda: asked == 3 and supervisor.status.state is EngineState.READY)


async def test_an_end_during_the_probe_is_a_crash(stage: Stage) -> None:
    stage.boots = [{"exit_after_s": 0.1, "code": 7}, {}]

    async def probe() -> None:
        if len(stage.pids) == 1:
            await asyncio.sleep(60)

    async with stage.supervised(probe=probe) as supervisor:
        await supervisor.wait_ready()
        assert len(stage.pids) == 2
    assert any("ended with 7" in status.detail for status in stage.states)


async def test_a_child_that_is_never_ready_is_killed_in_time(stage: Stage) -> None:
    stage.boots = [{"never_ready": True, "deaf": True}]
    policy = RestartPolicy(first_delay_s=0.01, max_crashes_before_ready=1)
    async with stage.supervised(policy=policy, start_timeout_s=1.0) as supervisor:
        with pytest.raises(StartFailedError, match="not ready within"):
            await supervisor.wait_ready()
        assert not alive(stage.pids[0])


async def test_stopping_takes_the_whole_group_even_if_sigterm_is_ignored(stage: Stage) -> None:
    stage.boots = [{"ignore_sigterm": True, "grandchild": True, "deaf": True}]
    async with stage.supervised() as supervisor:
        await supervisor.wait_ready()
        await until(lambda: bool(stage.lines))
        grandchild = int(stage.lines[0].split()[1])
        assert alive(grandchild)
        await supervisor.stop()
        assert not alive(stage.pids[0])
        assert not alive(grandchild)


async def test_a_grandchild_goes_when_its_parent_crashes(stage: Stage) -> None:
    stage.boots = [{"grandchild": True, "exit_after_s": 0.3}, {}]
    async with stage.supervised() as supervisor:
        await until(lambda: len(stage.pids) == 2 and supervisor.status.state is EngineState.READY)
        grandchild = int(next(line for line in stage.lines if "grandchild" in line).split()[1])
        assert not alive(grandchild)


async def test_draining_lets_the_child_end_by_itself(stage: Stage) -> None:
    async with stage.supervised(drain=True) as supervisor:
        await supervisor.wait_ready()
        await supervisor.stop()
    assert stage.lines == ["drained"]


async def test_hurry_cuts_draining_short(stage: Stage) -> None:
    stage.boots = [{"deaf": True, "ignore_sigterm": True}]
    async with stage.supervised(drain=True) as supervisor, asyncio.TaskGroup() as tasks:
        await supervisor.wait_ready()
        started = time.monotonic()
        tasks.create_task(supervisor.stop())
        await asyncio.sleep(0.1)
        await supervisor.stop(hurry=True)
        assert time.monotonic() - started < 5.0


async def test_stop_during_the_backoff_starts_nothing_more(stage: Stage) -> None:
    stage.boots = [{"exit_after_s": 0}]
    policy = RestartPolicy(first_delay_s=60.0)
    async with stage.supervised(policy=policy) as supervisor:
        await until(lambda: supervisor.status.state is EngineState.RESTARTING)
        await supervisor.stop()
        assert len(stage.pids) == 1


async def test_an_adopted_process_is_the_first_life(stage: Stage) -> None:
    early = stage.spawn()
    async with stage.supervised(adopt=early) as supervisor:
        await supervisor.wait_ready()
        assert supervisor.status.pid == early.pid
        assert len(stage.pids) == 1


async def test_a_cancelled_supervisor_leaves_no_process(stage: Stage) -> None:
    spec = ChildSpec(
        name="engine",
        spawn=stage.spawn,
        boot=lambda: {"deaf": True, "ignore_sigterm": True},
        ready_on="listening",
        start_timeout_s=20,
        explain=explain,
    )
    supervisor = Supervisor(spec, policy=QUICK, on_line=stage.lines.append)

    async def launch() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(supervisor.run())
            await supervisor.wait_ready()
            raise ValueError("the launcher itself failed")

    with pytest.raises(ExceptionGroup):
        await launch()
    await until(lambda: not alive(stage.pids[0]))


async def test_long_and_broken_lines_are_handed_on_in_pieces(stage: Stage) -> None:
    stage.boots = [{"say": ["x" * 700_000, "图里", "end"]}]
    async with stage.supervised() as supervisor:
        await supervisor.wait_ready()
        await until(lambda: "end" in stage.lines)
    assert "图里" in stage.lines
    assert sum(line.count("x") for line in stage.lines) == 700_000
    assert max(len(line) for line in stage.lines) <= 256 * 1024
