"""What all requests of one gateway process share: engines, keys, limits, running answers, events."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import secrets
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from huiyan import __version__
from huiyan.engines.status import EngineEndpoint, EngineState, EngineStatus, ModelCard
from huiyan.engines.upstream import Pool
from huiyan.errors import EngineDiedError, EngineError, RequestError, SettingsError
from huiyan.gateway import budget as token_budget
from huiyan.gateway.access.runtime import Access
from huiyan.gateway.adapter import BUILT_IN, PromptAdapter, clean_completion
from huiyan.gateway.adapter import load as load_adapter
from huiyan.gateway.admission import Admitted, check_engine
from huiyan.gateway.answers import AnswerBook
from huiyan.gateway.backends import Backend, Backends
from huiyan.gateway.body_turns import BodyTurns
from huiyan.gateway.budget import Ask, Budget, Count
from huiyan.gateway.elsewhere import Elsewhere
from huiyan.gateway.engine_metrics import KvState, MetricsPoller
from huiyan.gateway.events import EventHub
from huiyan.gateway.finished import Finished
from huiyan.gateway.launcher_link import LauncherLink
from huiyan.gateway.live_log import LiveLog
from huiyan.gateway.memory import GivingBack
from huiyan.gateway.metrics import Metrics, Snapshot
from huiyan.gateway.options import GatewayOptions
from huiyan.gateway.pictures.assemble import assemble
from huiyan.gateway.queue import FairQueue
from huiyan.gateway.reading import PictureReader
from huiyan.gateway.relay import COMPLETION, RelayedHeads, Sink
from huiyan.gateway.run import Asked, PicturesDone, Run, Work
from huiyan.gateway.schema import HelloEvent
from huiyan.gateway.token_count import TokenCounter
from huiyan.gateway.tool_client import ToolClient
from huiyan.gateway.tool_files import FileReader
from huiyan.gateway.tool_loop.consent import ConsentBook
from huiyan.gateway.tool_loop.loop import ToolLoop
from huiyan.log import get_logger
from huiyan.store.fetching import FetchStatus
from huiyan.tools.catalogue import ToolList, ToolsEvent
from huiyan.updates.status import UpdateStatus

if TYPE_CHECKING:
    from huiyan.gateway.workers.client import CoordinatorClient

_log = get_logger(__name__)

_LOCAL_ENGINE = "engine"


class Gateway:
    """Made in a running loop by `huiyan.app`; every method is called from that loop."""

    def __init__(
        self,
        options: GatewayOptions,
        *,
        model: ModelCard,
        engine: EngineStatus,
        endpoint: EngineEndpoint | None,
        data_dir: Path | None = None,
        launcher: Path | None = None,
    ) -> None:
        """data_dir: for keys, usage and uploaded pictures; without one there are none.

        launcher: control socket of the launcher that started this gateway.
        """
        self.options = options
        self.model = model
        self.engine = engine
        #: Of the model that is, or was last, being fetched.
        self.fetch: FetchStatus | None = None
        #: The update that runs, or ran last; for administrators.
        self.update: UpdateStatus | None = None
        self.launcher = LauncherLink(launcher)
        self.boot_id = secrets.token_hex(4)
        self.started_s = time.monotonic()
        self.loop = asyncio.get_running_loop()
        self.access = Access(
            options.access,
            host=options.host,
            port=options.port,
            state_dir=None if data_dir is None else data_dir / "state",
        )
        self.access.start()
        self.events = EventHub()
        self.answers = AnswerBook(
            grace_s=options.answer_grace_s, keep_s=options.answer_keep_s, max_bytes=options.answers_max_bytes
        )
        self.live_log = LiveLog(None if data_dir is None else data_dir / "logs" / "huiyan.jsonl")
        self.tools = ToolClient(data_dir, self._tools_changed)
        self.consents = ConsentBook()
        self.max_images = options.max_images
        self.pictures = PictureReader(options, None if data_dir is None else data_dir / "images")
        #: Prompt adapters that a request may ask for, by `PromptAdapter.name`.
        self._adapters: dict[str, PromptAdapter] = {BUILT_IN.id: BUILT_IN}
        self.active = 0
        self.body_turns = BodyTurns(self.loop)
        self._numbers = itertools.count(1)
        traffic = options.traffic
        self.keep_alive_s = traffic.keep_alive_s
        self.limiter = self.access.limiter
        self.queue = FairQueue(
            traffic.slots(None if endpoint is None else endpoint.slots),
            traffic.max_waiting,
            traffic.max_waiting_per_key,
            timeout_s=traffic.queue_timeout_s,
        )
        self.budget = Budget(
            model.context_tokens, min_answer_tokens=traffic.min_answer_tokens, parts=traffic.workers
        )
        #: To the other workers, where there are any (`workers.member.join`).
        self.shared: CoordinatorClient | None = None
        self.metrics = Metrics(per_key=options.metrics_per_key)
        self.heads = RelayedHeads()
        self._pollers: dict[Backend, MetricsPoller] = {}
        self._backends: Backends | None = None
        self._elsewhere: Elsewhere | None = None
        self._watching: asyncio.Task[None] | None = None
        if traffic.elsewhere:
            self._connect_elsewhere()
        elif endpoint is not None:
            self.connect(endpoint)
        self._giving_back = GivingBack(self.loop)
        self._watch_gauges()

    def connect(self, endpoint: EngineEndpoint) -> None:
        """Send requests to this engine from now on."""
        if self._backends is not None:
            for old in self._backends.all:
                self.let_go(old)
        backend = Backend(_LOCAL_ENGINE, self.pool_to(endpoint), card=self.model, status=self.engine)
        self.attach(backend)
        self._backends = Backends([backend])
        self.pictures.name_for_engine(endpoint.dialect)
        self.queue.slots = self.options.traffic.slots(endpoint.slots)

    def switch(self, model: ModelCard, endpoint: EngineEndpoint, engine: EngineStatus) -> None:
        """Another engine with another model from now on; answers under way end on the old one.

        Whoever runs the old one ends it once it is idle.
        """
        old = () if self._backends is None else self._backends.all
        for each in old:
            if (poller := self._pollers.pop(each, None)) is not None:
                poller.close()
        self._backends = None
        self.model, self.engine = model, engine
        self.budget.context_tokens = model.context_tokens
        self.connect(endpoint)
        for each in old:
            each.drain(each.pool.close)
        self.events.publish("hello", self.hello())

    @property
    def backends(self) -> Backends:
        """Raises EngineDiedError where there is no engine at all."""
        if self._backends is None:
            raise EngineDiedError("No engine is configured.", hint="Start one with `huiyan start`.")
        return self._backends

    @property
    def pool(self) -> Pool:
        """To any engine that can answer a small question. Raises EngineError and its kinds."""
        return self.backends.choose().pool

    def update_engine(self, status: EngineStatus) -> None:
        """The launcher (or a look at it) says what the engine does now; open pages hear of it."""
        self.engine = status
        if self._backends is not None and self._elsewhere is None:
            self._backends.all[0].probed(status)
        self.events.publish("engine", status)

    def update_model(self, model: ModelCard) -> None:
        """Another model is served from now on."""
        self.model = model
        self.budget.context_tokens = model.context_tokens
        if self._backends is not None and self._elsewhere is None:
            self._backends.all[0].card = model
        self.events.publish("hello", self.hello())

    def update_fetch(self, status: FetchStatus) -> None:
        """The launcher says how far the fetch of a model is; open pages hear of it."""
        self.fetch = status
        self.events.publish("fetch", status)

    def update_update(self, status: UpdateStatus) -> None:
        """The launcher says how far an update is; administrators' open pages hear of it."""
        self.update = status
        self.events.publish("update", status, admins_only=True)

    async def numbers_of_others(self) -> list[Snapshot]:
        """What the other workers on this port have counted."""
        return [] if self.shared is None else await self.shared.numbers_of_others()

    def use_adapter(self, directory: Path | None, installed: Iterable[Path] = ()) -> None:
        """From the next request on, prompts are adapted as `directory` says; None: as huiyan does by itself.

        installed: of adapters that a request may ask for by name. Raises: SettingsError; then nothing has
        changed.
        """
        adapter = BUILT_IN if directory is None else load_adapter(directory)
        named = {BUILT_IN.id: BUILT_IN, adapter.name: adapter}
        for other in installed:
            # One that is going away at this moment, or was never right, can be asked for by nobody.
            with contextlib.suppress(SettingsError):
                found = load_adapter(other)
                named.setdefault(found.name, found)
        self.pictures.adapter, self._adapters = adapter, named

    def adapter_of(self, admitted: Admitted) -> PromptAdapter:
        """The one that the request asks for, else the one in use. Raises: RequestError."""
        name = admitted.adapter
        if name is None:
            return self.pictures.adapter
        found = self._adapters.get(name)
        if found is None:
            raise RequestError(
                f"The prompt adapter {name[:80]!r} is not installed here.",
                hint=f"Here are: {', '.join(self._adapters)}. Leave `prompt_adapter` out for the one in use.",
                param="prompt_adapter",
            )
        return found

    def pause(self) -> None:
        """Let new requests wait: the engine is being replaced. Ends by itself after `max_pause_s`."""
        self.queue.pause(self.options.traffic.max_pause_s)

    def _tools_changed(self, tools: ToolList) -> None:
        self.events.publish("tools", ToolsEvent(revision=tools.revision))

    def hello(self) -> HelloEvent:
        return HelloEvent(
            version=__version__,
            boot_id=self.boot_id,
            model=self.model,
            engine=self.engine,
            fetch=self.fetch,
        )

    @property
    def ready(self) -> bool:
        return self.engine.state is EngineState.READY

    def new_request_id(self) -> str:
        """Unique across restarts, short enough to read out."""
        return f"{self.boot_id}-{next(self._numbers):x}"

    def run(self, asked: Asked, sink: Sink) -> Work:
        """Start a request; `sink` hears the rest. Raises what refuses it at once."""
        if self._elsewhere is None and not self.queue.paused:
            error = check_engine(self.engine)
            if error is not None:
                raise error
        if asked.admitted.adapter is not None:
            self.adapter_of(asked.admitted)
        if self._backends is not None and self._backends.needs_affinity:
            asked.admitted.affinity = asked.admitted.conversation()
        if asked.admitted.tool_use is not None:
            loop = ToolLoop(self, asked, sink)
            loop.start()
            return loop
        run = Run(self, asked, sink)
        run.start()
        return run

    # What a run needs.

    def choose_backend(self, admitted: Admitted) -> Backend:
        """Raises: EngineError and its kinds where no engine can take it."""
        return self.backends.choose(admitted.affinity)

    def another_backend(self, admitted: Admitted, tried: Sequence[Backend]) -> Backend | None:
        """For a request that these could not take."""
        return self.backends.another(admitted.affinity, tried)

    def plain_body(self, asked: Asked) -> Sequence[bytes]:
        """Of a request without pictures: what a client must not write is taken out of its text."""
        if asked.path == COMPLETION:
            return (clean_completion(self.pictures.adapter, asked.admitted.body),)
        return assemble(asked.admitted.body, {}, self.adapter_of(asked.admitted))

    def read_pictures(self, asked: Asked, done: PicturesDone) -> None:
        self.pictures.read(asked, self.model, self.adapter_of(asked.admitted), done)

    def need(self, admitted: Admitted, pictures: Sequence[tuple[int, int]]) -> Ask:
        return token_budget.ask(
            self.model,
            messages_bytes=admitted.text_bytes,
            messages=len(admitted.messages) or 1,
            text=admitted.text,
            tools_bytes=len(admitted.tools),
            pictures=pictures,
            max_tokens=admitted.max_tokens,
            choices=admitted.choices,
        )

    def count(self, backend: Backend) -> Count:
        return TokenCounter(backend.pool)

    def file_reader(self, asked: Asked) -> FileReader:
        """For files that a request names, of its caller."""
        return FileReader(
            self.pictures.workshop.store,
            self.pictures.threads,
            owner=asked.principal.id,
            parts=asked.admitted.files,
            max_bytes=self.options.max_body_bytes,
        )

    def started(self, backend: Backend) -> None:
        """A request goes to this engine."""
        poller = self._pollers.get(backend)
        if poller is not None:
            poller.touch()

    def moved(self, asked: Asked, failed: Backend, error: EngineError) -> None:
        """A request goes to another engine than the one that failed."""
        self.metrics.moved(failed.name)
        _log.warning(
            "engine %s did not take a request, another one gets it: %s",
            failed.name,
            error,
            extra={"request_id": asked.request_id, "code": error.code},
        )

    def finished(self, record: Finished) -> None:
        self.metrics.finished(record)
        self.access.usage.finished(record)

    async def close(self) -> None:
        """Let go of everything; requests under way fail."""
        self._giving_back.close()
        self.events.close()
        self.live_log.close()
        self.queue.close()
        self.answers.close()
        if self._watching is not None:
            self._watching.cancel()
        if self._elsewhere is not None:
            self._elsewhere.close()
        elif self._backends is not None:
            for backend in self._backends.all:
                self.let_go(backend)
        await self.tools.close()
        await self.pictures.close()
        await self.access.close()

    # Engines that somebody else runs.

    def _connect_elsewhere(self) -> None:
        elsewhere = self._elsewhere = Elsewhere(self, self.options.traffic)
        self._backends = elsewhere.backends
        self._name_pictures()
        self._watching = self.loop.create_task(elsewhere.run())

    def _name_pictures(self) -> None:
        dialects = {each.pool.endpoint.dialect for each in self.backends.all}
        self.pictures.name_for_engine(dialects.pop() if len(dialects) == 1 else "")

    def backend_changed(self, backend: Backend | None) -> None:
        """One is in another state, or (None) there are others. The whole is as good as its best engine."""
        if backend is None:
            self._name_pictures()
            assert self._elsewhere is not None
            self.queue.slots = self.options.traffic.slots(self._elsewhere.slots)
            self.queue.recheck()
        states = {each.status.state: each for each in self.backends.all}
        best = next((states[s] for s in (EngineState.READY, EngineState.LOADING) if s in states), backend)
        if best is None:
            if not states:
                none = EngineStatus(
                    state=EngineState.STARTING, engine="remote", model=self.model.id, detail="No engine yet."
                )
                self.update_engine(none)
            return
        if best.card != self.model:
            self.update_model(best.card)
        if best.status.state is not self.engine.state:
            self.update_engine(best.status)

    def pool_to(self, endpoint: EngineEndpoint) -> Pool:
        return Pool(
            endpoint,
            connect_timeout_s=self.options.engine_connect_timeout_s,
            idle_timeout_s=self.options.engine_idle_timeout_s,
        )

    def attach(self, backend: Backend) -> None:
        """llama.cpp says nothing of its cache: each of its slots has a context of its own."""
        if backend.pool.endpoint.dialect == "vllm":
            self._pollers[backend] = MetricsPoller(
                backend.pool,
                active=lambda: backend.in_flight > 0,
                told=functools.partial(self._told, backend),
                interval_s=self.options.traffic.metrics_interval_s,
            )

    def _told(self, backend: Backend, state: KvState | None) -> None:
        backend.kv.told(state)
        self.queue.recheck()

    def let_go(self, backend: Backend) -> None:
        poller = self._pollers.pop(backend, None)
        if poller is not None:
            poller.close()
        backend.pool.close()

    def _watch_gauges(self) -> None:
        watch = self.metrics.watch
        watch("active_requests", lambda: self.active)
        watch("queued_requests", lambda: self.queue.waiting)
        watch("queue_slots", lambda: self.queue.slots)
        watch("queue_paused", lambda: self.queue.paused)
        watch("decoding_images", lambda: self.pictures.reading)
        watch("event_streams", lambda: self.events.subscribers)
        watch("kept_answers_bytes", lambda: self.answers.total_bytes)
        watch("engine_ready", lambda: self.ready)
        watch("backends_usable", self._usable)
        watch("kv_cache_tokens", lambda: self._kv("total_tokens"))
        watch("kv_cache_free_tokens", lambda: self._kv("free_tokens"))
        watch("engine_running_requests", lambda: self._kv("running"))
        watch("engine_waiting_requests", lambda: self._kv("waiting"))

    def _usable(self) -> int:
        backends = self._backends.all if self._backends is not None else ()
        return sum(each.status.state is EngineState.READY and not each.draining for each in backends)

    def _kv(self, name: str) -> float | None:
        """The sum over all engines that say it."""
        states = [each.kv.state for each in (self._backends.all if self._backends is not None else ())]
        values = [getattr(state, name) for state in states if state is not None]
        known = [value for value in values if value is not None]
        return sum(known) if known else None
