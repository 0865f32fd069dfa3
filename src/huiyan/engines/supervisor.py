"""Keeps one child process running: spawn, wait until ready, restart with backoff, stop for good.

The same class watches the engine and the gateway. It knows no more of a child than its `ChildSpec`
says, and tells subscribers every change as a `ChildStatus`.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from huiyan import log
from huiyan.engines.child import ChildProcess, LineSink
from huiyan.engines.child_spec import ChildSpec, ChildStatus, Failure
from huiyan.engines.restart import RestartPolicy
from huiyan.engines.status import EngineState
from huiyan.errors import HuiyanError, StartFailedError
from huiyan.lifeline import Message

_log = log.get_logger(__name__)


class Supervisor:
    """Create, `subscribe`, let `run` run in a task group, `wait_ready`; finally `stop`."""

    def __init__(
        self, spec: ChildSpec, *, policy: RestartPolicy, on_line: LineSink, adopt: ChildProcess | None = None
    ) -> None:
        """adopt: a process that was spawned before there was an event loop; it is the first life."""
        self._spec = spec
        self._policy = policy
        self._on_line = on_line
        self._adopted = adopt
        self._child: ChildProcess | None = None
        #: It has its boot message, which has to be the first.
        self._booted = False
        self._subscribers: list[Callable[[ChildStatus], None]] = []
        self._status = ChildStatus(state=EngineState.STOPPED)
        #: Ready for the first time, or never to be.
        self._settled = asyncio.Event()
        self._failure: Failure | None = None
        self._ready_at_s: float | None = None
        self._was_ready = False
        self._stop = asyncio.get_running_loop().create_future()
        self._stopped = asyncio.Event()
        self._hurry = False
        self._drain_timeout_s: float | None = None

    @property
    def status(self) -> ChildStatus:
        return self._status

    def subscribe(self, on_status: Callable[[ChildStatus], None]) -> None:
        self._subscribers.append(on_status)

    async def wait_ready(self) -> None:
        """Return at the first readiness. Raises: the error that ended the attempts, or StartFailedError."""
        await self._settled.wait()
        if self._failure is not None:
            if self._failure.error is not None:
                raise self._failure.error
            raise StartFailedError(self._failure.message, hint=self._failure.hint)

    def send(self, message: Message) -> None:
        """To the child that is running now; without one, the next boot message brings the news."""
        if self._child is not None and self._booted:
            self._child.send(message)

    @property
    def child(self) -> ChildProcess | None:
        """The process that is running now and has its boot message."""
        return self._child if self._booted else None

    def report(self, *, progress: float | None, code: str = "", detail: str = "") -> None:
        """Progress seen from outside: of a child that cannot speak while it loads, or of its probe."""
        if self._status.state in {EngineState.LOADING, EngineState.WARMING}:
            self._publish(replace(self._status, progress=progress, code=code, detail=detail))

    async def stop(self, *, hurry: bool = False, drain_timeout_s: float | None = None) -> None:
        """End the child and the restarts; when this returns, nothing of its process group is left.

        hurry: no draining; a second call with it cuts the first one short.
        drain_timeout_s: in place of the spec's; the child is told.
        """
        if drain_timeout_s is not None:
            self._drain_timeout_s = drain_timeout_s
        if not self._stop.done():
            self._stop.set_result(None)
        if hurry:
            self.hurry()
        await self._stopped.wait()

    def hurry(self) -> None:
        """Cut a stop short: whatever is running ends at once."""
        self._hurry = True
        if self._stop.done() and self._child is not None:
            self._child.send_signal(signal.SIGKILL)

    async def run(self) -> None:
        """Live after life, until `stop` or until restarting has no sense."""
        crashes = 0
        try:
            while not self._stop.done():
                failure = await self._one_life()
                if failure is None:
                    break
                if self._spec.mend is not None and (mended := self._spec.mend(failure)) is not None:
                    crashes = 0
                    await self._back_off(mended, self._policy.delay_s(1))
                    continue
                ready_for_s = 0.0 if self._ready_at_s is None else time.monotonic() - self._ready_at_s
                crashes = self._policy.count(crashes, ready_for_s)
                if failure.permanent or self._policy.gives_up(crashes, was_ready=self._was_ready):
                    self._give_up(failure, crashes)
                    await asyncio.shield(self._stop)
                    break
                await self._back_off(failure, self._policy.delay_s(crashes))
            self._publish(ChildStatus(state=EngineState.STOPPED, restarts=self._status.restarts))
        finally:
            if self._adopted is not None:
                self._adopted.kill_now()
            self._stopped.set()
            self._settled.set()

    async def _back_off(self, failure: Failure, delay_s: float) -> None:
        _log.warning(
            "%s: %s Restart in %.1f s.",
            self._spec.name,
            failure.message,
            delay_s,
            extra={"code": failure.code},
        )
        self._publish(
            ChildStatus(
                state=EngineState.RESTARTING,
                code=failure.code,
                detail=failure.message,
                hint=failure.hint,
                retry_in_s=delay_s,
                restarts=self._status.restarts + 1,
            )
        )
        await asyncio.wait([self._stop], timeout=delay_s)

    def _give_up(self, failure: Failure, crashes: int) -> None:
        self._failure = failure
        _log.error(
            "%s stays down after %d attempts: %s",
            self._spec.name,
            crashes,
            failure.message,
            extra={"code": failure.code},
        )
        self._publish(
            ChildStatus(
                state=EngineState.FAILED,
                code=failure.code,
                detail=failure.message,
                hint=failure.hint,
                restarts=self._status.restarts,
            )
        )
        self._settled.set()

    async def _one_life(self) -> Failure | None:
        """From spawn to the end of the process, which is certain when this returns. None: stopped."""
        self._ready_at_s = None
        child, self._adopted = self._adopted, None
        if child is None:
            try:
                child = self._spec.spawn()
            except OSError as error:
                return Failure(code="spawn_failed", message=f"It could not be started: {error}.")
        self._child = child
        try:
            async with asyncio.TaskGroup() as tasks:
                try:
                    await child.attach(self._on_line, tasks)
                    return await self._watch(child, tasks)
                finally:
                    # Still alive only if this task was cancelled or something unforeseen was raised.
                    child.send_signal(signal.SIGKILL)
        finally:
            self._child = None
            self._booted = False
            child.close()

    async def _watch(self, child: ChildProcess, tasks: asyncio.TaskGroup) -> Failure | None:
        self._publish(ChildStatus(state=EngineState.STARTING, pid=child.pid, restarts=self._status.restarts))
        child.send(self._spec.boot())
        self._booted = True
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        reported: list[Failure] = []
        pump = tasks.create_task(self._pump(child, ready, reported))
        try:
            await self._first_of(child.exited, ready, timeout_s=self._spec.start_timeout_s)
            failure: Failure | None = None
            if ready.done() and not self._over(child):
                failure = await self._prove(child, tasks)
            elif not self._over(child):
                failure = Failure(
                    code="start_timeout",
                    message=f"It was not ready within {self._spec.start_timeout_s:.0f} s.",
                    hint="Give it longer with --timeout-s, or choose a smaller model.",
                )
            if failure is not None:
                await child.stop(grace_s=self._spec.kill_grace_s)
                return failure
            await self._first_of(child.exited)
            if self._stop.done():
                await self._end(child)
                return None
            code = await child.wait()
            await asyncio.wait([pump], timeout=1.0)
            return reported[-1] if reported else self._spec.explain(code, child.tail)
        finally:
            pump.cancel()

    def _over(self, child: ChildProcess) -> bool:
        return child.exited.done() or self._stop.done()

    async def _first_of(self, *events: asyncio.Future[Any], timeout_s: float | None = None) -> None:
        await asyncio.wait([*events, self._stop], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)

    async def _end(self, child: ChildProcess) -> None:
        if self._spec.drain is not None and not self._hurry:
            longer = {} if self._drain_timeout_s is None else {"timeout_s": self._drain_timeout_s}
            timeout_s = self._drain_timeout_s or self._spec.drain_timeout_s
            child.send({**self._spec.drain, **longer})
            await asyncio.wait([child.exited], timeout=timeout_s)
            if not child.exited.done():
                _log.warning("%s is still busy after %.0f s", self._spec.name, timeout_s)
        await child.stop(grace_s=0 if self._hurry else self._spec.kill_grace_s)

    async def _prove(self, child: ChildProcess, tasks: asyncio.TaskGroup) -> Failure | None:
        """Ask the probe; READY when it is content. None also when the child ended meanwhile."""
        if self._spec.probe is not None:
            self._publish(
                ChildStatus(state=EngineState.WARMING, pid=child.pid, restarts=self._status.restarts)
            )
            probe = tasks.create_task(self._ask(self._spec.probe))
            try:
                await self._first_of(child.exited, probe)
                if self._over(child):
                    return None
                if (failure := probe.result()) is not None:
                    return failure
            finally:
                probe.cancel()
        self._was_ready = True
        self._ready_at_s = time.monotonic()
        self._publish(ChildStatus(state=EngineState.READY, pid=child.pid, restarts=self._status.restarts))
        self._settled.set()
        return None

    async def _ask(self, probe: Callable[[], Awaitable[None]]) -> Failure | None:
        try:
            await probe()
        except HuiyanError as error:
            return Failure(
                code=error.code,
                message=error.message,
                hint=error.hint,
                # The same model failed its first test: it will fail the next. Later, it may be the load.
                permanent=not self._was_ready,
                error=error,
            )
        return None

    async def _pump(self, child: ChildProcess, ready: asyncio.Future[None], reported: list[Failure]) -> None:
        async for message in child.messages():
            kind = message.get("type")
            if kind == self._spec.ready_on and not ready.done():
                ready.set_result(None)
            elif kind == "progress" and not ready.done():
                self._publish(
                    replace(
                        self._status,
                        state=EngineState.LOADING,
                        progress=message.get("fraction"),
                        code=str(message.get("code", "")),
                        detail=str(message.get("detail", "")),
                    )
                )
            elif kind == "failed":
                reported.append(
                    Failure(
                        code=str(message.get("code", "failed")),
                        message=str(message.get("message", "It failed.")),
                        hint=str(message.get("hint", "")),
                        permanent=not message.get("retry", False),
                    )
                )
            if self._spec.on_message is not None:
                self._spec.on_message(message)

    def _publish(self, status: ChildStatus) -> None:
        same = status.state is self._status.state
        self._status = replace(status, since_unix_s=self._status.since_unix_s if same else time.time())
        for on_status in self._subscribers:
            on_status(self._status)
