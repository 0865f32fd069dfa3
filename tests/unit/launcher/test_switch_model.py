"""vLLM through the whole launcher, with its stand-in: a start, and one model replaced under load."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from huiyan.engines.environments import Environments, Interpreter
from huiyan.engines.status import EngineState
from huiyan.errors import EngineNotInstalledError, HuiyanError, StartFailedError, StoreError
from huiyan.launcher.events import Event
from huiyan.launcher.orchestrate import Launcher
from huiyan.launcher.state import DataDir
from huiyan.settings.model import Settings
from tests.support.descendants import Descendants
from tests.support.vllm import DATA, StandIn

pytestmark = pytest.mark.slow


@pytest.fixture
def stand_in(tmp_path: Path, data_dir: DataDir) -> StandIn:
    directory = tmp_path / "vllm"
    directory.mkdir()
    found = StandIn(directory)
    Environments(data_dir.root).use(Interpreter(path=str(found.python), vllm="0.25.1", registered=True))
    return found


@asynccontextmanager
async def started(
    settings: Settings, environment: dict[str, str], events: list[Event]
) -> AsyncIterator[Launcher]:
    descendants = Descendants()
    launcher = Launcher(settings, events.append, environment=environment)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(launcher.run())
        try:
            async with asyncio.timeout(90):
                while not any(event.kind == "ready" for event in events):
                    if running.done():
                        break
                    await asyncio.sleep(0.02)
            yield launcher
        finally:
            launcher.request_stop()
    assert descendants.found() == []


def ask(launcher: Launcher, text: str = "你是谁？", max_tokens: int = 20) -> tuple[int, str]:
    """(status, model that answered) through the gateway."""
    status = launcher.status()
    connection = http.client.HTTPConnection(status.address, status.web_port, timeout=60)
    body = {"messages": [{"role": "user", "content": text}], "max_tokens": max_tokens}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, str(answer.get("model", answer))


async def test_start_with_vllm(
    stand_in: StandIn,
    make_settings: Callable[..., Settings],
    child_environment: dict[str, str],
) -> None:
    stand_in.script(log=str(DATA / "start-8b.log"))
    events: list[Event] = []
    settings = make_settings(engine={"engine": "vllm", "model_path": stand_in.model})
    async with started(settings, child_environment, events) as launcher:
        assert await asyncio.to_thread(ask, launcher) == (200, "model")
        report = launcher.status()
        assert (report.engine.engine, report.engine.state) == ("vllm", EngineState.READY)
        assert report.model.context_tokens == 32_768
    keys = [event.text.key for event in events if event.text is not None]
    for key in ("plan.vllm", "vllm_loading_weights", "vllm_capturing_graphs", "warming_up"):
        assert key in keys


async def test_nano_gives_way_to_the_fetched_model_and_no_request_fails(
    stand_in: StandIn,
    make_settings: Callable[..., Settings],
    child_environment: dict[str, str],
) -> None:
    events: list[Event] = []
    settings = make_settings(engine={"model": "Qwen/Some-Model"})
    async with started(settings, child_environment, events) as launcher:
        assert launcher.status().model.demo
        answers: list[tuple[int, str]] = []
        over = asyncio.Event()

        async def keep_asking() -> None:
            while not over.is_set():
                answers.append(await asyncio.to_thread(ask, launcher))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(3):
                tasks.create_task(keep_asking())
            await launcher.switch_model(stand_in.model)
            answers.append(await asyncio.to_thread(ask, launcher))
            over.set()
        assert {status for status, _ in answers} == {200}
        assert answers[-1][1] == "Qwen/Some-Model"
        assert {model for _, model in answers} == {"nano", "Qwen/Some-Model"}
        report = launcher.status()
        assert (report.engine.engine, report.model.demo, report.model.wanted) == ("vllm", False, None)
        names = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
        assert not any("llama_cpp_child" in name for name in names)
    keys = [event.text.key for event in events if event.text is not None]
    assert keys.index("switch.begins") < keys.index("switch.done")


async def test_one_vllm_makes_room_for_another_while_requests_wait(
    stand_in: StandIn,
    make_settings: Callable[..., Settings],
    child_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    events: list[Event] = []
    settings = make_settings(engine={"engine": "vllm", "model_path": stand_in.model})
    second = tmp_path / "second"
    second.mkdir()
    other = StandIn(second).model.rename(second / "other")
    async with started(settings, child_environment, events) as launcher:
        switching = asyncio.ensure_future(launcher.switch_model(other))
        answers = []
        while not switching.done():
            answers.append(await asyncio.to_thread(ask, launcher))
        await switching
        answers.append(await asyncio.to_thread(ask, launcher))
    assert {status for status, _ in answers} == {200}
    assert answers[-1][1] == "other"


async def test_a_model_that_does_not_come_up_changes_nothing(
    stand_in: StandIn,
    make_settings: Callable[..., Settings],
    child_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    stand_in.script(log=str(DATA / "bad-flag.log"), code=2)
    events: list[Event] = []
    async with started(make_settings(), child_environment, events) as launcher:
        with pytest.raises(StartFailedError):
            await launcher.switch_model(stand_in.model)
        with pytest.raises(StoreError):
            await launcher.switch_model(tmp_path / "nothing")
        assert await asyncio.to_thread(ask, launcher) == (200, "nano")
        assert launcher.status().engine.engine == "llama_cpp"
    assert "switch.failed" in [event.text.key for event in events if event.text is not None]


async def test_without_an_environment_the_start_says_how_to_get_one(
    tmp_path: Path, make_settings: Callable[..., Settings], child_environment: dict[str, str]
) -> None:
    directory = tmp_path / "vllm"
    directory.mkdir()
    settings = make_settings(engine={"engine": "vllm", "model_path": StandIn(directory).model})
    with pytest.raises(HuiyanError) as raised:
        await Launcher(settings, lambda _: None, environment=child_environment).run()
    assert isinstance(raised.value, EngineNotInstalledError)
    assert "huiyan engines install vllm" in raised.value.hint
