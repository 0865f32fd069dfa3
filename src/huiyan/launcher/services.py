"""Layer 4: gateway and engine, each under its supervisor, and what everybody is told of them."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import psutil

from huiyan import log
from huiyan.engines.child import ChildProcess
from huiyan.engines.child_spec import ChildStatus, Failure
from huiyan.engines.llama_cpp import LlamaCppEngine
from huiyan.engines.restart import RestartPolicy
from huiyan.engines.status import EngineState, EngineStatus
from huiyan.engines.supervisor import Supervisor
from huiyan.engines.upstream import Pool
from huiyan.engines.vllm import VllmEngine
from huiyan.engines.vllm_steps import lower
from huiyan.errors import ComponentMismatchError, EngineError, EngineLostError, HuiyanError, StartFailedError
from huiyan.gateway import engine_metrics
from huiyan.launcher import parts
from huiyan.launcher.events import Event, Reporter
from huiyan.launcher.logs import LogSink
from huiyan.launcher.preparation import Prepared
from huiyan.launcher.prestart import Prestarted
from huiyan.launcher.upgrade.handover import Role
from huiyan.messages import Text, cause_of, known, refusal
from huiyan.settings.model import Settings
from huiyan.store.fetching import FetchStatus
from huiyan.store.manifest import VerificationRecord
from huiyan.updates.status import UpdateStatus

_log = log.get_logger(__name__)

#: While an engine loads, its resident memory is held against the size of its files this often.
_LOAD_POLL_S = 0.5
#: While an engine is being replaced, it is asked this often whether it is idle, and no longer than that.
_IDLE_POLL_S = 0.5
_LONGEST_ANSWER_S = 900.0
#: For a gateway to read a prompt adapter's directory.
_ADAPTER_TIMEOUT_S = 10.0


@dataclass
class EngineSlot:
    """One engine as it is configured now; its supervisor starts each life with what is in here."""

    engine: LlamaCppEngine | VllmEngine


class Services:
    """Started by `start_gateway` and `start_engine`; nothing is left of them after `stop`."""

    def __init__(
        self,
        settings: Settings,
        prepared: Prepared,
        *,
        reporter: Reporter,
        sink: LogSink,
        environment: Mapping[str, str],
        control: Path,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """environment: of the children. control: the launcher's socket. tasks: supervisors run in it."""
        self._control = control
        self._fetch: FetchStatus | None = None
        self._update: UpdateStatus | None = None
        #: Directories of the prompt adapter in use ("": huiyan's own), and of those that requests may name.
        self._adapter = ""
        self._adapters: list[str] = []
        self._adapter_told: asyncio.Future[str] | None = None
        self._settings = settings
        self._prepared = prepared
        self._slot = EngineSlot(prepared.engine)
        self._reporter = reporter
        self._sink = sink
        self._environment = environment
        self._tasks = tasks
        self._gateway: Supervisor | None = None
        self._engine: Supervisor | None = None
        self._tools: Supervisor | None = None
        #: Engines on their way in or out: a stop ends them, too.
        self._others: set[Supervisor] = set()
        #: The engine's, before its process exists.
        self._early = ChildStatus(state=EngineState.STARTING)
        self._stopping = asyncio.Event()
        #: Set by the launcher; from then on, changes are news and no longer progress.
        self.ready = False
        #: The gateway stays down: without it, nothing is served any more.
        self.lost = asyncio.Event()
        self.canary_s = 0.0
        #: Lets the commands of this user in where others need a key; of this start alone, kept nowhere.
        self.own_key = secrets.token_urlsafe(32)
        self._paused = False
        #: The version that another one makes room for, or that takes over right now; pages say so.
        self.upgrading: str | None = None

    def start_gateway(self, early: Prestarted | None) -> None:
        """early: a process that waits for its boot message; used if it has inherited the right socket."""
        options = self._settings.launcher
        if early is not None and early.socket is not self._prepared.web.socket:
            early.discard()
            early = None
        spec = parts.gateway_spec(
            self._prepared,
            data_dir=self._settings.data_dir,
            now=lambda: {
                "own_key": self.own_key,
                "control": str(self._control),
                "paused": self._paused,
                "fetch": self._fetch,
                "update": self._update,
                "adapter": self._adapter,
                "adapters": self._adapters,
            },
            environment=self._environment,
            engine_status=self.engine_status,
            engine_now=lambda: self.engine,
            timeout_s=options.gateway_timeout_s,
            drain_timeout_s=options.drain_timeout_s,
            on_message=self._on_gateway_message,
        )
        self._gateway = Supervisor(
            spec,
            policy=parts.GATEWAY_POLICY,
            on_line=self._sink.writer("gateway"),
            adopt=early.child if early is not None else None,
        )
        self._gateway.subscribe(self._on_gateway)
        self._tasks.create_task(self._gateway.run())

    async def verify_files(self, record: VerificationRecord) -> None:
        """Hash new files of the model, while the page is served already.

        Raises: ModelFileMissingError, DigestMismatchError, DiskFullError, StoreError.
        """
        loop = asyncio.get_running_loop()

        def on_fraction(fraction: float) -> None:
            if self._stopping.is_set():
                # The thread cannot be cancelled; this ends it.
                raise asyncio.CancelledError
            loop.call_soon_threadsafe(self._on_verifying, fraction)

        await asyncio.to_thread(self._prepared.files.verify, record, on_fraction)

    def start_engine(self) -> None:
        self._engine = self._supervise(self._slot)
        self._engine.subscribe(self._on_engine)

    @property
    def engine(self) -> LlamaCppEngine | VllmEngine:
        """As it is configured now: a step down or a change of model replaces it."""
        return self._slot.engine

    def _supervise(self, slot: EngineSlot) -> Supervisor:
        """A supervisor of the slot's engine, running."""
        options = self._settings.engine

        def on_warm_up(fraction: float) -> None:
            supervisor.report(progress=fraction, code="warming_up")

        spec = parts.engine_spec(
            slot.engine,
            environment=self._environment,
            load_timeout_s=options.load_timeout_s,
            probe=parts.canary_probe(
                lambda: slot.engine,
                timeout_s=options.canary_timeout_s,
                on_answer=self._on_canary,
                on_warm_up=on_warm_up,
            ),
            now=lambda: slot.engine,
            mend=lambda failure: self._lower(slot, failure),
        )
        supervisor = Supervisor(
            spec, policy=RestartPolicy(max_crashes=options.max_crashes), on_line=self._sink.writer("engine")
        )
        self._tasks.create_task(supervisor.run())
        if isinstance(slot.engine, LlamaCppEngine):
            self._tasks.create_task(self._watch_loading(supervisor, slot.engine.weights_bytes))
        return supervisor

    async def switch_model(
        self,
        engine: LlamaCppEngine | VllmEngine,
        *,
        beside: bool,
        prove: Callable[[], Awaitable[None]] | None = None,
        wait_for_old: bool = True,
    ) -> float:
        """Serve another model, or the same one with other files. No request fails: answers under way end on
        the old engine. Returns for how many seconds new requests had to wait.

        beside: both engines at the same time for a while; else requests wait while the old one makes room.
        prove: asked once the new engine is ready, before it gets a request; what it raises ends the switch.
        wait_for_old: return only when the old engine's last answer has ended.
        Raises: StartFailedError and its kinds when the new one does not become ready; the old one serves on.
        """
        assert self._engine is not None
        old, old_slot = self._engine, self._slot
        slot = EngineSlot(engine)
        self._reporter.note(Text("switch.begins", {"model": engine.card.name}))
        loop = asyncio.get_running_loop()
        paused_at_s = loop.time()
        if not beside:
            self.pause_gateway()
            await self._until_idle(old_slot.engine)
            await old.stop()
        new = self._supervise(slot)
        new.subscribe(lambda status: self._on_switching(new, slot, status))
        self._others.add(new)
        try:
            await _settled(new)
            if prove is not None:
                await prove()
        except (HuiyanError, asyncio.CancelledError) as error:
            await new.stop(hurry=True)
            self._others.discard(new)
            if self._stopping.is_set():
                raise
            cause = cause_of(error) if isinstance(error, HuiyanError) else Text("switch.cancelled", {})
            self._reporter.note(Text("switch.failed", {"model": engine.card.name, "cause": cause}))
            if not beside:
                self._engine = self._supervise(old_slot)
                self._engine.subscribe(self._on_engine)
                await _settled(self._engine)
                self.resume_gateway()
            self._tell_gateway()
            raise
        self._others.discard(new)
        under_way = await _under_way(old_slot.engine) if beside else 0
        self._slot, self._engine = slot, new
        new.subscribe(self._on_engine)
        _log.info("requests go to the new engine; %d answers end on the old one", under_way)
        if self._gateway is not None:
            self._gateway.send(
                {
                    "type": "switch",
                    "model": slot.engine.card,
                    "endpoint": slot.engine.endpoint,
                    "status": msgspec.to_builtins(self.engine_status()),
                }
            )
        self._reporter.note(Text("switch.done", {"model": slot.engine.card.name}))
        if not beside:
            self.resume_gateway()
            return loop.time() - paused_at_s
        self._others.add(old)
        retiring = self._tasks.create_task(self._retire(old, old_slot))
        if wait_for_old:
            await asyncio.wait([retiring])
        return 0.0

    async def _retire(self, old: Supervisor, slot: EngineSlot) -> None:
        """End an engine that gets no new requests, after its last answer."""
        await self._until_idle(slot.engine)
        await old.stop()
        self._others.discard(old)

    async def swap_files(
        self, engine: LlamaCppEngine | VllmEngine, swap: Callable[[], Coroutine[Any, Any, object]]
    ) -> float:
        """The same engine process with other files: `swap` tells it, while new requests wait in the gateway.

        engine: with which a later life begins. Returns for how many seconds requests waited.
        Raises: EngineError when it serves what it served before, started anew where it had to be.
        """
        assert self._engine is not None
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        self.pause_gateway()
        # To its end, whoever stops waiting for it: half of a swap is none.
        swapping = self._tasks.create_task(_outcome(swap()))
        try:
            error = await _to_its_end(swapping)
            if error is None:
                self._slot.engine = engine
            elif isinstance(error, EngineLostError) and not self._stopping.is_set():
                await self._engine.stop(hurry=True)
                self._engine = self._supervise(self._slot)
                self._engine.subscribe(self._on_engine)
                await _settled(self._engine)
        finally:
            self.resume_gateway()
        if error is not None:
            raise error
        return loop.time() - started_s

    async def use_adapter(self, directory: Path | None, installed: Sequence[Path]) -> None:
        """From the next request on, prompts are adapted as `directory` says; None: as huiyan does by itself.

        installed: of adapters that a request may ask for by name.
        Raises: ComponentMismatchError when the gateway cannot read it; then it goes on as before.
        """
        self._adapters = [str(each) for each in installed]
        message = {"type": "adapter", "directory": "" if directory is None else str(directory)}
        if self._gateway is None or self._gateway.status.state is not EngineState.READY:
            self._adapter = message["directory"]
            return
        self._adapter_told = asyncio.get_running_loop().create_future()
        self._gateway.send({**message, "installed": self._adapters})
        try:
            async with asyncio.timeout(_ADAPTER_TIMEOUT_S):
                error: Text | str = await self._adapter_told
        except TimeoutError:
            error = Text("update.gateway_silent", {})
        finally:
            self._adapter_told = None
        if error:
            raise refusal(ComponentMismatchError, "update.adapter_refused", reason=error)
        self._adapter = message["directory"]

    def begin_with_adapter(self, directory: Path, installed: Sequence[Path]) -> None:
        """The gateway that is about to be started begins with this one."""
        self._adapter, self._adapters = str(directory), [str(each) for each in installed]

    def _on_gateway_message(self, message: Mapping[str, Any]) -> None:
        told = self._adapter_told
        if message.get("type") == "adapter" and told is not None and not told.done():
            told.set_result(str(message.get("error", "")))

    def _on_switching(self, new: Supervisor, slot: EngineSlot, status: ChildStatus) -> None:
        """Pages are told how far the next model is, while the present one answers."""
        if self._engine is new or self._gateway is None:
            return
        told = msgspec.structs.replace(
            self.engine_status(),
            code="switching_model",
            detail=f"{slot.engine.card.name}: {status.code or status.state.value}",
            progress=status.progress,
        )
        self._gateway.send(parts.engine_message(told))

    async def _until_idle(self, engine: LlamaCppEngine | VllmEngine) -> None:
        """Until the engine itself says twice that nothing runs or waits; an engine that is gone is idle."""
        pool = Pool(engine.endpoint)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _LONGEST_ANSWER_S
        quiet = 0
        try:
            while quiet < 2 and loop.time() < deadline and not self._stopping.is_set():
                await asyncio.sleep(_IDLE_POLL_S)
                _, text = await pool.fetch("GET", "/metrics", timeout_s=30.0)
                state = engine_metrics.parse(text)
                quiet = quiet + 1 if state is None or not state.running + state.waiting else 0
        except EngineError:
            return
        finally:
            pool.close()

    def start_tools(self) -> None:
        """The tool host. Its troubles are no trouble of gateway and engine."""
        spec = parts.tools_spec(data_dir=self._settings.data_dir, environment=self._environment)
        self._tools = Supervisor(spec, policy=parts.TOOLS_POLICY, on_line=self._sink.writer("tools"))
        self._tasks.create_task(self._tools.run())

    def pause_gateway(self) -> None:
        """Let new requests wait in the gateway's queue while the engine is being replaced.

        Running answers go on. It ends with `resume_gateway`, or by itself after the setting `max_pause_s`; a
        gateway that is restarted meanwhile begins with it.
        """
        self._set_paused(paused=True)

    def resume_gateway(self) -> None:
        """Requests that waited go on, in their order."""
        self._set_paused(paused=False)

    def _set_paused(self, *, paused: bool) -> None:
        self._paused = paused
        if self._gateway is not None:
            self._gateway.send({"type": "pause" if paused else "resume"})

    def tell_fetch(self, status: FetchStatus) -> None:
        """The gateway, and through it every open page, hears how far the fetch of a model is."""
        self._fetch = status
        if self._gateway is not None:
            self._gateway.send({"type": "fetch", "status": msgspec.to_builtins(status)})

    def tell_update(self, status: UpdateStatus) -> None:
        """Administrators' open pages hear how far the update of a component is."""
        self._update = status
        if self._gateway is not None:
            self._gateway.send({"type": "update", "status": msgspec.to_builtins(status)})

    async def wait_ready(self, part: parts.Part) -> None:
        """Raises: StartFailedError when the part stays down."""
        supervisor = self._gateway if part == "gateway" else self._engine
        assert supervisor is not None
        await _settled(supervisor, part)

    def status_of(self, part: parts.Part) -> ChildStatus:
        supervisor = self._gateway if part == "gateway" else self._engine
        return supervisor.status if supervisor is not None else self._early

    def tools_status(self) -> ChildStatus:
        """Of the tool host, which starts last."""
        return self._tools.status if self._tools is not None else ChildStatus(state=EngineState.STOPPED)

    def engine_status(self) -> EngineStatus:
        status = parts.engine_status(self.status_of("engine"), self.engine)
        if self.upgrading is None:
            return status
        return msgspec.structs.replace(status, code="upgrading", detail=self.upgrading)

    def announce_upgrade(self, version: str | None) -> None:
        """Pages say that huiyan is being upgraded, until they are told None."""
        self.upgrading = version
        self._tell_gateway()

    def children(self) -> list[tuple[Role, ChildProcess]]:
        """What runs now, for whoever looks after it from here on."""
        parts_now: tuple[tuple[Role, Supervisor | None], ...] = (
            ("gateway", self._gateway),
            ("engine", self._engine),
            ("tools", self._tools),
        )
        return [
            (role, supervisor.child)
            for role, supervisor in parts_now
            if supervisor is not None and supervisor.child is not None
        ]

    def failure(self) -> HuiyanError | None:
        """Why nothing is served any more, if that is so."""
        if not self.lost.is_set():
            return None
        cause = parts.cause(self.status_of("gateway"))
        return refusal(HuiyanError, "part.failed", part=Text("part.gateway", {}), cause=cause)

    def hurry(self) -> None:
        """Cut a stop short."""
        for supervisor in (self._gateway, self._tools, self._engine, *self._others):
            if supervisor is not None:
                supervisor.hurry()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def begin_stop(self) -> None:
        """What is being replaced need not be brought back any more: the next start does that."""
        self._stopping.set()

    async def stop(self, *, hurry: bool) -> None:
        """End all, the gateway first: its running answers need the others."""
        self._stopping.set()
        for supervisor in (self._gateway, self._tools, self._engine, *self._others):
            if supervisor is not None:
                await supervisor.stop(hurry=hurry)

    async def _watch_loading(self, supervisor: Supervisor, weights_bytes: int) -> None:
        """llama.cpp says nothing while it loads; the pages that it has touched tell how far it is."""
        while not self._stopping.is_set():
            status = supervisor.status
            if status.state is EngineState.LOADING and status.pid is not None:
                with contextlib.suppress(psutil.Error):
                    resident_bytes = psutil.Process(status.pid).memory_info().rss
                    supervisor.report(progress=min(0.99, resident_bytes / max(1, weights_bytes)))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _LOAD_POLL_S)

    def _on_verifying(self, fraction: float) -> None:
        self._early = ChildStatus(
            state=EngineState.LOADING,
            code="verifying_files",
            detail="verifying the model's files",
            progress=fraction,
        )
        self._reporter.begin("engine", Text("model.verifying", {}), fraction)
        self._tell_gateway()

    def _lower(self, slot: EngineSlot, failure: Failure) -> Failure | None:
        """After a life that ended for lack of memory: the next one is to take less, and everybody is told."""
        if not isinstance(slot.engine, VllmEngine) or (lowered := lower(slot.engine, failure)) is None:
            return None
        slot.engine, step = lowered
        if self._gateway is not None and slot is self._slot:
            self._gateway.send({"type": "model", "model": slot.engine.card})
        sentence = {
            "cause": Text(known(f"engine.{failure.code}", "engine.other"), {"detail": failure.message})
        }
        self._reporter.note(Text("engine.lowered", {**sentence, "step": step}))
        return replace(failure, message=f"{failure.message} Next: {step}.", permanent=False)

    def _on_canary(self, took_s: float) -> None:
        self.canary_s = took_s

    def _on_engine(self, status: ChildStatus) -> None:
        self._tell_gateway()
        self._on_part("engine", status)

    def _on_gateway(self, status: ChildStatus) -> None:
        self._on_part("gateway", status)
        if status.state is EngineState.READY and not self.ready:
            url = self._prepared.url
            self._reporter.send(Event(kind="serving", text=Text("gateway.serving", {"url": url}), url=url))
        if status.state is EngineState.FAILED:
            self.lost.set()

    def _tell_gateway(self) -> None:
        if self._gateway is not None:
            self._gateway.send(parts.engine_message(self.engine_status()))

    def _on_part(self, part: parts.Part, status: ChildStatus) -> None:
        if self._stopping.is_set():
            return
        name = Text(f"part.{part}", {})
        if status.state is EngineState.RESTARTING:
            delay = f"{status.retry_in_s or 0.0:.1f}"
            arguments = {"part": name, "delay": delay, "cause": parts.cause(status)}
            self._reporter.note(Text("part.restarting", arguments))
        elif status.state is EngineState.FAILED:
            # Before it is ready, the start itself fails and says so.
            if self.ready:
                self._reporter.note(Text("part.failed", {"part": name, "cause": parts.cause(status)}))
        elif status.state is EngineState.READY:
            if self.ready:
                self._reporter.note(Text("part.restarted", {"part": name}))
            self._reporter.ok(part, Text("state.ready", {}))
        elif not self.ready:
            step = Event(
                kind="step",
                layer=part,
                state="running",
                text=parts.state_text(status),
                progress=status.progress,
            )
            self._reporter.send(step)


