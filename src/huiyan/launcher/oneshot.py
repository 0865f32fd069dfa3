"""An engine for a single question: started, used, ended, with neither gateway nor lock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from huiyan import log
from huiyan.engines.llama_cpp import LlamaCppEngine
from huiyan.engines.restart import RestartPolicy
from huiyan.engines.supervisor import Supervisor
from huiyan.errors import HuiyanError, ModelFileMissingError, StartFailedError
from huiyan.hardware.probe import probe
from huiyan.launcher import machine, model_files, parts, ports
from huiyan.launcher.means import means
from huiyan.launcher.model_files import ModelFiles
from huiyan.launcher.preparation import configure_engine, memory_needed_bytes
from huiyan.messages import refusal
from huiyan.settings.model import Settings

_log = log.get_logger(__name__)


@asynccontextmanager
async def single_engine(settings: Settings, environment: Mapping[str, str]) -> AsyncIterator[LlamaCppEngine]:
    """The engine that `start` would run, listening on any free port until the block ends.

    Raises: CheckRefusedError, StoreError and their kinds; StartFailedError.
    """
    found = await asyncio.to_thread(probe)
    # A start of vLLM takes minutes: for one question it would be the wrong tool.
    can = await asyncio.to_thread(means, settings, found, vllm=False)
    files = model_files.choose(settings.engine, settings.models.directory(settings.data_dir), can)
    if not isinstance(files, ModelFiles):
        raise refusal(ModelFileMissingError, "ask.vllm")
    machine.check_memory(found, model=files.card.name, needed_bytes=memory_needed_bytes(files, settings))
    port = ports.reserve(0, explicit=False)
    try:
        engine = configure_engine(settings, found, files, port.number)
        spec = parts.engine_spec(
            engine, environment=environment, load_timeout_s=settings.engine.load_timeout_s
        )
        supervisor = Supervisor(
            spec,
            policy=RestartPolicy(max_crashes_before_ready=1),
            on_line=lambda line: _log.debug("%s", line),
        )
        failure: HuiyanError | None = None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(supervisor.run())
            try:
                await _await_ready(supervisor)
                yield engine
            except HuiyanError as error:
                # Raised again outside of the group, which would wrap it.
                failure = error
            finally:
                await supervisor.stop(hurry=True)
        if failure is not None:
            raise failure
    finally:
        port.socket.close()


async def _await_ready(supervisor: Supervisor) -> None:
    try:
        await supervisor.wait_ready()
    except StartFailedError as error:
        raise parts.start_failure(supervisor.status, "engine") from error
