"""The process in front of several workers: it starts them, and holds what they share."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from huiyan.errors import QueueFullError
from huiyan.gateway.access.principal import Principal
from huiyan.gateway.access.runtime import Access
from huiyan.gateway.limits import Limiter, Refused
from huiyan.gateway.options import GatewayOptions
from huiyan.gateway.queue import FairQueue
from huiyan.gateway.workers.coordinator import Coordinator, LimitLease
from huiyan.gateway.workers.group import WorkerGroup
from huiyan.gateway.workers.listeners import listeners
from huiyan.log import get_logger

_log = get_logger(__name__)

#: sun_path holds 104 bytes on macOS and 108 on Linux, with its closing zero.
_MAX_PATH_BYTES: Final = 100
#: As one gateway process gives its running answers.
_DRAIN_S: Final = 10.0


class _KeyLimits:
    """The limiter in the coordinator's words: a refusal is an error that carries its headers."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    def begin(
        self, principal: Principal, *, body_bytes: int, done: Callable[[LimitLease | QueueFullError], None]
    ) -> None:
        def told(result: LimitLease | Refused) -> None:
            if isinstance(result, Refused):
                result.error.headers = list(result.headers)
                done(result.error)
            else:
                done(result)

        self._limiter.begin(principal, body_bytes=body_bytes, done=told)


class Front:
    """`run` until `stop`, or until the workers stay down. Made in a running loop."""

    def __init__(
        self,
        options: GatewayOptions,
        *,
        module: str,
        boot: Mapping[str, Any],
        listener: socket.socket,
        engine_slots: int | None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """boot: what one gateway process would be told; each worker gets it with its number and socket.

        listener: bound by whoever owns the port. environment: of the workers; None: this process's own.
        """
        self._options = options
        self._module = module
        self._boot = dict(boot)
        self._listener = listener
        self._environment = environment
        self._stop = asyncio.Event()
        self._drain_timeout_s: float | None = None
        traffic = options.traffic
        self._queue = FairQueue(
            traffic.slots(engine_slots),
            traffic.max_waiting,
            traffic.max_waiting_per_key,
            timeout_s=traffic.queue_timeout_s,
        )
        self._group: WorkerGroup | None = None
        #: Workers that have not yet said how they get along with a new prompt adapter.
        self._replies = 0
        #: To whoever started this process.
        self.on_message: Callable[[Mapping[str, Any]], None] = lambda _: None

    async def run(self, serving: Callable[[], None]) -> bool:
        """serving: all workers accept connections. Returns whether it ended because of `stop`.

        Raises: OSError, StartFailedError.
        """
        data_dir = Path(str(self._boot["data_dir"]))
        options = self._options
        # For its limits alone: what keys have received today is read from the usage table.
        access = Access(options.access, host=options.host, port=options.port, state_dir=data_dir / "state")
        access.start()
        path = _socket_path(data_dir / "run")
        coordinator = Coordinator(self._queue, _KeyLimits(access.limiter))
        sockets = listeners(self._listener, options.traffic.workers)
        try:
            await coordinator.listen(path)
            async with asyncio.TaskGroup() as tasks:
                return await self._watch(tasks, sockets, path, serving)
        finally:
            coordinator.close()
            if path.parent != data_dir / "run":
                with contextlib.suppress(OSError):
                    path.parent.rmdir()
            for opened in sockets[1:]:
                opened.close()
            await access.close()

    def stop(self, drain_timeout_s: float | None = None) -> None:
        """Let running answers finish, end the workers. drain_timeout_s: more time than usual for that."""
        self._drain_timeout_s = drain_timeout_s
        self._stop.set()

    def tell(self, message: Mapping[str, Any]) -> None:
        """News of the launcher, for all workers and for those that start later."""
        match message["type"]:
            case "engine":
                self._boot["engine"] = message["status"]
            case "model":
                self._boot["model"] = message["model"]
            case "switch":
                self._boot |= {
                    "model": message["model"],
                    "endpoint": message["endpoint"],
                    "engine": message["status"],
                }
            case "fetch" | "update":
                self._boot[message["type"]] = message["status"]
            case "adapter":
                self._boot |= {"adapter": message["directory"], "adapters": message.get("installed", [])}
                self._replies = 0 if self._group is None else self._group.serving
            case "pause":
                self._queue.pause(self._options.traffic.max_pause_s)
            case "resume":
                self._queue.resume()
        if self._group is not None:
            self._group.send(message)

    def _heard(self, message: Mapping[str, Any]) -> None:
        """One worker's answer to a prompt adapter: the first refusal counts, or the last consent."""
        if message.get("type") != "adapter" or self._replies <= 0:
            return
        self._replies -= 1
        if message.get("error"):
            self._replies = 0
        if not self._replies:
            self.on_message(message)

    async def _watch(
        self,
        tasks: asyncio.TaskGroup,
        sockets: list[socket.socket],
        path: Path,
        serving: Callable[[], None],
    ) -> bool:
        group = WorkerGroup(
            self._module,
            sockets,
            boot=lambda _number: {**self._boot, "coordinator": str(path), "paused": self._queue.paused},
            on_line=_pass_on,
            environment=self._environment,
            drain_timeout_s=_DRAIN_S,
            on_message=self._heard,
        )
        self._group = group
        if self._boot.get("paused"):
            self._queue.pause(self._options.traffic.max_pause_s)
        group.start(tasks)
        # Not of the task group, which an error in `ready` would end with everything in it.
        loop = asyncio.get_running_loop()
        stopped, lost = loop.create_task(self._stop.wait()), loop.create_task(group.lost.wait())
        ready = loop.create_task(group.wait_ready())
        try:
            await asyncio.wait([stopped, lost, ready], return_when=asyncio.FIRST_COMPLETED)
            if ready.done() and ready.exception() is None:
                serving()
                await asyncio.wait([stopped, lost], return_when=asyncio.FIRST_COMPLETED)
            if not stopped.done():
                _log.error("a gateway worker stays down, so that the gateway ends")
            return stopped.done()
        finally:
            for task in (stopped, lost, ready):
                task.cancel()
            stopping = loop.create_task(group.stop(drain_timeout_s=self._drain_timeout_s))
            await asyncio.sleep(0)  # the group's tasks are there,
            await asyncio.sleep(0)  # and none of them spawns a worker any more
            # Held open here, a socket would go on getting its share of new connections, and nobody
            # would accept them: for as long as a worker drains, another gateway may serve the port.
            for opened in sockets[1:]:
                opened.close()
            await stopping


def _pass_on(line: str) -> None:
    """A worker's log lines, to whoever reads this process's."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _socket_path(directory: Path) -> Path:
    """In the run directory, or in a short private one if the path is too long. Raises: OSError."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = directory / "gateway.sock"
    if len(os.fsencode(path)) <= _MAX_PATH_BYTES:
        return path
    return Path(tempfile.mkdtemp(prefix="huiyan-")) / "gateway.sock"
