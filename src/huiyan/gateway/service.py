"""What all requests of one gateway process share: engine, limits, running answers, events."""

from __future__ import annotations

import itertools
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from huiyan import __version__
from huiyan.engines.status import EngineEndpoint, EngineState, EngineStatus, ModelCard
from huiyan.engines.upstream import Pool
from huiyan.errors import EngineDiedError, QueueFullError
from huiyan.gateway.access.runtime import Access
from huiyan.gateway.admission import Admitted
from huiyan.gateway.answers import AnswerBook
from huiyan.gateway.events import EventHub
from huiyan.gateway.intake import ImageLimits
from huiyan.gateway.options import GatewayOptions
from huiyan.gateway.relay import Run, Sink
from huiyan.gateway.schema import HelloEvent

#: Requests whose pictures wait for a decoder, for each decoder; more are refused with Retry-After.
_WAITING_PER_DECODER = 16


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
    ) -> None:
        """data_dir: for keys and usage; without one there are none."""
        self.options = options
        self.model = model
        self.engine = engine
        self.boot_id = secrets.token_hex(4)
        self.started_s = time.monotonic()
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
        self.limits = ImageLimits(max_bytes=options.max_image_bytes, max_pixels=options.max_image_pixels)
        self.active = 0
        self._decoders = ThreadPoolExecutor(options.decode_workers, thread_name_prefix="intake")
        self._numbers = itertools.count(1)
        self._decoding = 0
        self._pool: Pool | None = None
        if endpoint is not None:
            self.connect(endpoint)

    def connect(self, endpoint: EngineEndpoint) -> None:
        """Send requests to this engine from now on."""
        if self._pool is not None:
            self._pool.close()
        self._pool = Pool(
            endpoint,
            connect_timeout_s=self.options.engine_connect_timeout_s,
            idle_timeout_s=self.options.engine_idle_timeout_s,
        )

    @property
    def pool(self) -> Pool:
        """Raises EngineDiedError where there is no engine at all."""
        if self._pool is None:
            raise EngineDiedError("No engine is configured.", hint="Start one with `huiyan start`.")
        return self._pool

    def update_engine(self, status: EngineStatus) -> None:
        """The launcher (or a probe) says what the engine does now; open pages hear of it."""
        self.engine = status
        self.events.publish("engine", status)

    def update_model(self, model: ModelCard) -> None:
        """Another model is served from now on."""
        self.model = model
        self.events.publish("hello", self.hello())

    def hello(self) -> HelloEvent:
        return HelloEvent(version=__version__, boot_id=self.boot_id, model=self.model, engine=self.engine)

    @property
    def ready(self) -> bool:
        return self.engine.state is EngineState.READY

    def new_request_id(self) -> str:
        """Unique across restarts, short enough to read out."""
        return f"{self.boot_id}-{next(self._numbers):x}"

    def run(self, path: str, admitted: Admitted, sink: Sink) -> Run:
        """Start a request on the engine; `sink` hears the rest. Raises EngineDiedError, QueueFullError."""
        run = Run(self.pool, path, admitted, sink)
        if not admitted.images:
            run.start()
            return run
        if self._decoding >= _WAITING_PER_DECODER * self.options.decode_workers:
            raise QueueFullError(
                "Too many pictures are waiting to be read.", retry_after_s=2.0, hint="Try again."
            )
        self._decoding += 1
        run.start_decoding(self._decoders, self.limits, self._decoded)
        return run

    def _decoded(self) -> None:
        self._decoding -= 1

    async def close(self) -> None:
        """Let go of everything; requests under way fail."""
        self.events.close()
        self.answers.close()
        if self._pool is not None:
            self._pool.close()
        self._decoders.shutdown(wait=False, cancel_futures=True)
        await self.access.close()
