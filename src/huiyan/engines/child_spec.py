"""What a supervisor has to know of a child, and what it says of it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from huiyan.engines.child import ChildProcess
from huiyan.engines.status import EngineState
from huiyan.errors import HuiyanError
from huiyan.lifeline import Message


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a life ended. permanent: trying again would end the same way."""

    code: str
    message: str
    hint: str = ""
    permanent: bool = False
    error: HuiyanError | None = None


@dataclass(frozen=True, kw_only=True)
class ChildStatus:
    """One look at the child. progress: 0..1 while it loads, where that is known."""

    state: EngineState
    pid: int | None = None
    code: str = ""
    detail: str = ""
    hint: str = ""
    progress: float | None = None
    retry_in_s: float | None = None
    restarts: int = 0
    since_unix_s: float = field(default_factory=time.time)


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """What the supervisor has to know of a child.

    spawn, boot: called for every life. ready_on: type of the message that says it serves.
    probe: asked once that message came; ready only when it returns, a HuiyanError fails this life.
    explain: names the likely cause of an end from the return code and the last lines of output.
    drain: sent before SIGTERM, so that what runs may finish within `drain_timeout_s`.
    mend: asked after a failure; what it returns is told in its place, and the next life, which `boot` starts
    with less, does not count as a repetition. kill_grace_s: from SIGTERM to SIGKILL.
    """

    name: str
    spawn: Callable[[], ChildProcess]
    boot: Callable[[], Message]
    ready_on: str
    start_timeout_s: float
    explain: Callable[[int, Sequence[str]], Failure]
    probe: Callable[[], Awaitable[None]] | None = None
    on_message: Callable[[dict[str, Any]], None] | None = None
    mend: Callable[[Failure], Failure | None] | None = None
    drain: Message | None = None
    drain_timeout_s: float = 10.0
    kill_grace_s: float = 3.0
