"""Real worker processes around one coordinator: what is shared stays right, also when one is killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from huiyan import errors
from huiyan.engines.upstream import Headers
from huiyan.errors import EngineRefusedError, HuiyanError, QueueFullError
from huiyan.gateway.access.principal import Principal
from huiyan.gateway.queue import FairQueue
from huiyan.gateway.workers import frames as f
from huiyan.gateway.workers.coordinator import Coordinator, LimitLease
from huiyan.gateway.workers.listeners import listeners
from tests.support.wait import eventually

_SCRIPT = Path(__file__).with_name("scripted_worker.py")
_TIMEOUT_S = 30.0


@dataclass
class CountingLimiter:
    """At most so many streams for each key, as the real limiter has them; counts tokens."""

    streams: int
    open: dict[str, int] = field(default_factory=dict)
    tokens: int = 0

    def begin(
        self, principal: Principal, *, body_bytes: int, done: Callable[[LimitLease | QueueFullError], None]
    ) -> None:
        if self.open.get(principal.id, 0) >= self.streams:
            done(QueueFullError("too many streams", retry_after_s=7))
            return
        self.open[principal.id] = self.open.get(principal.id, 0) + 1
        done(_Lease(self, principal.id))


@dataclass
class _Lease:
    limiter: CountingLimiter
    key: str

    def finish(self, prompt_tokens: int, completion_tokens: int) -> None:
        self.limiter.open[self.key] -= 1
        self.limiter.tokens += prompt_tokens + completion_tokens

    def headers(self) -> Headers:
        return [(b"x-ratelimit-remaining-requests", b"5")]


class WorkerProcess:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def tell(self, *words: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(words).encode() + b"\n")

    async def hear(self) -> list[Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(_TIMEOUT_S):
            heard: list[Any] = json.loads(await self.process.stdout.readline())
        return heard

    async def expect(self, *words: Any) -> None:
        assert await self.hear() == list(words)

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


class Cluster:
    def __init__(self, coordinator: Coordinator, limiter: CountingLimiter, path: Path) -> None:
        self.coordinator = coordinator
        self.limiter = limiter
        self.path = path
        self._processes: list[WorkerProcess] = []

    async def worker(self, number: int) -> WorkerProcess:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(_SCRIPT),
            str(self.path),
            str(number),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        worker = WorkerProcess(process)
        self._processes.append(worker)
        await worker.expect("up")
        await self.until(lambda: number in self.coordinator.workers)
        return worker

    async def until(self, is_so: Callable[[], bool]) -> None:
        async def ask() -> bool:
            return is_so()

        await eventually(ask, timeout_s=_TIMEOUT_S)

    async def close(self) -> None:
        for worker in self._processes:
            if worker.process.returncode is None:
                await worker.kill()


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    limiter = CountingLimiter(streams=2)
    coordinator = Coordinator(FairQueue(2, 100, 100, timeout_s=600), limiter)
    path = tmp_path / "gateway.sock"
    await coordinator.listen(path)
    running = Cluster(coordinator, limiter, path)
    try:
        yield running
    finally:
        await running.close()
        coordinator.close()


async def test_the_socket_is_this_users_alone(cluster: Cluster) -> None:
    assert stat.S_IMODE(cluster.path.stat().st_mode) == 0o600


async def test_slots_are_counted_over_all_workers_and_given_in_turn(cluster: Cluster) -> None:
    one, two = await cluster.worker(0), await cluster.worker(1)
    one.tell("enter", "a1", "a")
    one.tell("enter", "a2", "a")
    await one.expect("granted", "a1")
    await one.expect("granted", "a2")
    one.tell("enter", "a3", "a")
    await cluster.until(lambda: cluster.coordinator.queue.waiting == 1)
    two.tell("enter", "b1", "b")
    await cluster.until(lambda: cluster.coordinator.queue.waiting == 2)
    one.tell("leave", "a1")
    await two.expect("granted", "b1")  # b has nothing running, a has
    two.tell("leave", "b1")
    await one.expect("granted", "a3")
    one.tell("leave", "a2")
    one.tell("leave", "a3")
    one.tell("leave", "a3")
    await cluster.until(lambda: cluster.coordinator.queue.running == 0)


async def test_a_killed_workers_slots_and_streams_come_back(cluster: Cluster) -> None:
    one, two = await cluster.worker(0), await cluster.worker(1)
    for name in ("a1", "a2"):
        one.tell("begin", name, "a", 10)
        await one.expect("begun", name, [["x-ratelimit-remaining-requests", "5"]])
        one.tell("enter", name, "a")
        await one.expect("granted", name)
    one.tell("enter", "a3", "a")
    two.tell("begin", "b", "a", 10)
    await two.expect("limited", "b", 7)
    two.tell("enter", "b1", "b")
    await cluster.until(lambda: cluster.coordinator.queue.waiting == 2)
    await one.kill()
    await two.expect("granted", "b1")
    await cluster.until(lambda: cluster.coordinator.queue.running == 1)
    assert (cluster.coordinator.queue.waiting, cluster.limiter.open) == (0, {"a": 0})
    two.tell("begin", "b", "a", 10)
    await two.expect("begun", "b", [["x-ratelimit-remaining-requests", "5"]])
    two.tell("finish", "b", 30, 12)
    await cluster.until(lambda: cluster.limiter.tokens == 42)
    assert cluster.limiter.open == {"a": 0}
    again = await cluster.worker(0)  # its successor takes the number
    again.tell("enter", "c", "c")
    await again.expect("granted", "c")


async def test_an_answer_of_one_worker_is_read_through_another(cluster: Cluster) -> None:
    one, two = await cluster.worker(0), await cluster.worker(1)
    one.tell("claim", "k")
    await one.expect("claimed", "k", 0)
    one.tell("open", "k", "body")
    await one.expect("opened", "k")
    one.tell("head", "k")
    one.tell("write", "k", "one ")
    two.tell("claim", "k")
    await two.expect("claimed", "k", 0)
    two.tell("attach", "r", "k", "body")
    await two.expect("head", "r", 200)
    await two.expect("body", "r", "one ")
    one.tell("write", "k", "two")
    await two.expect("body", "r", "two")
    two.tell("pause", "r")
    two.tell("claim", "fence")
    await two.expect("claimed", "fence", 1)
    one.tell("claim", "fence")  # after it, the pause has arrived at the owner
    await one.expect("claimed", "fence", 1)
    one.tell("write", "k", "three")
    one.tell("claim", "fence")
    await one.expect("claimed", "fence", 1)
    two.tell("claim", "fence")
    await two.expect("claimed", "fence", 1)  # and nothing of the answer came before it
    two.tell("resume", "r")
    await two.expect("body", "r", "three")
    one.tell("end", "k")
    await two.expect("end", "r")
    two.tell("attach", "again", "k", "body")
    assert [await two.hear() for _ in range(5)] == [
        ["head", "again", 200],
        ["body", "again", "one "],
        ["body", "again", "two"],
        ["body", "again", "three"],
        ["end", "again"],
    ]
    two.tell("attach", "other", "k", "another body")
    await two.expect("error", "other", "idempotency_conflict")


async def test_the_last_reader_elsewhere_counts_as_a_reader(cluster: Cluster) -> None:
    one, two = await cluster.worker(0), await cluster.worker(1)
    one.tell("claim", "k")
    await one.expect("claimed", "k", 0)
    one.tell("open", "k", "body")
    await one.expect("opened", "k")
    one.tell("head", "k")
    two.tell("attach", "r", "k", "body")
    await two.expect("head", "r", 200)
    two.tell("cancel", "r")
    await one.expect("cancelled", "k")  # after its grace, since nobody reads it any more
    one.tell("claim", "fence")
    await one.expect("claimed", "fence", 0)
    two.tell("claim", "k")  # forgotten, so that it may be run anew
    await two.expect("claimed", "k", 1)


async def test_an_answer_that_failed_or_never_began_may_be_run_by_any_worker(cluster: Cluster) -> None:
    one, two = await cluster.worker(0), await cluster.worker(1)
    one.tell("claim", "k")
    await one.expect("claimed", "k", 0)
    two.tell("attach", "early", "k", "body")
    await two.expect("missing", "early")
    one.tell("open", "k", "body")
    await one.expect("opened", "k")
    one.tell("head", "k")
    two.tell("attach", "r", "k", "body")
    await two.expect("head", "r", 200)
    one.tell("fail", "k")
    await two.expect("error", "r", "rate_limit_exceeded")
    two.tell("claim", "k")
    await two.expect("claimed", "k", 1)
    two.tell("release", "k")
    two.tell("claim", "fence")
    await two.expect("claimed", "fence", 1)
    one.tell("claim", "k")
    await one.expect("claimed", "k", 0)
    two.tell("attach", "nobody", "unknown", "body")
    await two.expect("missing", "nobody")


async def test_stopping_reaches_the_owner(cluster: Cluster) -> None:
    one, two = await cluster.worker(0), await cluster.worker(1)
    one.tell("claim", "k")
    await one.expect("claimed", "k", 0)
    one.tell("open", "k", "body")
    await one.expect("opened", "k")
    one.tell("head", "k")
    two.tell("attach", "r", "k", "body")
    await two.expect("head", "r", 200)
    two.tell("stop", "k")
    await one.expect("cancelled", "k")
    await two.expect("end", "r")


async def test_readers_hear_of_the_death_of_the_worker_that_writes(cluster: Cluster) -> None:
    one, two = await cluster.worker(0), await cluster.worker(1)
    one.tell("claim", "k")
    await one.expect("claimed", "k", 0)
    one.tell("open", "k", "body")
    await one.expect("opened", "k")
    one.tell("head", "k")
    two.tell("attach", "r", "k", "body")
    await two.expect("head", "r", 200)
    await one.kill()
    await two.expect("error", "r", "engine_died")
    two.tell("claim", "k")
    await two.expect("claimed", "k", 1)


async def test_the_death_of_a_reader_is_a_reader_that_left(cluster: Cluster) -> None:
    one, two = await cluster.worker(0), await cluster.worker(1)
    one.tell("claim", "k")
    await one.expect("claimed", "k", 0)
    one.tell("open", "k", "body")
    await one.expect("opened", "k")
    one.tell("head", "k")
    two.tell("attach", "r", "k", "body")
    await two.expect("head", "r", 200)
    await two.kill()
    await one.expect("cancelled", "k")


async def test_without_the_coordinator_a_worker_refuses_and_ends(cluster: Cluster) -> None:
    one = await cluster.worker(0)
    cluster.coordinator.queue.pause(600)
    one.tell("enter", "a", "a")
    await cluster.until(lambda: cluster.coordinator.queue.waiting == 1)
    cluster.coordinator.close()
    assert [await one.hear(), await one.hear()] == [["refused", "a", "engine_starting"], ["lost"]]


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02hi", b"\x00\x00\x00\x01\xc1"])
async def test_what_is_no_message_closes_the_connection(cluster: Cluster, data: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(str(cluster.path))
    writer.write(data)
    async with asyncio.timeout(_TIMEOUT_S):
        assert await reader.read() == b""
    writer.close()
    assert cluster.coordinator.workers == []


async def test_nothing_is_heard_before_hello_and_a_number_is_taken_once(cluster: Cluster) -> None:
    await cluster.worker(0)
    for first in (f.Release("k"), f.Hello(0)):
        reader, writer = await asyncio.open_unix_connection(str(cluster.path))
        data = f._encoder.encode(first)
        writer.write(len(data).to_bytes(4, "big") + data)
        async with asyncio.timeout(_TIMEOUT_S):
            assert await reader.read() == b""
        writer.close()
    assert cluster.coordinator.workers == [0]


def _leaves(kind: type[HuiyanError]) -> list[type[HuiyanError]]:
    return [kind, *(leaf for sub in kind.__subclasses__() for leaf in _leaves(sub))]


@pytest.mark.parametrize(
    "kind", [k for k in _leaves(HuiyanError) if k.__module__ == errors.__name__], ids=lambda k: k.__name__
)
def test_errors_keep_their_kind_on_the_way(kind: type[HuiyanError]) -> None:
    more: dict[str, Any] = {}
    if issubclass(kind, (QueueFullError, errors.EngineStartingError)):
        more = {"retry_after_s": 2.5}
    elif issubclass(kind, EngineRefusedError):
        more = {"status": 422}
    if issubclass(kind, errors.ImageMissingError):
        before: HuiyanError = kind("what", hint="do", hashes=("a" * 64, "b" * 64))
    else:
        before = kind("what", hint="do", param="p", **more)
    after = f.unpack_error(f.pack_error(before))
    assert type(after) is kind
    assert vars(after) == vars(before)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere SO_REUSEPORT does not balance")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_kernel_shares_connections_out_and_keeps_a_dead_workers(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(socket.socket(family))
        try:
            first.bind((host, 0))
        except OSError:
            pytest.skip(f"no {host} here")
        address = first.getsockname()
        with socket.socket(family) as rival:
            rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            # Before the workers' sockets are there, the port is the launcher's alone.
            with pytest.raises(OSError):
                rival.bind(address)
        sockets = listeners(first, 3)
        for opened in sockets:
            stack.callback(opened.close)
        assert {s.getsockname() for s in sockets} == {address}
        for _ in range(90):
            stack.enter_context(socket.create_connection(address[:2], timeout=_TIMEOUT_S))
        accepted = []
        for opened in sockets:
            count = 0
            with contextlib.suppress(BlockingIOError):
                while True:
                    stack.enter_context(opened.accept()[0])
                    count += 1
            accepted.append(count)
        assert sum(accepted) == 90
        assert all(accepted)


def test_one_worker_needs_nothing_new() -> None:
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        assert listeners(first, 1) == [first]
        assert first.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) == 0
        os.fstat(first.fileno())
