"""The course of a start through its layers, and its end: nothing is left behind in any case."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from huiyan import __version__, log
from huiyan.errors import HuiyanError, StartFailedError, UpdateRunningError
from huiyan.gateway.schema_models import ModelsReport
from huiyan.launcher import health, machine, parts
from huiyan.launcher.control import ControlServer, socket_path
from huiyan.launcher.events import Event, Report, Reporter, to_json
from huiyan.launcher.lock import DataDirLock
from huiyan.launcher.logs import LogSink, SinkStream
from huiyan.launcher.model_fetches import ModelFetches
from huiyan.launcher.preparation import Prepared, engine_for, planned_bytes, prepare
from huiyan.launcher.prestart import Prestarted
from huiyan.launcher.services import Services
from huiyan.launcher.signals import stop_signals
from huiyan.launcher.state import DataDir, LauncherInfo, StatusReport, read_info, remove_info, write_info
from huiyan.launcher.stored import stored_model
from huiyan.launcher.updates import late_examination
from huiyan.launcher.updates import service as updates
from huiyan.launcher.updates.adapter import directories as adapter_directories
from huiyan.launcher.updates.late_examination import LateExamination
from huiyan.launcher.updates.live import LiveSystem
from huiyan.launcher.updates.places import open_place
from huiyan.launcher.updates.registry import Registry
from huiyan.launcher.updates.service import UpdateService
from huiyan.launcher.updates.whole import WholeHuiyan
from huiyan.launcher.upgrade.guard import Takeover
from huiyan.launcher.upgrade.handover import Program
from huiyan.launcher.upgrade.status import as_update
from huiyan.launcher.upgrade.upgrader import Upgrader
from huiyan.messages import Text, cause_of, refusal
from huiyan.settings.model import Settings
from huiyan.store.fetching import FetchStatus
from huiyan.store.manifest import VerificationRecord, disk_error
from huiyan.store.snapshots import Store
from huiyan.updates.status import UpdatePlan, UpdatesReport, UpdateStatus
from huiyan.updates.versions import NAME as HUIYAN

_log = log.get_logger(__name__)

_HEALTH_TIMEOUT_S = 5.0
_HEALTH_POLL_S = 0.05


class Outcome(enum.Enum):
    """stopped: on request, after it was ready. interrupted: before."""

    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


class Launcher:
    """One `huiyan start`. Create it inside a running event loop."""

    def __init__(
        self,
        settings: Settings,
        report: Report,
        *,
        environment: Mapping[str, str],
        prestarted: Prestarted | None = None,
        background: bool = False,
        takeover: Takeover | None = None,
        program: Program | None = None,
    ) -> None:
        """environment: of the children. background: the terminal it was started from may close.

        takeover: what another version left running in this process. program: how this one was called; without
        it, no other version can take over.
        """
        self._settings = settings
        self._data_dir = DataDir(settings.data_dir)
        self._reporter = Reporter(report)
        self._environment = environment
        self._prestarted = prestarted
        self._background = background
        self._started_unix_s = time.time() if takeover is None else takeover.handover.started_unix_s
        self._stop = asyncio.Event()
        self._ready = False
        self._prepared: Prepared | None = None
        self._services: Services | None = None
        self._switching = False
        self._tasks: asyncio.TaskGroup | None = None
        #: Sockets and directories of engines that came after the first.
        self._switched = contextlib.ExitStack()
        self._models: ModelFetches | None = None
        self._updates: UpdateService | None = None
        self._live_system: LiveSystem | None = None
        self._takeover = takeover
        self._program = program
        self._upgrader: Upgrader | None = None

    async def run(self) -> Outcome:
        """Until a signal or `huiyan stop` ends it. Raises: HuiyanError if start or gateway fail."""
        with (
            stop_signals(self.request_stop, ignore_hangup=self._background),
            contextlib.ExitStack() as resources,
            self._switched,
        ):
            try:
                async with asyncio.TaskGroup() as tasks:
                    self._tasks = tasks
                    error = await self._live(tasks, resources)
            finally:
                if self._prestarted is not None:
                    self._prestarted.discard()
        if error is not None:
            if self._takeover is not None:
                self._takeover.reason = error.message
            raise error
        self._reporter.send(Event(kind="stopped", text=Text("stopped", {})))
        return Outcome.STOPPED if self._ready else Outcome.INTERRUPTED

    def request_stop(self) -> None:
        """The first call lets running answers finish, the second ends everything at once."""
        if self._stop.is_set() and self._services is not None:
            self._services.hurry()
        self._stop.set()
        if self._takeover is not None:
            # Somebody wants an end, not the version before.
            self._takeover.settle()

    def subscribe(self, on_event: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Everything but secrets, which are for the terminal that huiyan was started from."""
        return self._reporter.subscribe(
            lambda event: None if event.secret else on_event(to_json(event, "en"))
        )

    async def switch_model(self, model_path: Path, model: str | None = None) -> None:
        """Serve the model of this file or directory, without a failed request.

        model: its name in exact case; None: as the start was asked for it. With GPU memory for one engine
        only, requests wait while one makes room for the other.
        Raises: StoreError and its kinds, EngineNotInstalledError, StartFailedError.
        """
        assert self._services is not None
        with self._one_switch():
            named = {} if model is None else {"model": model}
            given = self._settings.engine.model_copy(
                update={"model_path": model_path, "engine": "auto", **named}
            )
            settings = self._settings.model_copy(update={"engine": given})
            engine = await asyncio.to_thread(engine_for, settings, self._switched)
            gpu_now = self._services.engine.name == "vllm"
            await self._services.switch_model(engine, beside=not (gpu_now and engine.name == "vllm"))

    @contextlib.contextmanager
    def _one_switch(self) -> Iterator[None]:
        """Raises: StartFailedError while an engine is being replaced already."""
        if self._switching:
            raise refusal(StartFailedError, "switch.busy")
        self._switching = True
        try:
            yield
        finally:
            self._switching = False

    async def _switch_to_fetched(self, model_path: Path, model: str) -> None:
        """In a task of its own: what goes wrong is told, and the present model stays."""
        try:
            await self.switch_model(model_path, model)
        except HuiyanError as error:
            _log.warning("the model stays as it is: %s", error.message, extra={"code": error.code})
            self._reporter.note(Text("switch.failed", {"model": model_path.name, "cause": cause_of(error)}))

    def own_key(self) -> str:
        assert self._services is not None
        return self._services.own_key

    async def models(self) -> ModelsReport:
        """For the control socket, as the two below."""
        assert self._models is not None
        return await self._models.report()

    def pull(self, model_id: str | None) -> FetchStatus:
        assert self._models is not None
        return self._models.pull(model_id)

    def cancel_pull(self) -> None:
        assert self._models is not None
        self._models.cancel()

    async def updates(self, feed: str | None, *, look: bool) -> UpdatesReport:
        return await self._update_service().report(feed, look=look)

    async def update_plan(self, component: str, *, feed: str | None, version: str | None) -> UpdatePlan:
        return await self._update_service().planned(component, feed=feed, version=version)

    def update_status(self) -> UpdateStatus | None:
        taken_over = None if self._upgrader is None else self._upgrader.status
        if taken_over is not None and (self._updates is None or self._updates.status is None):
            return as_update(taken_over)
        return self._update_service().status

    async def update(self, component: str, *, feed: str | None, version: str | None) -> UpdateStatus:
        self._check_free()
        return await self._update_service().start(component, feed=feed, version=version)

    def cancel_update(self) -> None:
        self._update_service().cancel()

    async def roll_back(self, component: str) -> UpdateStatus:
        self._check_free()
        return await self._update_service().roll_back(component)

    def _check_free(self) -> None:
        """Raises: UpdateRunningError during a full upgrade, which has a task of its own."""
        if self._upgrader is not None and self._upgrader.running:
            raise refusal(UpdateRunningError, "update.running", name=HUIYAN)

    def _update_service(self) -> UpdateService:
        """Raises: StartFailedError before everything runs."""
        if self._updates is None or not self._ready:
            raise refusal(StartFailedError, "update.not_ready")
        return self._updates

    def model_fetched(self, model_id: str) -> Literal["restart", "switch"]:
        """A model is in the store now. Returns what it takes until it answers.

        The one that nano stands in for takes its place by itself, while nano goes on answering.
        """
        following = self._take_over(model_id)
        key = "fetch.done" if following == "restart" else "fetch.done_switch"
        self._reporter.note(Text(key, {"id": model_id}))
        return following

    def _take_over(self, model_id: str) -> Literal["restart", "switch"]:
        wanted = None if self._services is None else self._services.engine.card.wanted
        if (
            wanted is None
            or self._prepared is None
            or self._tasks is None
            or self._switching
            or not self._ready
        ):
            return "restart"
        store_dir = self._settings.models.directory(self._settings.data_dir)
        try:
            stored = stored_model(store_dir, wanted, engine=self._engine_after_fetch(self._prepared))
        except HuiyanError:
            return "restart"
        if stored is None:
            return "restart"
        self._tasks.create_task(self._switch_to_fetched(stored.directory, stored.id))
        return "switch"

    @staticmethod
    def _engine_after_fetch(prepared: Prepared) -> str:
        """Which engine will run the model that nano stands in for."""
        wanted = prepared.files.card.wanted
        return prepared.engine.name if wanted is None else prepared.means.engine_after_fetch(wanted)

    @property
    def upgrader(self) -> Upgrader:
        """For the control socket: `huiyan update --full`."""
        assert self._upgrader is not None
        return self._upgrader

    def status(self) -> StatusReport:
        """For the control socket, which is opened once there is something to tell."""
        assert self._prepared is not None
        assert self._services is not None
        return StatusReport(
            pid=os.getpid(),
            url=self._prepared.url,
            address=self._prepared.address,
            web_port=self._prepared.web.number,
            certificate=None if (given := self._prepared.certificate) is None else str(given.cert.absolute()),
            fingerprint=None if given is None else given.fingerprint,
            version=__version__,
            started_unix_s=self._started_unix_s,
            ready=self._ready,
            data_dir=str(self._data_dir.root),
            log_path=str(self._data_dir.log),
            model=self._services.engine.card,
            engine=self._services.engine_status(),
            engine_pid=self._services.status_of("engine").pid,
            engine_port=self._services.engine.port,
            engine_slots=self._services.engine.endpoint.slots,
            planned_bytes=self._planned_bytes(),
            gateway=parts.part_status(self._services.status_of("gateway")),
            tools=parts.part_status(self._services.tools_status()),
        )

    def _planned_bytes(self) -> int | None:
        """Of the engine that the start has laid out; one that took its place since was measured by nobody."""
        assert self._prepared is not None
        assert self._services is not None
        if self._services.engine is not self._prepared.engine:
            return None
        return planned_bytes(self._prepared, self._settings)

    async def _live(self, tasks: asyncio.TaskGroup, resources: contextlib.ExitStack) -> HuiyanError | None:
        start = tasks.create_task(self._start(tasks, resources))
        stop = tasks.create_task(self._stop.wait())
        try:
            await asyncio.wait([start, stop], return_when=asyncio.FIRST_COMPLETED)
            if not start.done():
                return None
            if (error := start.result()) is not None:
                return error
            assert self._services is not None
            lost = tasks.create_task(self._services.lost.wait())
            await asyncio.wait([stop, lost], return_when=asyncio.FIRST_COMPLETED)
            lost.cancel()
            return self._services.failure()
        finally:
            start.cancel()
            stop.cancel()
            await asyncio.wait([start])
            await self._shut_down()

    async def _start(self, tasks: asyncio.TaskGroup, resources: contextlib.ExitStack) -> HuiyanError | None:
        """The five layers; the error that one of them ended with."""
        timeout_s = self._settings.launcher.timeout_s
        error: HuiyanError
        try:
            async with asyncio.timeout(timeout_s):
                await self._layers(tasks, resources)
                return None
        except TimeoutError:
            layer = Text(f"layer.{self._reporter.layer}", {})
            error = refusal(StartFailedError, "start.timeout", seconds=f"{timeout_s:.0f}", step=layer)
        except HuiyanError as raised:
            error = raised
        except OSError as raised:
            error = disk_error(raised, self._data_dir.root)
        self._reporter.failed(self._reporter.layer, Text("layer.failed", {}))
        _log.error("start failed: %s", error.message, extra={"code": error.code, "hint": error.hint})
        return error

    async def _layers(self, tasks: asyncio.TaskGroup, resources: contextlib.ExitStack) -> None:
        settings, reporter = self._settings, self._reporter
        free_bytes = machine.check_data_dir(
            settings.data_dir, min_free_bytes=settings.launcher.min_free_disk_bytes
        )
        takeover = self._takeover
        lock = DataDirLock(self._data_dir, adopted=None if takeover is None else takeover.lock_fd())
        resources.enter_context(lock)
        sink = self._open_log(resources)
        self._upgrader = upgrader = Upgrader(settings, self._program, takeover, tasks=tasks)
        # Before anything is read that an update may have left between two states.
        await upgrader.settle_past(sink.writer)
        if takeover is None:
            await asyncio.to_thread(self._end_interrupted)
        prepared = await prepare(
            settings,
            reporter,
            free_bytes=free_bytes,
            unbound=self._prestarted.socket if self._prestarted is not None else None,
            orphaned_ports=self._orphaned_ports() if takeover is None else frozenset(),
            resources=resources,
            adopted=None if takeover is None else takeover.listener(),
            reclaimed_bytes=upgrader.reclaimed_bytes(),
        )
        self._prepared = prepared
        if prepared.files.lock is not None:
            # A restart of the engine has to find it, whatever is pulled and collected meanwhile.
            store = Store(settings.models.directory(settings.data_dir))
            resources.enter_context(store.pin(prepared.files.lock))

        if takeover is None:
            server = ControlServer(socket_path(self._data_dir.run), self)
        else:
            listening = takeover.control()
            server = ControlServer(Path(takeover.handover.control_path), self, listening=listening)
        resources.callback(self._close_control, server)
        services = Services(
            settings,
            prepared,
            reporter=reporter,
            sink=sink,
            environment=self._environment,
            control=server.path,
            tasks=tasks,
        )
        self._services = services
        self._models = ModelFetches(
            settings,
            prepared.files.card,
            engine=self._engine_after_fetch(prepared),
            environment=self._environment,
            tasks=tasks,
            on_line=sink.writer("launcher"),
            told=services.tell_fetch,
            fetched=self.model_fetched,
        )
        self._updates = self._make_updates(prepared, services)
        upgrader.others_busy = lambda: self._updates is not None and self._updates.busy
        upgrader.join(services, self._models, lock=lock, control=server, listener=prepared.web.socket)
        record = VerificationRecord(self._data_dir.verified_files)
        if takeover is not None:
            await upgrader.bring_up(
                record,
                open_control=lambda: self._open_control(server, resources, prepared),
                check_health=lambda: self._check_health(prepared),
                started_unix_s=self._started_unix_s,
            )
        else:
            await self._bring_up(services, server, resources, prepared, record)
        reporter.ok("health", Text("health.ok", {"seconds": f"{services.canary_s:.1f}"}))
        if prepared.files.card.demo:
            reporter.note(Text("ready.demo", {}))
        if prepared.machine.gpus and services.engine.name == "llama_cpp":
            reporter.note(Text("machine.gpu_unused", {}))
        self._ready = services.ready = True
        # Last: nobody waits for it, and the first answer has the machine to itself.
        services.start_tools()
        _log.info("ready at %s", prepared.url, extra={"took_s": round(time.time() - self._started_unix_s, 2)})
        reporter.send(Event(kind="ready", text=Text("ready", {"url": prepared.url}), url=prepared.url))

    async def _bring_up(
        self,
        services: Services,
        server: ControlServer,
        resources: contextlib.ExitStack,
        prepared: Prepared,
        record: VerificationRecord,
    ) -> None:
        """Gateway and engine of a start that takes over from nobody. Raises: HuiyanError."""
        reporter = self._reporter
        late = await asyncio.to_thread(self._never_examined)
        if late is not None:
            # Nobody gets an answer of an encoder that was never examined.
            services.pause_gateway()
        reporter.begin("gateway", Text("state.starting", {}))
        early, self._prestarted = self._prestarted, None
        services.start_gateway(early)
        await self._open_control(server, resources, prepared)
        reporter.begin("engine", Text("state.starting", {}))
        await services.verify_files(record)
        services.start_engine()
        reporter.layer = "gateway"
        await services.wait_ready("gateway")
        reporter.layer = "engine"
        if late is None:
            await services.wait_ready("engine")
        else:
            await late.run()
        reporter.begin("health", Text("health.looking", {}))
        await self._check_health(prepared)

    def _end_interrupted(self) -> None:
        for entry in updates.recover(Registry(self._settings)):
            words = {"name": entry.component, "version": entry.version}
            self._reporter.note(Text("update.interrupted", words))

    def _never_examined(self) -> LateExamination | None:
        """What was committed while nothing ran, of the model that is served."""
        assert self._live_system is not None
        assert self._services is not None
        return late_examination.find(self._settings, self._live_system, self._services, self._reporter)

    def _make_updates(self, prepared: Prepared, services: Services) -> UpdateService:
        self._live_system = live = LiveSystem(
            self._settings, prepared, services, switching=self._one_switch, resources=self._switched
        )
        dirs = adapter_directories(self._data_dir.root)
        if (active := dirs.active()) and dirs.has(active):
            services.begin_with_adapter(dirs.directory(active), dirs.installed())
        registry = Registry(self._settings, live)
        assert self._upgrader is not None
        if (upgrades := self._upgrader.upgrades) is not None:
            registry.add(WholeHuiyan(self._data_dir.root, upgrades, self._upgrader.become))
        return UpdateService(
            registry,
            feed=self._settings.update_feed,
            open_place=open_place(self._settings),
            told=services.tell_update,
        )

    async def _check_health(self, prepared: Prepared) -> None:
        """The gateway has been told that the engine is ready; it may need a moment to take that in."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _HEALTH_TIMEOUT_S
        while True:
            status = await asyncio.to_thread(
                health.gateway_health,
                prepared.address,
                prepared.web.number,
                certificate=None if prepared.certificate is None else prepared.certificate.cert,
            )
            if status == "ok":
                return
            if loop.time() > deadline:
                raise refusal(StartFailedError, "start.gateway", cause=f"/health: {status}")
            await asyncio.sleep(_HEALTH_POLL_S)

    def _close_control(self, server: ControlServer) -> None:
        server.handed_over = self._takeover is not None and not self._takeover.settled
        server.close()
        if not server.handed_over:
            remove_info(self._data_dir)

    def _orphaned_ports(self) -> frozenset[int]:
        """Called with the lock held: a launcher that ended by itself took its info along."""
        info = read_info(self._data_dir)
        return frozenset() if info is None else frozenset({info.web_port, info.engine_port})

    def _open_log(self, resources: contextlib.ExitStack) -> LogSink:
        options = self._settings.launcher
        sink = LogSink(self._data_dir.log, max_bytes=options.log_max_bytes, files=options.log_files)
        resources.callback(sink.close)
        log.configure("launcher", SinkStream(sink, "launcher"))
        _log.info("huiyan %s starts", __version__, extra={"pid": os.getpid()})
        return sink

    async def _open_control(
        self, server: ControlServer, resources: contextlib.ExitStack, prepared: Prepared
    ) -> None:
        await server.start()
        info = LauncherInfo(
            pid=os.getpid(),
            url=prepared.url,
            web_port=prepared.web.number,
            engine_port=prepared.engine.port,
            socket=str(server.path),
            version=__version__,
            started_unix_s=self._started_unix_s,
        )
        write_info(self._data_dir, info)

    async def _shut_down(self) -> None:
        if self._ready:
            self._reporter.send(Event(kind="stopping", text=Text("stopping", {})))
        _log.info("stopping")
        self._stop.set()
        if self._upgrader is not None:
            await self._upgrader.stop()
        if self._models is not None:
            await self._models.stop()
        if self._updates is not None:
            if self._services is not None:
                self._services.begin_stop()
            await self._updates.stop()
        if self._services is not None:
            await self._services.stop(hurry=not self._ready)
        _log.info("stopped")
