"""The children of the version before: looked after until their work is done, then ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from huiyan import log
from huiyan.engines.child import ChildProcess, InheritedProcess, LineSink
from huiyan.launcher.upgrade.guard import Takeover
from huiyan.launcher.upgrade.handover import Role

_log = log.get_logger(__name__)

#: vLLM gives its GPU's memory back in about two seconds.
_KILL_GRACE_S: Final = 10.0
_DRAINING_TIMEOUT_S: Final = 5.0


class Retirees:
    """Create, `attach`; then `drain_gateway`, and `see_off` in a task of its own. `stop` ends all."""

    def __init__(self, takeover: Takeover) -> None:
        self._takeover = takeover
        self._litter = takeover.handover.litter
        self._children: dict[Role, ChildProcess] = {}
        self._pumps: list[asyncio.Task[None]] = []
        self._draining = asyncio.Event()

    async def attach(self, writer: Callable[[str], LineSink], tasks: asyncio.TaskGroup) -> None:
        """Read what they say from now on. writer: gives the sink of a source."""
        for retiree in self._takeover.handover.retirees:
            lifeline, output = self._takeover.child(retiree)
            process = InheritedProcess(retiree.pid, os.fdopen(output, "rb"))
            child = ChildProcess(process, lifeline)
            await child.attach(writer(retiree.role), tasks)
            self._children[retiree.role] = child
            self._pumps.append(tasks.create_task(self._pump(child)))

    def tell_gateway(self, message: dict[str, object]) -> None:
        if (gateway := self._children.get("gateway")) is not None:
            gateway.send(message)

    async def drain_gateway(self, timeout_s: float) -> None:
        """Let it finish what runs, for so long; when this returns, it accepts nothing new any more."""
        gateway = self._children.get("gateway")
        if gateway is None:
            return
        gateway.send({"type": "drain", "timeout_s": timeout_s})
        gateway.exited.add_done_callback(lambda _: self._draining.set())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._draining.wait(), _DRAINING_TIMEOUT_S)

    async def gateway_gone(self, timeout_s: float) -> None:
        """Wait for its end; after that time it is ended, and pages go on with their answers by themselves."""
        gateway = self._children.get("gateway")
        if gateway is None:
            return
        await asyncio.wait([gateway.exited], timeout=timeout_s)
        await self._end("gateway")

    async def end_engine(self) -> None:
        await self._end("engine")
        for path in self._litter:
            if Path(path).name.startswith("huiyan-"):
                await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)

    async def see_off(self, timeout_s: float) -> None:
        """The end of them all, the gateway first: its answers need the others."""
        await self.gateway_gone(timeout_s)
        await self.end_engine()
        await self._end("tools")

    async def stop(self) -> None:
        """Now."""
        await self.see_off(0.0)

    def let_go(self) -> None:
        """They go back to the version before as they are."""
        for child in self._children.values():
            child.let_go()
        for pump in self._pumps:
            pump.cancel()

    async def _end(self, role: Role) -> None:
        child = self._children.pop(role, None)
        if child is None:
            return
        code = await child.stop(grace_s=_KILL_GRACE_S)
        child.close()
        _log.info("the %s of the version before has ended", role, extra={"pid": child.pid, "exit": code})

    async def _pump(self, child: ChildProcess) -> None:
        """Its pipe must not fill up. A line that was cut in two by the change of programs is none."""
        while True:
            try:
                async for message in child.messages():
                    if message.get("type") == "draining":
                        self._draining.set()
                return
            except msgspec.DecodeError:
                continue
