"""huiyan.lifeline: messages both ways, and children that do not outlive whoever started them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from huiyan import lifeline
from huiyan.lifeline import ORPHAN_GRACE_S, Lifeline, ThreadLifeline

ENGINES = Path(__file__).parent / "engines"


def close(child: ThreadLifeline) -> None:
    """A child never closes its lifeline; it ends."""
    child._file.close()
    child._socket.close()


async def test_messages_travel_in_both_directions() -> None:
    ours, theirs = lifeline.pair()
    parent, child = await Lifeline.open(ours), await Lifeline.open(theirs)
    parent.send({"type": "boot", "text": "图里\n写了什么"})
    child.send({"type": "progress", "fraction": 0.5})
    assert await child.receive() == {"type": "boot", "text": "图里\n写了什么"}
    assert await parent.receive() == {"type": "progress", "fraction": 0.5}
    parent.close()
    assert await child.receive() is None
    child.close()


async def test_a_message_may_be_larger_than_any_socket_buffer() -> None:
    ours, theirs = lifeline.pair()
    parent, child = await Lifeline.open(ours), await Lifeline.open(theirs)
    parent.send({"type": "boot", "text": "x" * 3_000_000})
    received = await child.receive()
    assert received is not None
    assert len(received["text"]) == 3_000_000
    parent.close()
    child.close()


def test_only_the_childs_end_is_inheritable() -> None:
    ours, theirs = lifeline.pair()
    with ours, theirs:
        assert not ours.get_inheritable()
        assert theirs.get_inheritable()


def test_sending_to_a_dead_side_is_harmless() -> None:
    ours, theirs = lifeline.pair()
    child = ThreadLifeline(theirs.detach())
    ours.close()
    child.send({"type": "progress"})
    assert child.receive() is None
    close(child)


def test_watch_tells_messages_and_then_the_end_once() -> None:
    ours, theirs = lifeline.pair()
    told: list[object] = []
    child = ThreadLifeline(theirs.detach())
    thread = child.watch(told.append, lambda: told.append("gone"))
    ours.sendall(b'{"type":"drain"}\n{"type":"half')
    ours.close()
    thread.join(5)
    assert told == [{"type": "drain"}, "gone"]
    close(child)


PARENT = """
import asyncio, os, sys
from huiyan import nano
from huiyan.engines.child import spawn
from huiyan.engines.llama_cpp import LlamaCppEngine

kind = sys.argv[1]
engine = LlamaCppEngine(
    card=nano.card(), model_path=nano.MODEL_PATH, mmproj_path=nano.MMPROJ_PATH, port=0, threads=1
)

async def main():
    async with asyncio.TaskGroup() as tasks:
        if kind == "engine":
            child, boot = spawn(engine.module), engine.boot()
        else:
            child, boot = spawn("scripted_child"), {"ignore_sigterm": True}
        await child.attach(lambda line: None, tasks)
        child.send(boot)
        async for message in child.messages():
            if message["type"] == "listening":
                print(child.pid, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["engine", "scripted"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_child_outlives_its_launcher(kind: str, number: signal.Signals) -> None:
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join([str(ENGINES), *[path for path in sys.path if path]]),
    }
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, kind], env=environment, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert psutil.pid_exists(child)
        parent.send_signal(number)
    deadline = time.monotonic() + ORPHAN_GRACE_S
    while _alive(child):
        assert time.monotonic() < deadline, "the child outlived its launcher"
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_the_engine_child_asks_for_its_lifeline() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "huiyan.engines.llama_cpp_child"], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 2
    assert "--lifeline-fd" in finished.stderr


async def test_a_line_without_its_end_is_no_message() -> None:
    ours, theirs = lifeline.pair()
    child = await Lifeline.open(theirs)
    ours.sendall(b'{"type":"boot"')
    ours.close()
    async with asyncio.timeout(5):
        assert await child.receive() is None
    child.close()
