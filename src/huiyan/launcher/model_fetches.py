"""What the page and the control socket can ask about models: what is here, and fetching what is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from huiyan.engines.child import LineSink
from huiyan.engines.status import ModelCard
from huiyan.errors import ModelNotFoundError, StoreError
from huiyan.gateway.schema_models import ModelsReport
from huiyan.launcher.fetcher import Fetcher
from huiyan.messages import refusal
from huiyan.settings.environment import proxies
from huiyan.settings.model import Settings
from huiyan.store import catalogue
from huiyan.store.fetching import FetchStatus, StoredModel
from huiyan.store.snapshots import Store


class ModelFetches:
    """Made in a running loop; `stop` ends what runs."""

    def __init__(
        self,
        settings: Settings,
        card: ModelCard,
        *,
        engine: str,
        environment: Mapping[str, str],
        tasks: asyncio.TaskGroup,
        on_line: LineSink,
        told: Callable[[FetchStatus], None],
        fetched: Callable[[str], Literal["restart", "switch"]],
    ) -> None:
        """card: of the model that is served. engine: will run the wanted one, as the catalogue has it."""
        self._store_dir = settings.models.directory(settings.data_dir)
        self._wanted = None if card.wanted is None else catalogue.for_engine(card.wanted, engine)
        self._engine = engine
        self._fetcher = Fetcher(
            # On the lifeline: a proxy's address may hold a password.
            boot={
                "options": settings.models.model_dump(mode="json"),
                "proxies": msgspec.to_builtins(proxies()),
                "store_dir": str(self._store_dir),
                "data_dir": str(settings.data_dir),
            },
            environment=environment,
            tasks=tasks,
            on_line=on_line,
            told=told,
            fetched=fetched,
        )

    async def report(self) -> ModelsReport:
        """Raises: StoreError."""
        known = None if self._wanted is None else catalogue.find(self._wanted)
        return ModelsReport(
            models=await asyncio.to_thread(self._stored),
            wanted=self._wanted,
            wanted_bytes=None if known is None else known.size_bytes,
            fetch=self._fetcher.status,
        )

    def pull(self, model_id: str | None) -> FetchStatus:
        """None: what is wanted. Raises: ModelNotFoundError, ModelBusyError, StoreError."""
        chosen = self._wanted if model_id is None else catalogue.exact_id(model_id)
        if chosen is None:
            raise refusal(ModelNotFoundError, "fetch.nothing")
        try:
            return self._fetcher.start(chosen, vllm=chosen == self._wanted and self._engine == "vllm")
        except OSError as error:
            raise refusal(StoreError, "fetch.spawn", reason=error.strerror) from error

    def cancel(self) -> None:
        self._fetcher.cancel()

    @property
    def running(self) -> str | None:
        """The model that is being fetched now."""
        status = self._fetcher.status
        return status.id if status is not None and status.state == "running" else None

    async def stop(self) -> None:
        await self._fetcher.stop()

    def _stored(self) -> list[StoredModel]:
        if not self._store_dir.exists():
            return []
        return [
            StoredModel(
                id=model.id,
                digest=model.digest,
                size_bytes=model.size_bytes,
                previous=model.previous is not None,
                pulled_at=model.pulled_at,
                damaged=model.damaged,
            )
            for model in Store(self._store_dir).models()
        ]
