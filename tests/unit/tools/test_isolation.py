"""A tool that misbehaves is its own trouble: limits, walls, ends, and the next call."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec.structs import replace

from huiyan.errors import ToolDiedError, ToolFailedError, ToolLimitError, ToolTimeoutError
from huiyan.tools.catalogue import TextContent, ToolProgress, ToolResult
from huiyan.tools.places import private_directories
from huiyan.tools.plugin import Plugin
from tests.support.tools import LIMITS, install_scripted
from tests.support.wait import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")


@contextlib.asynccontextmanager
async def scripted(data_dir: Path, *only: str, network: bool = False, **limits: Any) -> AsyncIterator[Plugin]:
    own = replace(LIMITS, **limits)
    installed = await install_scripted(data_dir, "scripted", *only, network=network, limits=own)
    plugin = Plugin(installed, private_directories(data_dir))
    try:
        yield plugin
    finally:
        await plugin.close()


async def call(plugin: Plugin, tool: str, **arguments: Any) -> ToolResult:
    return await plugin.call(tool, arguments, {}, lambda _: None)


def text_of(result: ToolResult) -> str:
    return "".join(item.text for item in result.content if isinstance(item, TextContent))


async def works(plugin: Plugin) -> bool:
    return "hello" in text_of(await call(plugin, "echo", text="hello"))


def processes_with(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(mark in word for word in process.cmdline()):
                found.append(process)
    return found


async def until_gone(mark: str) -> None:
    async def gone() -> bool:
        return not processes_with(mark)

    await eventually(gone, 30.0)


async def test_a_death_is_told_and_the_next_call_starts_it_again(tmp_path: Path) -> None:
    async with scripted(tmp_path) as plugin:
        with pytest.raises(ToolDiedError, match="code 7"):
            await call(plugin, "die")
        assert await works(plugin)
        assert "I die now" in plugin.installed.log.read_text("utf-8")


async def test_a_death_ends_the_calls_beside_it_and_no_other_tool(tmp_path: Path) -> None:
    async with scripted(tmp_path / "a") as plugin, scripted(tmp_path / "b") as other:
        slow = asyncio.get_running_loop().create_task(call(other, "slow", steps=10, step_s=0.05))
        beside = asyncio.get_running_loop().create_task(call(plugin, "hang"))
        await works(plugin)
        with pytest.raises(ToolDiedError):
            await call(plugin, "die")
        with pytest.raises(ToolDiedError):
            await beside
        assert text_of(await slow) == "done"


async def test_a_hang_is_ended(tmp_path: Path) -> None:
    async with scripted(tmp_path, hang_timeout_s=1.0) as plugin:
        with pytest.raises(ToolTimeoutError):
            await call(plugin, "hang")
        assert await works(plugin)


async def test_progress_keeps_a_long_call_alive(tmp_path: Path) -> None:
    heard: list[ToolProgress] = []
    async with scripted(tmp_path, hang_timeout_s=5.0) as plugin:
        result = await plugin.call("slow", {"steps": 12, "step_s": 0.6}, {}, heard.append)
    assert text_of(result) == "done"
    assert heard[-1] == ToolProgress(progress=12, total=12, message="step 12")


async def test_memory_is_limited_and_told(tmp_path: Path) -> None:
    async with scripted(tmp_path, memory_mib=128) as plugin:
        # Whichever limit is met first: that of all its processes, or the address space of one.
        (answer,) = await asyncio.gather(call(plugin, "eat", mib=4096), return_exceptions=True)
        assert isinstance(answer, ToolLimitError | ToolDiedError) or (
            isinstance(answer, ToolResult) and answer.is_error
        )
        assert await works(plugin)


async def test_processes_are_counted(tmp_path: Path) -> None:
    async with scripted(tmp_path, processes=4) as plugin:

        async def too_many() -> None:
            await call(plugin, "fork", count=12, mark="many-of-them")
            await call(plugin, "slow", steps=100)

        with pytest.raises(ToolLimitError, match="4 processes"):
            await too_many()
        await until_gone("many-of-them")
        assert await works(plugin)


async def test_what_left_the_process_group_ends_with_the_tool(tmp_path: Path) -> None:
    async with scripted(tmp_path) as plugin:
        await call(plugin, "fork", count=3, mark="left-the-group")
        assert processes_with("left-the-group")
        with pytest.raises(ToolDiedError):
            await call(plugin, "die")
        await until_gone("left-the-group")
        await call(plugin, "fork", count=2, mark="closed-with-it")
    await until_gone("closed-with-it")


async def test_processor_time_is_limited(tmp_path: Path) -> None:
    async with scripted(tmp_path, cpu_s=1.0) as plugin:
        with pytest.raises(ToolLimitError, match="processor time"):
            await call(plugin, "burn")
        assert await works(plugin)


async def test_rubbish_on_stdout_is_log_and_nothing_else(tmp_path: Path) -> None:
    async with scripted(tmp_path) as plugin:
        assert text_of(await call(plugin, "rubbish")) == "after the rubbish"
        assert "not json at all" in plugin.installed.log.read_text("utf-8", "replace")


async def test_output_is_bounded(tmp_path: Path) -> None:
    async with scripted(tmp_path, output_mib=1) as plugin:
        with pytest.raises(ToolLimitError):
            await call(plugin, "large", size_bytes=1_200_000)
        with pytest.raises(ToolLimitError):
            await call(plugin, "endless_line")
        assert await works(plugin)


async def test_an_answer_that_breaks_the_protocol_is_that_calls_error(tmp_path: Path) -> None:
    async with scripted(tmp_path) as plugin:
        with pytest.raises(ToolFailedError, match="protocol"):
            await call(plugin, "broken")
        assert await works(plugin)


async def test_its_own_error_is_a_result(tmp_path: Path) -> None:
    async with scripted(tmp_path) as plugin:
        result = await call(plugin, "fail")
        assert result.is_error
        assert text_of(result) == "the tool's own words"


async def test_a_cancelled_call_is_cancelled_in_the_tool(tmp_path: Path) -> None:
    async with scripted(tmp_path) as plugin:
        heard = asyncio.Event()
        task = asyncio.get_running_loop().create_task(
            plugin.call("slow", {"steps": 1000, "step_s": 0.05}, {}, lambda _: heard.set())
        )
        await asyncio.wait_for(heard.wait(), 30)
        task.cancel()
        await asyncio.wait([task])

        async def told() -> bool:
            return (plugin.installed.work / "cancelled.txt").exists()

        await eventually(told, 30.0)
        assert await works(plugin)


async def test_it_sees_neither_secrets_nor_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYAN_SECRET_FOR_TEST", "mellon")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "keys.sqlite").write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with scripted(tmp_path) as plugin:
            paths = [str(tmp_path / "state"), str(plugin.installed.directory)]
            result = await call(plugin, "environment", paths=paths, port=listener.getsockname()[1])
            isolation = plugin.installed.record.isolation
    seen = json.loads(text_of(result))
    assert "mellon" not in json.dumps(seen["variables"])
    assert (
        seen["variables"].keys().isdisjoint({"USER", "PYTHONPATH", "VIRTUAL_ENV", "HUIYAN_SECRET_FOR_TEST"})
    )
    assert seen["directory"] == str(plugin.installed.work)
    assert seen["readable"][paths[1]], "its own directory can be read"
    # Where the kernel refuses namespaces, nothing pretends that it does not.
    assert (seen["readable"][paths[0]] == []) is isolation.hidden
    assert (seen["connected"] is not True) is isolation.network


async def test_the_network_is_there_when_it_asks_and_the_administrator_grants(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with scripted(tmp_path, network=True) as plugin:
            result = await call(plugin, "environment", port=listener.getsockname()[1])
    assert json.loads(text_of(result))["connected"] is True


def open_files() -> int:
    return psutil.Process().num_fds()


async def test_nothing_is_left_of_it_after_close(tmp_path: Path) -> None:
    # Other tests of this run may have left processes that end by themselves in a while.
    others = set(psutil.Process().children(recursive=True))
    before = open_files()
    async with scripted(tmp_path) as plugin:
        assert await works(plugin)
    assert set(psutil.Process().children(recursive=True)) <= others
    assert open_files() <= before
