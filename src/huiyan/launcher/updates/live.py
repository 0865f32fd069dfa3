"""The running system as components see it: the engine that serves, and the gateway in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http.client
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from huiyan import nano
from huiyan.engines import gguf, vllm_swap
from huiyan.engines.llama_cpp import LlamaCppEngine
from huiyan.engines.status import EngineEndpoint
from huiyan.engines.vllm import VllmEngine
from huiyan.errors import HuiyanError, MachineCheckError, StartFailedError, StoreError
from huiyan.hardware.probe import probe
from huiyan.launcher import health, machine, own_gateway, ports
from huiyan.launcher.model_files import find_pair
from huiyan.launcher.preparation import Prepared
from huiyan.launcher.services import Services
from huiyan.launcher.updates import examination
from huiyan.launcher.updates.adapter import template_of
from huiyan.launcher.updates.component import How
from huiyan.messages import refusal
from huiyan.settings.model import Settings
from huiyan.store.compose import Snapshot
from huiyan.store.snapshots import Store

#: What the swap of a vision tower in vLLM takes, measured (docs/concepts/engines.md), with a margin.
_SWAP_S: Final = 0.5
#: Of an engine that is started anew, beside what its files take to be read.
_START_S: Final = 3.0
_READ_BYTES_PER_S: Final = 500e6


class LiveSystem:
    """`VisionHost` and `AdapterHost`.

    switching: entered while an engine is replaced; raises when that is being done already. resources: sockets
    and pins of what is served from now on, until the launcher ends.
    """

    def __init__(
        self,
        settings: Settings,
        prepared: Prepared,
        services: Services,
        *,
        switching: Callable[[], contextlib.AbstractContextManager[None]],
        resources: contextlib.ExitStack,
    ) -> None:
        self._settings = settings
        self._prepared = prepared
        self._services = services
        self._switching = switching
        self._resources = resources

    @property
    def _store(self) -> Store:
        return Store(self._settings.models.directory(self._settings.data_dir))

    @property
    def engine_name(self) -> str:
        return self._services.engine.name

    # The vision encoder.

    def model_id(self) -> str | None:
        """Of the served model in the store; None when it is served from elsewhere."""
        engine = self._services.engine
        if engine.card.demo and isinstance(engine, LlamaCppEngine):
            return nano.STORE_ID
        root = self._store.layout.snapshots
        if not engine.model_path.is_relative_to(root):
            return None
        digest = engine.model_path.relative_to(root).parts[0]
        try:
            return self._store.snapshot(digest).id
        except StoreError:
            return None

    def expects(self, snapshot: Snapshot) -> tuple[How, float | None]:
        engine = self._services.engine
        if isinstance(engine, VllmEngine):
            return "swap", _SWAP_S
        return self._expects_another(engine, snapshot.size_bytes)

    def _expects_another(self, engine: LlamaCppEngine, size_bytes: int) -> tuple[How, float | None]:
        if self._fits_twice(engine):
            return "beside", 0.0
        return "restart", _START_S + size_bytes / _READ_BYTES_PER_S

    async def serve(self, snapshot: Snapshot) -> float:
        engine = self._services.engine
        if self._services.stopping or self._serves(engine, snapshot):
            return 0.0
        with self._switching():
            if snapshot.tree != nano.DIRECTORY:
                self._resources.enter_context(self._store.pin(snapshot.lock))
            if isinstance(engine, VllmEngine):
                return await self._swap(engine, snapshot)
            model_path, mmproj_path = find_pair(snapshot.tree)
            return await self._replace(engine, model_path=model_path, mmproj_path=mmproj_path)

    async def prove(self, snapshot: Snapshot) -> None:
        engine = self._services.engine
        random = isinstance(engine, VllmEngine) and engine.random_weights
        body = health.canary_request(engine.card.id)
        answer = await asyncio.to_thread(self._ask_gateway, body)
        health.check_answer(answer, any_answer=random)

    def _serves(self, engine: LlamaCppEngine | VllmEngine, snapshot: Snapshot) -> bool:
        if isinstance(engine, VllmEngine):
            return engine.model_path == snapshot.tree
        if engine.mmproj_path.is_relative_to(snapshot.tree):
            return True
        # nano in the package, and the same bytes in the store.
        return snapshot.digest == self._built_in_digest(engine)

    def _built_in_digest(self, engine: LlamaCppEngine) -> str:
        from huiyan.launcher import nano_files

        return nano_files.built_in().digest() if engine.mmproj_path == nano.MMPROJ_PATH else ""

    def _fits_twice(self, engine: LlamaCppEngine) -> bool:
        needed_bytes = engine.weights_bytes + engine.prompt_cache_mib * (1 << 20) // 4
        try:
            machine.check_memory(probe(), model=engine.card.name, needed_bytes=needed_bytes)
        except MachineCheckError:
            return False
        return True

    async def _replace(self, engine: LlamaCppEngine, **changes: Any) -> float:
        """A second engine beside the first, where there is memory for it; else requests wait meanwhile."""
        beside = await asyncio.to_thread(self._fits_twice, engine)
        port = ports.reserve(0, explicit=False)
        self._resources.callback(port.socket.close)
        new = dataclasses.replace(engine, port=port.number, api_key=secrets.token_urlsafe(32), **changes)

        async def prove() -> None:
            await examination.compare(
                new.endpoint,
                engine.endpoint if beside else None,
                new.card.id,
                timeout_s=self._settings.engine.canary_timeout_s,
            )

        return await self._services.switch_model(new, beside=beside, prove=prove, wait_for_old=False)

    async def _swap(self, engine: VllmEngine, snapshot: Snapshot) -> float:
        """In the running vLLM; one that is lost on the way is started anew from the snapshot."""
        timeout_s = self._settings.engine.canary_timeout_s
        knew = frozenset[str]()
        if not engine.random_weights:
            knew = await examination.examine(engine.endpoint, engine.card.id, timeout_s=timeout_s)
        paused_s = await self._swap_files(engine, snapshot.tree)
        if knew:
            await examination.compare(engine.endpoint, knew, engine.card.id, timeout_s=timeout_s)
        return paused_s

    async def go_back(
        self, before: Snapshot, *, prove: Callable[[EngineEndpoint], Awaitable[None]] | None
    ) -> None:
        """Serve `before` again, in the place of an engine that was never examined.

        prove: asked before a request gets to it; what it raises leaves everything as it was. None: the engine
        that is there does not come up. Raises: HuiyanError.
        """
        engine = self._services.engine
        with self._switching():
            if before.tree != nano.DIRECTORY:
                self._resources.enter_context(self._store.pin(before.lock))
            if isinstance(engine, VllmEngine) and prove is not None:
                await self._swap_files(engine, before.tree)
                try:
                    await prove(engine.endpoint)
                except HuiyanError:
                    await self._swap_files(self._services.engine, engine.model_path)
                    raise
                return
            old = self._with_files(engine, before.tree)

            async def prove_old() -> None:
                if prove is not None:
                    await prove(old.endpoint)

            beside = False
            if prove is not None and isinstance(engine, LlamaCppEngine):
                beside = await asyncio.to_thread(self._fits_twice, engine)
            await self._services.switch_model(old, beside=beside, prove=prove_old, wait_for_old=False)

    def _with_files(self, engine: LlamaCppEngine | VllmEngine, tree: Path) -> LlamaCppEngine | VllmEngine:
        if isinstance(engine, VllmEngine):
            return dataclasses.replace(engine, model_path=tree)
        model_path, mmproj_path = find_pair(tree)
        port = ports.reserve(0, explicit=False)
        self._resources.callback(port.socket.close)
        return dataclasses.replace(
            engine,
            model_path=model_path,
            mmproj_path=mmproj_path,
            port=port.number,
            api_key=secrets.token_urlsafe(32),
        )

    async def _swap_files(self, engine: LlamaCppEngine | VllmEngine, tree: Path) -> float:
        new = dataclasses.replace(engine, model_path=tree)
        return await self._services.swap_files(new, lambda: vllm_swap.swap_vision(engine.endpoint, tree))

    # The prompt adapter.

    def model_template(self) -> str | None:
        engine = self._services.engine
        try:
            if isinstance(engine, LlamaCppEngine):
                found = gguf.read_head(engine.model_path).metadata.get("tokenizer.chat_template")
                return None if found is None else str(found)
            return (engine.model_path / "chat_template.jinja").read_text("utf-8")
        except (OSError, UnicodeDecodeError, StoreError):
            return None

    def expects_adapter(self, *, other_template: bool) -> tuple[How, float | None]:
        engine = self._services.engine
        if not other_template or not isinstance(engine, LlamaCppEngine):
            return "next_request", 0.0
        return self._expects_another(engine, engine.weights_bytes)

    async def use_adapter(self, directory: Path | None, installed: Sequence[Path]) -> float:
        """llama.cpp takes a template when it starts, vLLM with each request."""
        engine, template = self._services.engine, template_of(directory)
        paused_s = 0.0
        if self._services.stopping:
            return paused_s
        if isinstance(engine, LlamaCppEngine) and engine.chat_template != template:
            with self._switching():
                paused_s = await self._replace(engine, chat_template=template)
        await self._services.use_adapter(directory, installed)
        return paused_s

    async def prove_adapter(self) -> None:
        """An answer with a picture and one without: a template that the engine cannot take refuses one."""
        card = self._services.engine.card
        plain: dict[str, Any] = {
            "model": card.id,
            "messages": [{"role": "user", "content": "你好"}],
            "max_tokens": 4,
            "temperature": 0,
        }
        for body in (plain, health.canary_request(card.id)):
            health.check_answer(await asyncio.to_thread(self._ask_gateway, body), any_answer=True)

    def _ask_gateway(self, body: dict[str, Any]) -> bytes:
        """Raises: StartFailedError when there is no answer."""
        prepared = self._prepared
        connection = own_gateway.connect(
            prepared.address,
            prepared.web.number,
            certificate=None if prepared.certificate is None else prepared.certificate.cert,
            timeout_s=self._settings.engine.canary_timeout_s,
        )
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._services.own_key}"}
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise refusal(
                StartFailedError, "canary.no_answer", reason=str(error) or type(error).__name__
            ) from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            reason = f"HTTP {response.status} {answer[:200].decode('utf-8', 'replace')}"
            raise refusal(StartFailedError, "canary.no_answer", reason=reason)
        return answer
