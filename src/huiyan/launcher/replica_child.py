"""One engine of many machines: `python -m huiyan.launcher.replica_child --lifeline-fd N`.

A cluster's agent on a node (`cluster/ray_app.py`) starts it and is told on the lifeline:

    boot      engine (EngineOptions), models (StoreOptions), data_dir, lock (a models.lock, "" for none), host
    progress  phase, fraction    the model is fetched from the team's mirror, or loaded
    ready     url, api_key, slots, model    it answered the test picture; again after each restart
    down      code, message      it is being restarted
    load      running, waiting   requests, once a second while it is ready
    failed    code, message, hint    the last one: it will not come up

The model is fetched by its lock, and held against it where it was there already, before the engine starts.
At the end of the lifeline, everything here ends.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from huiyan import log
from huiyan.engines.llama_cpp import LlamaCppEngine
from huiyan.engines.options import EngineOptions
from huiyan.engines.restart import RestartPolicy
from huiyan.engines.status import EngineState
from huiyan.engines.supervisor import Supervisor
from huiyan.engines.upstream import Pool
from huiyan.errors import DigestMismatchError, EngineError, HuiyanError, ModelFileMissingError
from huiyan.hardware.plan import llama_cpp as plan
from huiyan.hardware.probe import probe
from huiyan.launcher import machine, model_files, parts
from huiyan.launcher.model_files import ModelFiles
from huiyan.lifeline import Lifeline, Message
from huiyan.messages import of_error, refusal
from huiyan.settings.environment import child_environment, proxies
from huiyan.sources.options import StoreOptions
from huiyan.store.manifest import VerificationRecord

_log = log.get_logger(__name__)

_LOAD_EVERY_S: Final = 1.0
_CANARY_TIMEOUT_S: Final = 120.0
_TELL_EVERY: Final = 0.01


class Boot(msgspec.Struct, frozen=True, kw_only=True):
    """engine, models: validated by EngineOptions and StoreOptions."""

    engine: dict[str, Any]
    models: dict[str, Any]
    data_dir: str
    lock: str = ""
    host: str = "127.0.0.1"


def prepare(boot: Boot, tell: Callable[[Message], None], cancel: threading.Event) -> LlamaCppEngine:
    """Bring the model here, hold it against its lock, choose what the settings leave open. Blocks.

    tell: called from this thread. Raises: StoreError, SourceError and their kinds, MachineCheckError.
    """
    options = EngineOptions.model_validate({**boot.engine, "engine": "llama_cpp"})
    store_options = StoreOptions.model_validate(boot.models)
    data_dir = Path(boot.data_dir)
    store_dir = store_options.directory(data_dir)
    if boot.lock:
        options = _fetch(boot, options, store_options, store_dir, tell, cancel)
    files = model_files.choose(options, store_dir)
    if not isinstance(files, ModelFiles) or (files.card.wanted and options.model is not None):
        raise refusal(ModelFileMissingError, "cluster.no_model", model=options.model, store=store_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    files.verify(VerificationRecord(data_dir / "verified-files.json"))
    found = probe()
    needed = plan.memory_needed_bytes(
        weights_bytes=files.size_bytes,
        kv_bytes_per_token=files.kv_bytes_per_token,
        context_tokens=files.card.context_tokens,
        slots=options.slots,
    )
    machine.check_memory(found, model=files.card.name, needed_bytes=needed)
    return LlamaCppEngine(
        card=files.card,
        model_path=files.model_path,
        mmproj_path=files.mmproj_path,
        host=boot.host,
        port=0,
        threads=options.threads or plan.threads(found, demo=files.card.demo),
        slots=options.slots,
        prompt_cache_mib=options.prompt_cache_mib,
    )


def _fetch(
    boot: Boot,
    options: EngineOptions,
    store_options: StoreOptions,
    store_dir: Path,
    tell: Callable[[Message], None],
    cancel: threading.Event,
) -> EngineOptions:
    """The options with the name of what the lock names. Raises: StoreError, SourceError and their kinds."""
    from huiyan.sources.fetch import fetch_model
    from huiyan.sources.protocol import Progress
    from huiyan.sources.pull import Wish
    from huiyan.store.lock import decode_lock
    from huiyan.store.snapshots import Store

    locks = decode_lock(boot.lock.encode(), "models.lock")
    lock = locks.find(options.model) if options.model is not None else locks.models[0]
    if lock is None:
        raise refusal(ModelFileMissingError, "cluster.not_locked", model=options.model)
    store = Store(store_dir)
    told = -1.0

    def on_progress(progress: Progress) -> None:
        nonlocal told
        fraction = progress.done_bytes / progress.total_bytes if progress.total_bytes else 0.0
        if abs(fraction - told) >= _TELL_EVERY:
            told = fraction
            tell({"type": "progress", "phase": progress.phase, "fraction": fraction})

    fetch_model(
        store,
        store_options,
        Wish(model_id=lock.id, locked=lock),
        proxies=proxies(),
        on_progress=on_progress,
        cancel=cancel,
    )
    if damaged := store.verify(lock.id, deep=False):
        raise refusal(DigestMismatchError, "cluster.damaged", model=lock.id, path=damaged[0].path)
    return options.model_copy(update={"model": lock.id, "model_path": None})


class _Replica:
    """One engine under a supervisor, told of as it changes."""

    def __init__(self, engine: LlamaCppEngine, lifeline: Lifeline, timeout_s: float) -> None:
        self._engine = engine
        self._now = engine
        self._lifeline = lifeline
        environment: Mapping[str, str] = child_environment()
        spec = parts.engine_spec(
            engine,
            environment=environment,
            load_timeout_s=timeout_s,
            probe=parts.canary_probe(
                lambda: self._now, timeout_s=_CANARY_TIMEOUT_S, on_answer=lambda _: None
            ),
        )
        self._supervisor = Supervisor(
            dataclasses.replace(spec, on_message=self._heard),
            policy=RestartPolicy(),
            on_line=lambda line: _log.info("%s", line),
        )
        self._ready = False
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, gone: asyncio.Event) -> None:
        """Until `gone`, or until it will not come up any more."""
        self._supervisor.subscribe(lambda status: self._changed(status.state, status.code, status.detail))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._supervisor.run())
            watching = tasks.create_task(self._tell_load())
            leaving = tasks.create_task(gone.wait())
            ends: list[asyncio.Future[Any]] = [leaving, self.failed]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            watching.cancel()
            leaving.cancel()
            await self._supervisor.stop(hurry=True)

    def _heard(self, message: dict[str, Any]) -> None:
        if message.get("type") == "listening":
            self._now = dataclasses.replace(self._engine, port=int(message["port"]))

    def _changed(self, state: EngineState, code: str, detail: str) -> None:
        ready = state is EngineState.READY
        if ready and not self._ready:
            endpoint = self._now.endpoint
            host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
            self._lifeline.send(
                {
                    "type": "ready",
                    "url": f"http://{host}:{endpoint.port}",
                    "api_key": endpoint.api_key,
                    "slots": endpoint.slots,
                    "model": self._now.card.id,
                }
            )
        elif self._ready and not ready:
            self._lifeline.send({"type": "down", "code": code, "message": detail})
        elif state is EngineState.LOADING:
            self._lifeline.send({"type": "progress", "phase": "loading", "fraction": 0.0})
        self._ready = ready
        if state is EngineState.FAILED and not self.failed.done():
            self._lifeline.send({"type": "failed", "code": code, "message": detail, "hint": ""})
            self.failed.set_result(None)

    async def _tell_load(self) -> None:
        pool: Pool | None = None
        try:
            while True:
                await asyncio.sleep(_LOAD_EVERY_S)
                if not self._ready:
                    continue
                if pool is None or pool.endpoint != self._now.endpoint:
                    if pool is not None:
                        pool.close()
                    pool = Pool(self._now.endpoint)
                try:
                    status, body = await pool.fetch("GET", "/metrics", timeout_s=5.0)
                except EngineError:
                    continue  # the supervisor sees to it
                if status == 200:
                    self._lifeline.send({"type": "load", **load_of(body)})
        finally:
            if pool is not None:
                pool.close()


def load_of(metrics: bytes) -> dict[str, int]:
    """Requests that llama.cpp works on and that wait within it, from its /metrics."""
    found = {"running": 0, "waiting": 0}
    names = {b"llamacpp:requests_processing": "running", b"llamacpp:requests_deferred": "waiting"}
    for line in metrics.splitlines():
        name, _, value = line.partition(b" ")
        if name in names:
            found[names[name]] = int(float(value))
    return found


async def _run(fd: int) -> int:
    lifeline = await Lifeline.from_fd(fd)
    first = await lifeline.receive()
    if first is None:
        return 0
    gone, cancel = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def tell(message: Message) -> None:
        loop.call_soon_threadsafe(lifeline.send, message)

    async def listen() -> None:
        async for _ in lifeline.messages():
            pass
        cancel.set()
        gone.set()

    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(listen())
        try:
            boot = msgspec.convert(first, Boot)
            engine = await asyncio.to_thread(prepare, boot, tell, cancel)
            options = EngineOptions.model_validate(boot.engine)
            replica = _Replica(engine, lifeline, options.load_timeout_s)
            if not gone.is_set():
                await replica.run(gone)
            failed = replica.failed.done()
        except HuiyanError as error:
            message, hint = of_error(error, "en")
            lifeline.send({"type": "failed", "code": error.code, "message": message, "hint": hint})
            failed = True
        listening.cancel()
    lifeline.close()
    return 1 if failed else 0


def main(argv: list[str]) -> int:
    """argv: --lifeline-fd N."""
    log.configure("launcher", sys.stderr)
    if len(argv) != 2 or argv[0] != "--lifeline-fd":
        sys.stderr.write("This is one engine of a cluster; run: huiyan cluster up\n")
        return 2
    return asyncio.run(_run(int(argv[1])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
