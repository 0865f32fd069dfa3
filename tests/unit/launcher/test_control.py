"""The control socket: private, patient with nonsense, gone with its server."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from huiyan.errors import ModelBusyError, NotRunningError
from huiyan.gateway.launcher_link import LauncherLink
from huiyan.gateway.schema_models import ModelsReport
from huiyan.launcher import control
from huiyan.launcher.control import ControlServer, socket_path
from huiyan.launcher.lock import DataDirLock
from huiyan.launcher.state import DataDir, LauncherInfo, write_info
from huiyan.store.fetching import FetchStatus
from tests.support.fake_launcher import FakeLauncher


def info(path: Path) -> LauncherInfo:
    return LauncherInfo(
        pid=os.getpid(),
        url="http://127.0.0.1:8000",
        web_port=8000,
        engine_port=3001,
        socket=str(path),
        version="1",
        started_unix_s=1.0,
    )


@asynccontextmanager
async def serving(directory: Path) -> AsyncIterator[tuple[FakeLauncher, Path]]:
    launcher = FakeLauncher()
    server = ControlServer(socket_path(directory), launcher)
    await server.start()
    try:
        yield launcher, server.path
    finally:
        server.close()


async def test_status_and_stop_are_answered(tmp_path: Path) -> None:
    async with serving(tmp_path / "run") as (launcher, path):
        assert (await asyncio.to_thread(control.status, info(path))).engine_port == 3001
        answer = json.loads(await asyncio.to_thread(control.ask, info(path), "stop"))
        assert answer == {"stopping": True, "pid": os.getpid()}
        assert launcher.stops == 1


async def test_this_users_commands_get_their_key(tmp_path: Path) -> None:
    async with serving(tmp_path / "run") as (_, path):
        assert await asyncio.to_thread(control.own_key, info(path)) == "own-key"
        assert b"own-key" not in await asyncio.to_thread(control.ask, info(path), "status")


async def test_nobody_else_may_open_it(tmp_path: Path) -> None:
    async with serving(tmp_path / "run") as (_, path):
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_nonsense_is_answered_or_dropped_and_the_next_is_served(tmp_path: Path) -> None:
    async with serving(tmp_path / "run") as (_, path):
        for nonsense in (b"\n", b"not json\n", b"[1]\n", b'{"op": 5}\n', b'{"op": "reboot"}\n'):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(nonsense)
            assert json.loads(await reader.readline())["error"]["code"] == "unknown_op"
            writer.close()
        for rude in (b"x" * 200_000 + b"\n", b""):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(rude)
            writer.write_eof()
            await reader.read()
            writer.close()
        assert (await asyncio.to_thread(control.status, info(path))).pid == 1


async def test_events_flow_until_the_caller_leaves(tmp_path: Path) -> None:
    async with serving(tmp_path / "run") as (launcher, path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"op": "events"}\n')
        async with asyncio.timeout(5):
            while not launcher.listeners:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.01)
            for number in range(3):
                launcher.listeners[0]({"event": "note", "number": number})
            assert [json.loads(await reader.readline())["number"] for _ in range(3)] == [0, 1, 2]
            writer.close()
            while launcher.listeners:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_a_long_path_goes_to_a_short_private_directory(tmp_path: Path) -> None:
    run = tmp_path / ("long" * 30) / "run"
    async with serving(run) as (_, path):
        assert len(os.fsencode(path)) <= control.MAX_PATH_BYTES
        assert not path.is_relative_to(tmp_path)
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert (await asyncio.to_thread(control.status, info(path))).pid == 1
    assert not path.parent.exists()


async def test_a_dead_launchers_socket_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "run" / "launcher.sock"))
    async with serving(tmp_path / "run") as (_, path):
        assert (await asyncio.to_thread(control.status, info(path))).pid == 1
    assert not path.exists()


def test_without_a_launcher_the_hint_is_to_start_one(data_dir: DataDir) -> None:
    with pytest.raises(NotRunningError) as caught:
        control.running(data_dir)
    assert "huiyan start" in caught.value.hint


def test_stale_info_is_not_believed(data_dir: DataDir) -> None:
    write_info(data_dir, info(data_dir.run / "launcher.sock"))
    with pytest.raises(NotRunningError):
        control.running(data_dir)
    with DataDirLock(data_dir):
        assert control.running(data_dir).pid == os.getpid()


def test_a_launcher_that_does_not_answer_is_named(data_dir: DataDir) -> None:
    data_dir.run.mkdir()
    path = data_dir.run / "launcher.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(NotRunningError, match=str(os.getpid())) as caught:
            control.ask(info(path), "status", timeout_s=0.2)
        assert f"kill {os.getpid()}" in caught.value.hint


async def test_models_are_asked_for_fetched_and_given_up(tmp_path: Path) -> None:
    async with serving(tmp_path / "run") as (launcher, path):
        link = LauncherLink(path)
        assert (await link.ask("models", ModelsReport)).wanted == "a/b"
        assert (await link.ask("pull", FetchStatus, id=None)).id == "a/b"
        assert (await link.ask("pull", FetchStatus, id="c/d")).id == "c/d"
        await link.ask("cancel_pull", dict)
        assert launcher.pulled == [None, "c/d"]
        assert launcher.cancels == 1


async def test_what_the_launcher_refuses_keeps_its_type(tmp_path: Path) -> None:
    async with serving(tmp_path / "run") as (_, path):
        with pytest.raises(ModelBusyError) as caught:
            await LauncherLink(path).ask("pull", FetchStatus, id="busy")
    assert (caught.value.message, caught.value.hint) == ("Another model is being fetched.", "Wait.")


async def test_a_switch_of_models_is_asked_for_and_its_refusal_told(tmp_path: Path) -> None:
    async with serving(tmp_path) as (launcher, path):
        for name, told in (("there", {"switched": True}), ("missing", "model_file_missing")):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(json.dumps({"op": "switch_model", "model_path": f"/models/{name}"}).encode() + b"\n")
            answer = json.loads(await reader.readline())
            writer.close()
            assert answer == told or answer["error"]["code"] == told
        assert launcher.switched == [Path("/models/there"), Path("/models/missing")]
