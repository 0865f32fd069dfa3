"""Layers 1 to 3 in their order: machine, model files, ports. What comes out is everything a start needs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from huiyan.engines.environments import Environments
from huiyan.engines.llama_cpp import LlamaCppEngine
from huiyan.engines.vllm import VllmEngine
from huiyan.errors import PortInUseError
from huiyan.gateway import tls
from huiyan.gateway.options import GatewayOptions
from huiyan.hardware import plan
from huiyan.hardware.probe import Machine, probe
from huiyan.launcher import addresses, machine, model_files, ports, vllm_plan
from huiyan.launcher.events import Event, Reporter
from huiyan.launcher.exposure import open_to_others
from huiyan.launcher.means import Means, means
from huiyan.launcher.model_files import ModelFiles
from huiyan.launcher.safetensors_files import SafetensorsFiles
from huiyan.launcher.updates.adapter import active_template
from huiyan.lifeline import ORPHAN_GRACE_S
from huiyan.messages import Text
from huiyan.settings.model import Settings

#: A killed launcher's children hold their ports until they have noticed.
_ORPHANS_GONE_S = ORPHAN_GRACE_S + 1.0
_RETRY_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """web: listening already. url: of the page. options: the gateway's, with port and certificate.

    address: where this machine itself reaches the gateway. certificate: None without TLS.
    """

    machine: Machine
    means: Means
    files: ModelFiles | SafetensorsFiles
    engine: LlamaCppEngine | VllmEngine
    web: ports.Port
    options: GatewayOptions
    address: str
    certificate: tls.Certificate | None
    url: str


async def prepare(
    settings: Settings,
    reporter: Reporter,
    *,
    free_bytes: int,
    unbound: socket.socket | None,
    orphaned_ports: frozenset[int],
    resources: contextlib.ExitStack,
    adopted: socket.socket | None = None,
    reclaimed_bytes: int = 0,
) -> Prepared:
    """Go through the layers; sockets are closed by `resources`.

    adopted: the page's socket, which listens already; the engine of before keeps its port, then.
    reclaimed_bytes: memory that this engine gives back before the new one needs it.
    free_bytes: of the data directory's disk. unbound: a socket that a child has inherited already, for
    the page. orphaned_ports: of a launcher that was killed; its children are about to let go of them.
    Raises: CheckRefusedError, StoreError and their kinds.
    """
    reporter.begin("machine", Text("machine.looking", {}))
    found = await asyncio.to_thread(probe)
    reporter.ok("machine", machine.summary(found, free_bytes))

    reporter.begin("model", Text("model.looking", {}))
    can = await asyncio.to_thread(means, settings, found)
    files = model_files.choose(settings.engine, settings.models.directory(settings.data_dir), can)
    if isinstance(files, ModelFiles):
        needed_bytes = max(0, memory_needed_bytes(files, settings) - reclaimed_bytes)
        machine.check_memory(found, model=files.card.name, needed_bytes=needed_bytes)
    reporter.ok("model", model_files.summary(files, machine.size(files.size_bytes)))
    if files.card.wanted is not None:
        reporter.note(model_files.why_nano(files.card))

    reporter.begin("ports", Text("ports.looking", {}))
    host = settings.gateway.host
    if adopted is not None:
        web = ports.Port(socket=adopted, number=adopted.getsockname()[1])
    else:
        web = await _take(
            lambda explicit: ports.listen(host, settings.gateway.port, explicit=explicit, unbound=unbound),
            explicit=settings.explicit("gateway", "port"),
            patience_s=_ORPHANS_GONE_S if settings.gateway.port in orphaned_ports else 0.0,
        )
    resources.callback(web.socket.close)
    if web.moved is not None:
        reporter.note(web.moved)
    engine: LlamaCppEngine | VllmEngine
    if isinstance(files, SafetensorsFiles):
        engine = await asyncio.to_thread(configure_vllm, settings, found, files, resources)
        reporter.ok("ports", Text("port.ok_web", {"web": web.number}))
        reporter.note(vllm_plan.sentence(settings, engine))
        if engine.random_weights:
            reporter.note(Text("plan.random", {}))
    else:
        wanted = settings.engine.port if adopted is None else 0
        own = await _take(
            lambda explicit: ports.reserve(wanted, explicit=explicit),
            explicit=settings.explicit("engine", "port"),
            patience_s=_ORPHANS_GONE_S if settings.engine.port in orphaned_ports else 0.0,
        )
        resources.callback(own.socket.close)
        if own.moved is not None:
            reporter.note(own.moved)
        reporter.ok("ports", Text("port.ok", {"web": web.number, "engine": own.number}))
        engine = configure_engine(settings, found, files, own.number)
        reporter.note(plan_sentence(engine))
    reporter.begin("gateway", Text("gateway.looking", {}))
    loop = asyncio.get_running_loop()

    def report(event: Event) -> None:
        loop.call_soon_threadsafe(reporter.send, event)

    # In a thread: it may import cryptography and the database's library, and writes files.
    options, certificate = await asyncio.to_thread(open_to_others, settings, Reporter(report), web.number)
    return Prepared(
        machine=found,
        means=can,
        files=files,
        engine=engine,
        web=web,
        options=options,
        address=addresses.connect_address(host),
        certificate=certificate,
        url=addresses.page_url(host, web.number, certificate),
    )


async def _take(take: Callable[[bool], ports.Port], *, explicit: bool, patience_s: float) -> ports.Port:
    """`take` a port, insisting on the wanted one for as long as there is patience."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    while loop.time() < deadline:
        try:
            return take(True)
        except PortInUseError:
            await asyncio.sleep(_RETRY_S)
    return take(explicit)


