"""Looks after engines that no launcher of ours watches: are they there, and what do they serve?"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import msgspec

from huiyan.engines.status import EngineState, EngineStatus, ModelCard
from huiyan.errors import EngineError
from huiyan.gateway.backends import Backend
from huiyan.log import get_logger

_log = get_logger(__name__)

#: Until the next look while an engine is not there: whoever waits for it waits for the look, too.
_AGAIN_S = 2.0


class _Meta(msgspec.Struct):
    n_ctx: int | None = None


class _Model(msgspec.Struct):
    id: str
    max_model_len: int | None = None
    meta: _Meta | None = None

    @property
    def context_tokens(self) -> int | None:
        """VLLM says it as max_model_len, llama.cpp as meta.n_ctx (of one slot)."""
        return self.max_model_len or (self.meta.n_ctx if self.meta is not None else None)


class _Models(msgspec.Struct):
    data: list[_Model]


class Prober:
    """changed: told of a backend whose status or card is another than before."""

    def __init__(
        self, backends: Callable[[], list[Backend]], *, interval_s: float, changed: Callable[[Backend], None]
    ) -> None:
        self._backends = backends
        self._interval_s = interval_s
        self._changed = changed
        self._asked = asyncio.Event()

    def look_now(self) -> None:
        """Do not wait for the next turn: engines have come."""
        self._asked.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._asked.clear()
            async with asyncio.TaskGroup() as group:
                for backend in self._backends():
                    group.create_task(self._look(backend))
            all_ready = all(backend.status.state is EngineState.READY for backend in self._backends())
            interval_s = self._interval_s if all_ready else min(self._interval_s, _AGAIN_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), interval_s)

    async def _look(self, backend: Backend) -> None:
        before = backend.status, backend.card
        backend.probed(*await self.look(backend))
        if (backend.status.state, backend.card) != (before[0].state, before[1]):
            _log.info("engine %s is %s", backend.name, backend.status.state)
            self._changed(backend)

    async def look(self, backend: Backend) -> tuple[EngineStatus, ModelCard]:
        """One look. Never raises for what an engine does."""
        card, engine = backend.card, backend.pool.endpoint.dialect

        def status(state: EngineState, code: str = "", detail: str = "") -> EngineStatus:
            same = backend.status.state is state
            return EngineStatus(
                state=state,
                engine=engine,
                model=card.id,
                code=code,
                detail=detail,
                since_unix_s=backend.status.since_unix_s
                if same
                else EngineStatus(state=state, engine=engine, model=card.id).since_unix_s,
            )

        timeout_s = max(1.0, self._interval_s)
        try:
            health, _ = await backend.pool.fetch("GET", "/health", timeout_s=timeout_s)
            if health == 503:
                return status(EngineState.LOADING, detail="The engine is loading its model."), card
            if health >= 400:
                return status(EngineState.FAILED, "engine_unhealthy", f"/health answered {health}."), card
            answer, body = await backend.pool.fetch("GET", "/v1/models", timeout_s=timeout_s)
        except EngineError as error:
            return status(EngineState.FAILED, error.code, error.message), card
        if answer != 200:
            return status(EngineState.FAILED, "engine_refused", f"/v1/models answered {answer}."), card
        try:
            models = msgspec.json.decode(body, type=_Models).data
        except msgspec.DecodeError:
            return status(EngineState.FAILED, "engine_protocol", "/v1/models is not readable."), card
        served = next((model for model in models if model.id == card.id), models[0] if models else None)
        if served is None:
            return status(EngineState.FAILED, "engine_protocol", "The engine serves no model."), card
        if served.context_tokens and (served.id, served.context_tokens) != (card.id, card.context_tokens):
            card = msgspec.structs.replace(
                card,
                id=served.id,
                name=card.name if served.id == card.id else served.id,
                context_tokens=served.context_tokens,
            )
        return status(EngineState.READY), card
