"""A whole start with the real engine and gateway, and every way in which it ends."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from huiyan.cli.chat_client import Answer, stream_chat
from huiyan.engines.restart import RestartPolicy
from huiyan.engines.status import EngineState
from huiyan.errors import AlreadyRunningError, HuiyanError, PortInUseError, StartFailedError
from huiyan.launcher import control, own_gateway
from huiyan.launcher.events import Event
from huiyan.launcher.lock import is_held
from huiyan.launcher.orchestrate import Launcher, Outcome
from huiyan.launcher.prestart import prestart
from huiyan.launcher.state import DataDir
from huiyan.settings.model import Settings
from tests.support.descendants import Descendants

pytestmark = pytest.mark.slow


@dataclass
class Started:
    launcher: Launcher
    task: asyncio.Task[Outcome]
    events: list[Event] = field(default_factory=list)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    async def until(self, condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                assert not self.task.done() or condition(), "it ended too early"
                await asyncio.sleep(0.02)

    async def until_ready(self) -> None:
        await self.until(lambda: "ready" in self.kinds())

    async def end(self) -> Outcome:
        async with asyncio.timeout(30):
            return await self.task


@pytest.fixture
def descendants() -> Descendants:
    return Descendants()


@pytest.fixture
def start(
    child_environment: dict[str, str],
    descendants: Descendants,
) -> Callable[..., Any]:
    @asynccontextmanager
    async def launch(settings: Settings, **more: Any) -> AsyncIterator[Started]:
        events: list[Event] = []
        launcher = Launcher(settings, events.append, environment=child_environment, **more)
        async with asyncio.TaskGroup() as tasks:
            started = Started(launcher, tasks.create_task(_outcome(launcher)), events)
            try:
                yield started
            finally:
                if not started.task.done():
                    launcher.request_stop()
        assert descendants.found() == [], "something was left running"

    return launch


async def _outcome(launcher: Launcher) -> Any:
    """Errors are handed out as values, so that the task group lets the test look at them."""
    try:
        return await launcher.run()
    except HuiyanError as error:
        return error


async def test_from_start_to_stop(
    start: Callable[..., Any],
    make_settings: Callable[..., Settings],
    data_dir: DataDir,
    descendants: Descendants,
) -> None:
    async with start(make_settings()) as started:
        await started.until_ready()
        info = control.running(data_dir)
        report = await asyncio.to_thread(control.status, info)
        while report.tools.pid is None:  # it starts last
            report = await asyncio.to_thread(control.status, info)
        assert report.ready
        assert report.engine.state is EngineState.READY
        assert report.gateway.state == "ready"
        assert report.model.demo
        pids = {report.engine_pid, report.gateway.pid, report.tools.pid}
        assert pids == {child.pid for child in descendants.found()}
        await asyncio.to_thread(control.ask, info, "stop")
        assert await started.end() is Outcome.STOPPED
    kinds = started.kinds()
    assert kinds.index("serving") < kinds.index("ready") < kinds.index("stopping") < kinds.index("stopped")
    settled = [event.layer for event in started.events if event.kind == "step" and event.state == "ok"]
    assert set(settled) == {"machine", "model", "ports", "gateway", "engine", "health"}
    assert not is_held(data_dir)
    assert not data_dir.info.exists()
    assert not os.path.lexists(info.socket)  # noqa: ASYNC240 - nothing else runs
    with (
        socket.create_server(("127.0.0.1", info.engine_port)),
        socket.create_server(("127.0.0.1", info.web_port)),
    ):
        pass


async def test_no_secret_is_in_the_log_or_the_status(
    start: Callable[..., Any],
    make_settings: Callable[..., Settings],
    data_dir: DataDir,
    descendants: Descendants,
) -> None:
    async with start(make_settings()) as started:
        await started.until_ready()
        prepared = started.launcher._prepared
        assert prepared is not None
        key = prepared.engine.api_key
        answer = await asyncio.to_thread(control.ask, control.running(data_dir), "status")
        for child in descendants.found():
            assert key not in " ".join(child.cmdline())
            assert key not in str(child.environ())
    assert key.encode() not in answer
    for path in data_dir.root.rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes()


async def test_a_process_from_before_is_taken_over(
    start: Callable[..., Any], make_settings: Callable[..., Settings], child_environment: dict[str, str]
) -> None:
    early = prestart(child_environment)
    async with start(make_settings(), prestarted=early) as started:
        await started.until_ready()
        assert started.launcher.status().gateway.pid == early.child.pid


async def test_killed_parts_come_back_on_the_same_ports(
    start: Callable[..., Any], make_settings: Callable[..., Settings]
) -> None:
    async with start(make_settings()) as started:
        await started.until_ready()
        before = started.launcher.status()
        assert before.engine_pid is not None
        assert before.gateway.pid is not None
        os.kill(before.engine_pid, signal.SIGABRT)  # as a GGML_ASSERT does
        os.kill(before.gateway.pid, signal.SIGKILL)

        def back() -> bool:
            now = started.launcher.status()
            return now.engine.restarts == now.gateway.restarts == 1 and (
                now.engine.state is EngineState.READY and now.gateway.state == "ready"
            )

        await started.until(back)
        after = started.launcher.status()
        assert (after.url, after.engine_port) == (before.url, before.engine_port)
        notes = [
            event.text.key for event in started.events if event.kind == "note" and event.text is not None
        ]
        assert notes.count("part.restarting") == 2
        assert notes.count("part.restarted") == 2


async def test_a_stop_before_it_is_ready_is_an_interruption(
    start: Callable[..., Any], make_settings: Callable[..., Settings], data_dir: DataDir
) -> None:
    async with start(make_settings()) as started:
        await started.until(lambda: any(event.layer == "engine" for event in started.events))
        started.launcher.request_stop()
        assert await started.end() is Outcome.INTERRUPTED
    assert not is_held(data_dir)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_signals_stop_it(
    start: Callable[..., Any], make_settings: Callable[..., Settings], number: signal.Signals
) -> None:
    async with start(make_settings()) as started:
        await started.until_ready()
        os.kill(os.getpid(), number)
        assert await started.end() is Outcome.STOPPED


async def test_a_second_start_is_refused_and_the_first_goes_on(
    start: Callable[..., Any], make_settings: Callable[..., Settings], child_environment: dict[str, str]
) -> None:
    async with start(make_settings()) as started:
        await started.until_ready()
        second = await _outcome(Launcher(make_settings(), lambda event: None, environment=child_environment))
        assert isinstance(second, AlreadyRunningError)
        assert started.launcher.status().gateway.state == "ready"


async def test_a_busy_port_that_was_named_refuses_the_start(
    start: Callable[..., Any], make_settings: Callable[..., Settings], child_environment: dict[str, str]
) -> None:
    early = prestart(child_environment)
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy = other.getsockname()[1]
        async with start(make_settings(gateway={"port": busy}), prestarted=early) as started:
            error = await started.end()
    assert isinstance(error, PortInUseError)
    failed = [event.layer for event in started.events if event.state == "failed"]
    assert failed == ["ports"]


async def test_an_engine_that_does_not_see_fails_the_start(
    start: Callable[..., Any], make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huiyan.launcher.health._PLAUSIBLE", ("an answer that no model gives",))
    async with start(make_settings()) as started:
        error = await started.end()
    assert isinstance(error, StartFailedError)
    assert "红色圆形" in error.message, "what it answered is quoted"
    assert "mmproj" in error.hint


async def test_a_model_that_the_engine_rejects_fails_the_start(
    start: Callable[..., Any], make_settings: Callable[..., Settings], data_dir: DataDir
) -> None:
    from huiyan import nano

    directory = data_dir.root / "model"
    directory.mkdir()
    # Whole by its head, but no projector: the text model in its place.
    (directory / "m.gguf").write_bytes(nano.MODEL_PATH.read_bytes())
    (directory / "mmproj-m.gguf").write_bytes(nano.MODEL_PATH.read_bytes())
    async with start(make_settings(engine={"model_path": directory})) as started:
        error = await started.end()
    assert isinstance(error, StartFailedError)
    assert "m.gguf" in error.message
    assert "huiyan logs" in error.hint


async def test_too_little_time_says_where_it_stood(
    start: Callable[..., Any], make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever the machine's speed: a quick one is ready before any limit worth setting.
    monkeypatch.setattr("huiyan.launcher.health.gateway_health", lambda *_, **__: "loading")
    async with start(make_settings(launcher={"timeout_s": 0.4})) as started:
        error = await started.end()
    assert isinstance(error, StartFailedError)
    assert "--timeout-s" in error.hint


async def test_a_gateway_that_never_serves_fails_the_start(
    start: Callable[..., Any], make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huiyan.launcher.prestart.MODULE", "huiyan.no_such_module")
    async with start(make_settings()) as started:
        error = await started.end()
    assert isinstance(error, StartFailedError)
    assert "no_such_module" in error.message, "its last words are quoted"


async def test_a_gateway_that_stays_down_ends_everything(
    start: Callable[..., Any], make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huiyan.launcher.parts.GATEWAY_POLICY", RestartPolicy(max_crashes=1))
    async with start(make_settings()) as started:
        await started.until_ready()
        pid = started.launcher.status().gateway.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        error = await started.end()
    assert type(error) is HuiyanError
    assert "gateway" in error.message


async def test_an_engine_that_stays_down_leaves_the_page(
    start: Callable[..., Any], make_settings: Callable[..., Settings]
) -> None:
    async with start(make_settings(engine={"max_crashes": 1})) as started:
        await started.until_ready()
        pid = started.launcher.status().engine_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await started.until(lambda: started.launcher.status().engine.state is EngineState.FAILED)
        report = started.launcher.status()
        assert report.engine.code == "engine_killed"
        assert report.engine.hint
        assert report.gateway.state == "ready"


async def test_nohup_is_respected(start: Callable[..., Any], make_settings: Callable[..., Settings]) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        async with start(make_settings()) as started:
            await started.until_ready()
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0.2)
            assert not started.task.done()
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_ports_of_a_killed_launcher_are_waited_for(
    start: Callable[..., Any],
    make_settings: Callable[..., Settings],
    data_dir: DataDir,
) -> None:
    """Its gateway still finishes answers for some seconds; the default port must not move for that."""
    from huiyan.launcher.state import LauncherInfo, write_info

    with socket.create_server(("127.0.0.1", 0)) as dying:
        wanted = dying.getsockname()[1]
        write_info(
            data_dir,
            LauncherInfo(
                pid=1,
                url="",
                web_port=wanted,
                engine_port=1,
                socket="",
                version="",
                started_unix_s=0.0,
            ),
        )
        async with start(make_settings(gateway={"port": wanted})) as started:
            await started.until(lambda: any(event.layer == "ports" for event in started.events))
            await asyncio.sleep(0.3)
            dying.close()
            await started.until_ready()
            assert started.launcher.status().url.endswith(f":{wanted}")


async def test_events_reach_the_control_socket(
    start: Callable[..., Any], make_settings: Callable[..., Settings], data_dir: DataDir
) -> None:
    async with start(make_settings()) as started:
        await started.until_ready()
        info = control.running(data_dir)
        told: list[bytes] = []

        def listen() -> None:
            told.extend(control.stream(info, "events", timeout_s=30))

        listening = asyncio.create_task(asyncio.to_thread(listen))
        await started.until(lambda: len(started.launcher._reporter._reports) == 2)
        started.launcher.request_stop()
        await started.end()
        await listening
    assert any(b'"stopping"' in line for line in told)


def get(port: int, path: str, *, key: str = "", certificate: Path | None = None) -> tuple[int, bytes]:
    """One answer of the gateway, over loopback."""
    connection = own_gateway.connect("127.0.0.1", port, certificate=certificate, timeout_s=30)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


async def test_a_start_for_others_shows_a_key_once_and_asks_for_it(
    start: Callable[..., Any], make_settings: Callable[..., Settings], data_dir: DataDir
) -> None:
    settings = make_settings(gateway={"host": "0.0.0.0", "tls": {"self_signed": True}})
    async with start(settings) as started:
        told: list[dict[str, Any]] = []
        started.launcher.subscribe(told.append)
        await started.until_ready()
        (made,) = [event for event in started.events if event.kind == "first_key"]
        report = started.launcher.status()
        assert report.url == f"https://127.0.0.1:{report.web_port}"
        assert report.certificate is not None
        certificate = Path(report.certificate)
        info = control.running(data_dir)
        own_key = await asyncio.to_thread(control.own_key, info)
        answers = [
            await asyncio.to_thread(get, report.web_port, "/v1/models", key=key, certificate=certificate)
            for key in ("", made.key, own_key, "hy-wrong")
        ]
        assert [answer[0] for answer in answers] == [401, 200, 200, 401]
        status = await asyncio.to_thread(control.ask, info, "status")
        pid = report.gateway.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        def back() -> bool:
            now = started.launcher.status().gateway
            return (now.restarts, now.state) == (1, "ready")

        await started.until(back)
        again = await asyncio.to_thread(
            get, report.web_port, "/v1/models", key=own_key, certificate=certificate
        )
        assert again[0] == 200
    assert "serving" in [event["event"] for event in told]
    assert made.key is not None
    assert made.key not in json.dumps(told)
    for secret in (made.key.encode(), own_key.encode()):
        assert secret not in status
        for path in data_dir.root.rglob("*"):
            assert not path.is_file() or secret not in path.read_bytes(), path
    async with start(settings) as second:
        await second.until(lambda: "serving" in second.kinds())
        assert "first_key" not in second.kinds()


async def test_requests_wait_while_the_gateway_is_paused(
    start: Callable[..., Any], make_settings: Callable[..., Settings]
) -> None:
    async with start(make_settings()) as started:
        await started.until_ready()
        services, port = started.launcher._services, started.launcher.status().web_port
        assert services is not None

        async def gauge(name: str) -> float:
            """What the gateway counts now; -1 while nobody answers."""
            with contextlib.suppress(OSError, http.client.HTTPException):
                _, text = await asyncio.to_thread(get, port, "/metrics")
                line = next(line for line in text.splitlines() if line.startswith(f"huiyan_{name} ".encode()))
                return float(line.split()[1])
            return -1.0

        async def until(name: str, value: float) -> None:
            async with asyncio.timeout(30):
                while await gauge(name) != value:  # noqa: ASYNC110 - the gateway tells nobody
                    await asyncio.sleep(0.05)

        def ask() -> str:
            body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
            return "".join(stream_chat("127.0.0.1", port, body, Answer(), timeout_s=60))

        services.pause_gateway()
        await until("queue_paused", 1.0)
        waiting = asyncio.create_task(asyncio.to_thread(ask))
        await until("queued_requests", 1.0)
        services.resume_gateway()
        assert await waiting
        await until("queue_paused", 0.0)

        services.pause_gateway()
        pid = started.launcher.status().gateway.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await started.until(lambda: started.launcher.status().gateway.restarts == 1)
        await until("queue_paused", 1.0)
        services.resume_gateway()
        await until("queue_paused", 0.0)


async def test_several_workers_behind_one_launcher(
    start: Callable[..., Any], make_settings: Callable[..., Settings]
) -> None:
    """The gateway child is their coordinator: without it they end, and all of them come back."""
    async with start(make_settings(gateway={"traffic": {"workers": 2}})) as started:
        await started.until_ready()
        report = started.launcher.status()
        assert report.gateway.pid is not None
        before = psutil.Process(report.gateway.pid).children()
        assert len(before) == 2
        assert (await asyncio.to_thread(get, report.web_port, "/v1/models"))[0] == 200
        os.kill(report.gateway.pid, signal.SIGKILL)

        def back() -> bool:
            now = started.launcher.status().gateway
            return (now.restarts, now.state) == (1, "ready")

        await started.until(back)
        assert (await asyncio.to_thread(get, report.web_port, "/v1/models"))[0] == 200
        await started.until(lambda: not any(worker.is_running() for worker in before))