async def _under_way(engine: LlamaCppEngine | VllmEngine) -> int:
    """Answers that it is writing, by its own count; 0 where it does not say."""
    pool = Pool(engine.endpoint)
    try:
        _, text = await pool.fetch("GET", "/metrics", timeout_s=5.0)
    except EngineError:
        return 0
    finally:
        pool.close()
    state = engine_metrics.parse(text)
    return 0 if state is None else int(state.running)


async def _settled(supervisor: Supervisor, part: parts.Part = "engine") -> None:
    """Until it is ready. Raises: StartFailedError, in the words for `part`."""
    try:
        await supervisor.wait_ready()
    except StartFailedError as error:
        if error.sentence is not None:
            raise
        raise parts.start_failure(supervisor.status, part) from error


async def _outcome(work: Coroutine[Any, Any, object]) -> EngineError | None:
    """How it went, as a value: a task group would end with an exception."""
    try:
        await work
    except EngineError as error:
        return error
    return None


async def _to_its_end(task: asyncio.Task[EngineError | None]) -> EngineError | None:
    """Its result. Cancelled meanwhile, this waits all the same, and the caller is cancelled afterwards."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        me = asyncio.current_task()
        assert me is not None
        asyncio.get_running_loop().call_soon(me.cancel)
        return task.result()
