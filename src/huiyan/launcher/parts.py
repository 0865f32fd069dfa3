"""Engine and gateway as the supervisor is told of them, and their state as others are told it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from huiyan.engines.child import spawn
from huiyan.engines.child_spec import ChildSpec, ChildStatus, Failure
from huiyan.engines.protocol import Engine
from huiyan.engines.restart import RestartPolicy
from huiyan.engines.status import EngineStatus
from huiyan.errors import StartFailedError
from huiyan.gateway.access.options import REVEAL
from huiyan.launcher import prestart
from huiyan.launcher.health import ask_canary
from huiyan.launcher.preparation import Prepared
from huiyan.launcher.state import PartStatus
from huiyan.messages import Text, known, refusal
from huiyan.tools.places import HOST_MODULE

Part = Literal["engine", "gateway"]

#: A page that is reloaded while the gateway restarts waits in the listening socket's backlog.
GATEWAY_POLICY = RestartPolicy(first_delay_s=0.1, max_delay_s=10.0)

#: Tools stay usable for as long as there is any hope; nothing else waits for them.
TOOLS_POLICY = RestartPolicy(first_delay_s=0.2, max_crashes=1000, max_crashes_before_ready=1000)


def engine_spec(
    engine: Engine,
    *,
    environment: Mapping[str, str],
    load_timeout_s: float,
    probe: Callable[[], Awaitable[None]] | None = None,
) -> ChildSpec:
    return ChildSpec(
        name="engine",
        spawn=lambda: spawn(engine.module, environment={**environment, **engine.environment}),
        boot=engine.boot,
        ready_on="listening",
        start_timeout_s=load_timeout_s,
        explain=engine.explain,
        probe=probe,
    )


def canary_probe(
    engine: Engine, *, timeout_s: float, on_answer: Callable[[float], None]
) -> Callable[[], Awaitable[None]]:
    """Asks about the test picture; `on_answer` is told the seconds that it took."""

    async def probe() -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        await asyncio.to_thread(ask_canary, engine.endpoint, engine.card.id, timeout_s=timeout_s)
        on_answer(loop.time() - started)

    return probe


def gateway_spec(
    prepared: Prepared,
    *,
    data_dir: Path,
    now: Callable[[], Mapping[str, Any]],
    environment: Mapping[str, str],
    engine_status: Callable[[], EngineStatus],
    timeout_s: float,
    drain_timeout_s: float,
) -> ChildSpec:
    """engine_status, now: asked at every spawn, so that a restarted gateway knows how things stand.

    now: what else its boot message says (docs/concepts/processes.md).
    """
    engine = prepared.engine
    listener = prepared.web.socket

    def boot() -> dict[str, Any]:
        return {
            "type": "boot",
            "options": prepared.options.model_dump(mode="json", context=REVEAL),
            "data_dir": str(data_dir),
            **now(),
            "listen_fd": listener.fileno(),
            "model": engine.card,
            "endpoint": engine.endpoint,
            "engine": engine_status(),
        }

    return ChildSpec(
        name="gateway",
        spawn=lambda: spawn(
            prestart.MODULE,
            environment=prestart.gateway_environment(environment),
            pass_fds=[listener.fileno()],
        ),
        boot=boot,
        ready_on="serving",
        start_timeout_s=timeout_s,
        explain=explain_gateway,
        drain={"type": "drain"},
        drain_timeout_s=drain_timeout_s,
    )


def tools_spec(*, data_dir: Path, environment: Mapping[str, str]) -> ChildSpec:
    return ChildSpec(
        name="tool host",
        spawn=lambda: spawn(HOST_MODULE, environment=environment),
        boot=lambda: {"type": "boot", "data_dir": str(data_dir)},
        ready_on="serving",
        start_timeout_s=30.0,
        explain=explain_tools,
        drain={"type": "drain"},
        drain_timeout_s=5.0,
    )


def explain_tools(returncode: int, tail: Sequence[str]) -> Failure:
    end = f"signal {-returncode}" if returncode < 0 else f"code {returncode}"
    last = f" Its last line: {tail[-1][:300]}" if tail else ""
    return Failure(
        code="tools_exited",
        message=f"The tool host ended with {end}.{last}",
        hint="`huiyan logs --source tools` shows its last lines.",
    )


def explain_gateway(returncode: int, tail: Sequence[str]) -> Failure:
    end = f"signal {-returncode}" if returncode < 0 else f"code {returncode}"
    last = f" Its last line: {tail[-1][:300]}" if tail else ""
    return Failure(
        code="gateway_exited",
        message=f"The gateway ended with {end}.{last}",
        hint="`huiyan logs --source gateway` shows its last lines.",
    )


def engine_status(status: ChildStatus, engine: Engine) -> EngineStatus:
    """As the gateway, the page and `huiyan status` see it."""
    return EngineStatus(
        state=status.state,
        engine=engine.name,
        model=engine.card.id,
        code=status.code,
        detail=status.detail,
        hint=status.hint,
        progress=status.progress,
        retry_in_s=status.retry_in_s,
        restarts=status.restarts,
        since_unix_s=status.since_unix_s,
    )


def part_status(status: ChildStatus) -> PartStatus:
    return PartStatus(
        state=status.state.value,
        pid=status.pid,
        restarts=status.restarts,
        code=status.code,
        detail=status.detail,
    )


def engine_message(status: EngineStatus) -> dict[str, Any]:
    """For the gateway's lifeline."""
    return {"type": "engine", "status": msgspec.to_builtins(status)}


def cause(status: ChildStatus) -> Text:
    """Why the part is not running, as a sentence."""
    return Text(known(f"engine.{status.code}", "engine.other"), {"detail": status.detail})


def start_failure(status: ChildStatus, part: Part) -> StartFailedError:
    """What a start ends with when `part` stays down."""
    if part == "gateway":
        return refusal(StartFailedError, "start.gateway", cause=status.detail)
    advice = Text(known(f"engine.{status.code}.hint", "engine.other.hint"), {"detail": status.detail})
    return refusal(StartFailedError, "start.engine", cause=cause(status), advice=advice)


def state_text(status: ChildStatus) -> Text:
    return Text(f"state.{status.state.value}", {})
