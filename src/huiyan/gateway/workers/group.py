"""The worker processes of one gateway: each under a supervisor, each with its own listening socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence

from huiyan.engines.child import LineSink, spawn
from huiyan.engines.child_spec import ChildSpec, ChildStatus, Failure
from huiyan.engines.restart import RestartPolicy
from huiyan.engines.status import EngineState
from huiyan.engines.supervisor import Supervisor
from huiyan.lifeline import Message

#: A worker that dies is back soon: its share of new connections waits in the backlog meanwhile.
_POLICY = RestartPolicy(first_delay_s=0.1, max_delay_s=5.0, max_crashes=10)


class WorkerGroup:
    """sockets: one for each worker, kept open here. boot: a worker's first message, by its number.

    The message gets `worker` and `listen_fd` added; a worker says `serving` when it accepts connections.
    """

    def __init__(
        self,
        module: str,
        sockets: Sequence[socket.socket],
        *,
        boot: Callable[[int], Message],
        on_line: LineSink,
        environment: Mapping[str, str] | None = None,
        start_timeout_s: float = 30.0,
        drain_timeout_s: float = 10.0,
        on_message: Callable[[Message], None] | None = None,
    ) -> None:
        """on_message: told what a worker says beside that it serves."""
        #: A worker stays down: the gateway should end, so that the launcher starts all of it anew.
        self.lost = asyncio.Event()
        self._supervisors = [
            Supervisor(
                ChildSpec(
                    name=f"gateway worker {number}",
                    spawn=lambda sock=sock: spawn(  # type: ignore[misc]  # mypy knows no defaults of lambdas
                        module, environment=environment, pass_fds=[sock.fileno()]
                    ),
                    boot=lambda number=number, sock=sock: {  # type: ignore[misc]  # as above
                        **boot(number),
                        "worker": number,
                        "listen_fd": sock.fileno(),
                    },
                    ready_on="serving",
                    start_timeout_s=start_timeout_s,
                    explain=_explain,
                    drain={"type": "drain"},
                    drain_timeout_s=drain_timeout_s,
                    on_message=on_message,
                ),
                policy=_POLICY,
                on_line=on_line,
            )
            for number, sock in enumerate(sockets)
        ]
        for supervisor in self._supervisors:
            supervisor.subscribe(self._changed)

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Supervise in `tasks` until `stop`."""
        for supervisor in self._supervisors:
            tasks.create_task(supervisor.run())

    async def wait_ready(self) -> None:
        """All of them serve. Raises: what kept one of them from it."""
        for supervisor in self._supervisors:
            await supervisor.wait_ready()

    @property
    def statuses(self) -> list[ChildStatus]:
        return [supervisor.status for supervisor in self._supervisors]

    @property
    def serving(self) -> int:
        """How many of them are ready."""
        return sum(status.state is EngineState.READY for status in self.statuses)

    def send(self, message: Message) -> None:
        """To all: engine states, another model."""
        for supervisor in self._supervisors:
            supervisor.send(message)

    async def stop(self, *, drain_timeout_s: float | None = None) -> None:
        """Drain and end all at the same time. drain_timeout_s: in place of the one of `__init__`."""
        async with asyncio.TaskGroup() as group:
            for supervisor in self._supervisors:
                group.create_task(supervisor.stop(drain_timeout_s=drain_timeout_s))

    def _changed(self, status: ChildStatus) -> None:
        if status.state is EngineState.FAILED:
            self.lost.set()


def _explain(returncode: int, tail: Sequence[str]) -> Failure:
    end = f"signal {-returncode}" if returncode < 0 else f"code {returncode}"
    last = f" Its last line: {tail[-1][:300]}" if tail else ""
    return Failure(
        code="gateway_exited",
        message=f"A gateway worker ended with {end}.{last}",
        hint="`huiyan logs --source gateway` shows its last lines.",
    )