def configure_engine(settings: Settings, found: Machine, files: ModelFiles, port: int) -> LlamaCppEngine:
    """The engine with what the settings leave open chosen for this machine."""
    return LlamaCppEngine(
        card=files.card,
        model_path=files.model_path,
        mmproj_path=files.mmproj_path,
        port=port,
        threads=settings.engine.threads or plan.threads(found, demo=files.card.demo),
        slots=settings.engine.slots,
        prompt_cache_mib=settings.engine.prompt_cache_mib,
        chat_template=active_template(settings.data_dir),
    )


def engine_for(settings: Settings, resources: contextlib.ExitStack) -> LlamaCppEngine | VllmEngine:
    """The engine for another model, while one is running already. Blocks.

    Raises: StoreError and its kinds, MachineCheckError, EngineNotInstalledError, PortInUseError.
    """
    found = probe()
    files = model_files.choose(settings.engine)
    if isinstance(files, SafetensorsFiles):
        return configure_vllm(settings, found, files, resources)
    machine.check_memory(found, model=files.card.name, needed_bytes=memory_needed_bytes(files, settings))
    port = ports.reserve(0, explicit=False)
    resources.callback(port.socket.close)
    return configure_engine(settings, found, files, port.number)


def configure_vllm(
    settings: Settings, found: Machine, files: SafetensorsFiles, resources: contextlib.ExitStack
) -> VllmEngine:
    """VLLM in the environment that is in use, on a socket in a directory of its own. Blocks.

    Raises: EngineNotInstalledError, MachineCheckError, StoreError.
    """
    interpreter = Environments(settings.data_dir).used()
    plan = vllm_plan.make(settings.engine, found, files)
    directory = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="huiyan-")))
    return VllmEngine(
        card=plan.card,
        model_path=files.model.directory,
        python=Path(interpreter.path),
        settings=plan.settings,
        socket=str(directory / "engine.sock"),
    )


def plan_sentence(engine: LlamaCppEngine) -> Text:
    figures = {
        "engine": engine.name,
        "model": engine.card.name,
        "context": engine.card.context_tokens,
        "threads": engine.threads,
        "slots": engine.slots,
    }
    return Text("plan", figures)


def memory_needed_bytes(files: ModelFiles, settings: Settings) -> int:
    return plan.memory_needed_bytes(
        weights_bytes=files.size_bytes,
        kv_bytes_per_token=files.kv_bytes_per_token,
        context_tokens=files.card.context_tokens,
        slots=settings.engine.slots,
    )


def planned_bytes(prepared: Prepared, settings: Settings) -> int | None:
    """What the engine is laid out to hold: of memory, or of the card that vLLM reserves. None: not known."""
    if isinstance(prepared.files, ModelFiles):
        return memory_needed_bytes(prepared.files, settings)
    if isinstance(prepared.engine, VllmEngine) and prepared.machine.gpus:
        fraction = prepared.engine.settings.gpu_memory_fraction
        return None if fraction is None else int(fraction * prepared.machine.gpus[0].cuda_total_bytes)
    return None
