"""The fetch of a model that the page asked for: one at a time, in a process of its own.

A process, because gigabytes are hashed and written by it: whatever happens to it, the launcher, which watches
engine and gateway, goes on. What has arrived stays in the store, and the next fetch goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

from huiyan.engines.child import ChildProcess, LineSink, spawn
from huiyan.errors import ModelBusyError
from huiyan.messages import refusal, say
from huiyan.store.fetching import FetchStatus

Next = Literal["restart", "switch"]

MODULE: Final = "huiyan.launcher.fetch_child"
#: For journals to be written after a cancel; the store is whole even without it.
_GRACE_S: Final = 5.0
_TAIL_CHARS: Final = 300


class Fetcher:
    """Made in a running loop. `status` is that of the running or the last fetch."""

    def __init__(
        self,
        *,
        boot: Mapping[str, Any],
        environment: Mapping[str, str],
        tasks: asyncio.TaskGroup,
        on_line: LineSink,
        told: Callable[[FetchStatus], None],
        fetched: Callable[[str], Next],
    ) -> None:
        """boot: what the child is told beside the model's id (`fetch_child`).

        told: each status. fetched: called with the id of a model that is here now; says what comes next.
        """
        self._boot = dict(boot)
        self._environment = environment
        self._tasks = tasks
        self._on_line = on_line
        self._told = told
        self._fetched = fetched
        self._cancel = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self.status: FetchStatus | None = None

    def start(self, model_id: str, *, vllm: bool = False) -> FetchStatus:
        """Begin, or find that it is under way. vllm: with the engine that runs it, where that is not here.

        Raises: ModelBusyError, OSError.
        """
        if self.status is not None and self.status.state == "running":
            if self.status.id != model_id:
                raise refusal(ModelBusyError, "fetch.busy", id=self.status.id)
            return self.status
        child = spawn(MODULE, environment=self._environment)
        self._cancel = asyncio.Event()
        status = FetchStatus(id=model_id, state="running", phase="starting")
        self._tell(status)
        self._running = self._tasks.create_task(self._follow(child, model_id, vllm=vllm))
        return status

    def cancel(self) -> None:
        """Nothing happens when nothing runs."""
        self._cancel.set()

    async def stop(self) -> None:
        """At the launcher's end: what runs is cancelled and waited for."""
        if self._running is not None and not self._running.done():
            self.cancel()
            await asyncio.wait([self._running])

    async def _end_when_cancelled(self, child: ChildProcess) -> None:
        await self._cancel.wait()
        child.send({"type": "cancel"})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(child.exited), _GRACE_S)
            return
        await child.stop(grace_s=0.5)

    async def _follow(self, child: ChildProcess, model_id: str, *, vllm: bool) -> None:
        await child.attach(self._on_line, self._tasks)
        child.send({"type": "boot", **self._boot, "id": model_id, "vllm": vllm})
        cancelling = self._tasks.create_task(self._end_when_cancelled(child))
        last: FetchStatus | None = None
        async for message in child.messages():
            status = _status(message)
            if status is None:
                continue
            if status.state == "running":
                self._tell(status)
            else:
                last = status
        code = await child.wait()
        cancelling.cancel()
        child.close()
        if last is None:
            last = self._ended(model_id, code, child)
        if last.state == "done":
            last = msgspec.structs.replace(last, next=self._fetched(last.id))
        self._tell(last)

    def _ended(self, model_id: str, code: int, child: ChildProcess) -> FetchStatus:
        """The process ended without saying how it went."""
        before = self.status or FetchStatus(id=model_id, state="running")
        done_bytes, total_bytes = before.done_bytes, before.total_bytes
        if self._cancel.is_set():
            return FetchStatus(id=model_id, state="cancelled", done_bytes=done_bytes, total_bytes=total_bytes)
        end = f"signal {-code}" if code < 0 else f"code {code}"
        detail = (child.tail[-1] if child.tail else "")[:_TAIL_CHARS]
        words = {"end": end, "detail": detail}
        return FetchStatus(
            id=model_id,
            state="failed",
            code="fetch_ended",
            message=say("fetch.ended", "en", **words),
            message_zh=say("fetch.ended", "zh", **words),
            hint=say("fetch.ended.hint", "en"),
            hint_zh=say("fetch.ended.hint", "zh"),
            done_bytes=done_bytes,
            total_bytes=total_bytes,
        )

    def _tell(self, status: FetchStatus) -> None:
        self.status = status
        self._told(status)


def _status(message: Mapping[str, Any]) -> FetchStatus | None:
    try:
        return msgspec.convert(message.get("status"), FetchStatus)
    except msgspec.ValidationError:
        return None
