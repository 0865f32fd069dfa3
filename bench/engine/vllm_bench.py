"""Shared by the scripts of this folder: a supervised vLLM, its GPU memory, and requests to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huiyan.engines.blocking_http import authorization, connect
from huiyan.engines.child_spec import ChildStatus
from huiyan.engines.restart import RestartPolicy
from huiyan.engines.status import EngineState, ModelCard, SamplingDefaults
from huiyan.engines.supervisor import Supervisor
from huiyan.engines.vllm import VllmEngine, VllmSettings
from huiyan.launcher.parts import engine_spec
from huiyan.settings.environment import child_environment

NANO_SAMPLING = SamplingDefaults(temperature=0.0, top_p=1.0, top_k=1)


def card(name: str, context_tokens: int, *, images: int = 9, image_max_tokens: int = 16384) -> ModelCard:
    return ModelCard(
        id=name,
        name=name,
        context_tokens=context_tokens,
        max_images=images,
        image_max_tokens=image_max_tokens,
        sampling=NANO_SAMPLING if name == "nano" else SamplingDefaults(),
    )


def engine(model: Path, python: Path, served: ModelCard, **settings: Any) -> VllmEngine:
    directory = tempfile.mkdtemp(prefix="huiyan-")
    return VllmEngine(
        card=served,
        model_path=model,
        python=python,
        settings=VllmSettings(**settings),
        socket=f"{directory}/engine.sock",
    )


def _gpu_mib(what: str) -> int:
    """Of the first GPU; 0 without one (a dry run with the stand-in)."""
    command = ["nvidia-smi", f"--query-gpu=memory.{what}", "--format=csv,noheader,nounits"]
    try:
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0])
    except (OSError, subprocess.CalledProcessError):
        return 0


def gpu_used_mib() -> int:
    return _gpu_mib("used")


def gpu_total_mib() -> int:
    return _gpu_mib("total")


def say(**record: Any) -> None:
    print(json.dumps(record, ensure_ascii=False), flush=True)


def ask(
    served: VllmEngine, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One exchange, blocking. body: bytes as they are, anything else as JSON."""
    connection = connect(served.endpoint, timeout_s=120)
    try:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **authorization(served.endpoint), **headers}
        connection.request(method, path, data, {k: v for k, v in given.items() if v})
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()


@dataclass
class Watched:
    """A supervised engine: its states with the seconds since its start, its lines, what it reported."""

    engine: VllmEngine
    started_s: float = field(default_factory=time.monotonic)
    states: list[tuple[float, str, str, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)
    supervisor: Supervisor | None = None

    def on_status(self, status: ChildStatus) -> None:
        told = (status.state.value, status.code, status.detail[:200])
        if not self.states or self.states[-1][1:] != told:
            self.states.append((round(time.monotonic() - self.started_s, 1), *told))

    def on_message(self, message: dict[str, Any]) -> None:
        if message.get("type") == "listening":
            self.memory = message.get("memory", {})

    def says(self, words: str) -> bool:
        """Whether one of the last lines has them."""
        return any(words in line for line in self.lines[-40:])

    async def until(self, *states: EngineState, timeout_s: float) -> ChildStatus:
        assert self.supervisor is not None
        async with asyncio.timeout(timeout_s):
            while self.supervisor.status.state not in states:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        return self.supervisor.status


@contextlib.asynccontextmanager
async def supervised(
    served: VllmEngine, *, start_timeout_s: float = 240, crashes: int = 1
) -> AsyncIterator[Watched]:
    """Runs from entry to exit. crashes: before it is given up."""
    watched = Watched(served)
    spec = engine_spec(served, environment=child_environment(), load_timeout_s=start_timeout_s)
    spec = type(spec)(**{**spec.__dict__, "on_message": watched.on_message})
    policy = RestartPolicy(max_crashes=crashes, max_crashes_before_ready=crashes)
    async with asyncio.TaskGroup() as group:
        supervisor = Supervisor(spec, policy=policy, on_line=watched.lines.append)
        watched.supervisor = supervisor
        supervisor.subscribe(watched.on_status)
        running = group.create_task(supervisor.run())
        try:
            yield watched
        finally:
            await supervisor.stop()
            await running
