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
from huiyan.engines.vllm import VllmEngine
from huiyan.engines.vllm_warmup import steps, warm_up
from huiyan.errors import StartFailedError
from huiyan.gateway.access.options import REVEAL
from huiyan.launcher import prestart
from huiyan.launcher.health import ask_canary
from huiyan.launcher.preparation import Prepared
from huiyan.launcher.state import PartStatus
from huiyan.messages import Text, known, refusal
from huiyan.tools.places import HOST_MODULE

Part = Literal["engine", "gateway"]

#: vLLM ends its engine core and gives the GPU's memory back in about two seconds.
VLLM_KILL_GRACE_S = 10.0
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
    now: Callable[[], Engine] | None = None,
    mend: Callable[[Failure], Failure | None] | None = None,
) -> ChildSpec:
    """now: asked at every life for the engine as it is configured by then; None: always `engine`."""
    current = now or (lambda: engine)
    return ChildSpec(
        name="engine",
        spawn=lambda: spawn(current().module, environment={**environment, **current().environment}),
        boot=lambda: current().boot(),
        ready_on="listening",
        start_timeout_s=load_timeout_s,
        explain=engine.explain,
        probe=probe,
        mend=mend,
        kill_grace_s=VLLM_KILL_GRACE_S if engine.name == "vllm" else 3.0,
    )


def canary_probe(
    now: Callable[[], Engine],
    *,
    timeout_s: float,
    on_answer: Callable[[float], None],
    on_warm_up: Callable[[float], None] | None = None,
) -> Callable[[], Awaitable[None]]:
    """Warms vLLM up, then asks about the test picture; `on_answer` is told the seconds that it took.

    on_warm_up: told how far the warm-up is, 0..1.
    """

    async def probe() -> None:
        engine = now()
        loop = asyncio.get_running_loop()
        any_answer = False
        if isinstance(engine, VllmEngine):
            any_answer = engine.random_weights
            await warm_up(
                engine.endpoint,
                engine.card,
                steps(engine.card, max_num_seqs=engine.settings.max_num_seqs),
                timeout_s=timeout_s,
                on_step=None if on_warm_up is None else lambda done, of: on_warm_up(done / of),
            )
        started = loop.time()
        await asyncio.to_thread(
            ask_canary, engine.endpoint, engine.card.id, timeout_s=timeout_s, any_answer=any_answer
        )
        on_answer(loop.time() - started)

    return probe


def gateway_spec(  # noqa: PLR0913 - what a gateway is told, each under its name
    prepared: Prepared,
    *,
    data_dir: Path,
    now: Callable[[], Mapping[str, Any]],
    environment: Mapping[str, str],
    engine_status: Callable[[], EngineStatus],
    engine_now: Callable[[], Engine],
    timeout_s: float,
    drain_timeout_s: float,
    on_message: Callable[[Mapping[str, Any]], None] | None = None,
) -> ChildSpec:
    """engine_status, engine_now, now: asked at every spawn, so that a new gateway knows how things stand.

    now: what else its boot message says (docs/concepts/processes.md).
    """
    listener = prepared.web.socket

    def boot() -> dict[str, Any]:
        return {
            "type": "boot",
            "options": prepared.options.model_dump(mode="json", context=REVEAL),
            "data_dir": str(data_dir),
            **now(),
            "listen_fd": listener.fileno(),
            "model": engine_now().card,
            "endpoint": engine_now().endpoint,
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
        on_message=on_message,
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
    """What it is doing, as closely as it says: vLLM's phases have sentences of their own."""
    return Text(known(status.code, f"state.{status.state.value}"), {})
