"""The tool host as a child of `huiyan start`: it comes, is killed, comes again, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from huiyan.testing import mcp_server
from huiyan.tools.places import socket_path
from tests.support.installation import Huiyan
from tests.support.wait import wait_until

WAIT_S = 60.0
#: The host looks five times a second; a busy machine is given more.
SEEN_WITHIN_S = 20.0


def asked(huiyan: Huiyan, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{huiyan.url}{path}", data=data)
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
        return json.loads(answer.read())


def offered(huiyan: Huiyan) -> list[str]:
    return [plugin["name"] for plugin in asked(huiyan, "/api/tools")["plugins"]]


def host_of(huiyan: Huiyan) -> psutil.Process | None:
    assert huiyan.launcher is not None
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(huiyan.launcher.pid).children():
            if "huiyan.tools.host" in child.cmdline():
                return child
    return None


def add(huiyan: Huiyan, name: str) -> None:
    source = huiyan.home / f"{name}.py"
    source.write_text(Path(mcp_server.__file__).read_text("utf-8"), "utf-8")
    added = huiyan.run(
        "tools", "add", str(source), "--data-dir", str(huiyan.data_dir), "--json", timeout_s=WAIT_S
    )
    assert added.returncode == 0, added.said


def test_tools_come_and_go_while_it_runs_and_survive_the_death_of_their_host(fresh: Huiyan) -> None:
    fresh.extra_environment = {"UV_OFFLINE": "1"}
    fresh.start()
    wait_until(lambda: bool(asked(fresh, "/api/tools")["available"]), "the tool host is there", WAIT_S)
    assert offered(fresh) == []
    add(fresh, "first")
    wait_until(lambda: offered(fresh) == ["first"], "the tool is offered", SEEN_WITHIN_S)
    call = {"text": "hello"}
    assert "hello" in asked(fresh, "/api/tools/first/echo", call)["content"][0]["text"]

    host = host_of(fresh)
    assert host is not None
    tool_processes = host.children(recursive=True)
    assert tool_processes
    host.kill()
    wait_until(
        lambda: not any(process.is_running() for process in tool_processes), "its tools end with it", WAIT_S
    )
    assert fresh.health() == "ok"

    def back() -> bool:
        found = host_of(fresh)
        return found is not None and found.pid != host.pid and bool(asked(fresh, "/api/tools")["available"])

    wait_until(back, "another host is there", WAIT_S)
    assert "hello" in asked(fresh, "/api/tools/first/echo", call)["content"][0]["text"]

    removed = fresh.run("tools", "remove", "first", "--data-dir", str(fresh.data_dir), "--json")
    assert removed.returncode == 0, removed.said
    wait_until(lambda: offered(fresh) == [], "the tool is gone", SEEN_WITHIN_S)

    socket = socket_path(fresh.data_dir)
    assert oct(socket.stat().st_mode)[-3:] == "600"
    fresh.stop()
    fresh.wait_nothing_left()
    assert not socket.exists()


def test_tools_end_when_the_launcher_is_killed(fresh: Huiyan) -> None:
    fresh.extra_environment = {"UV_OFFLINE": "1"}
    fresh.start()
    add(fresh, "first")
    wait_until(lambda: offered(fresh) == ["first"], "the tool is offered", WAIT_S)
    asked(fresh, "/api/tools/first/fork", {"count": 2})
    host = host_of(fresh)
    assert host is not None
    family = [host, *host.children(recursive=True)]
    assert len(family) >= 5
    assert fresh.launcher is not None
    fresh.launcher.kill()
    wait_until(lambda: not any(process.is_running() for process in family), "nothing is left", WAIT_S)
