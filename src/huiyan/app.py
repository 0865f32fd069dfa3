"""Composition root of the gateway process: options in, a serving uvicorn out.

`python -m huiyan.app --lifeline-fd N` is the launcher's gateway child (docs/concepts/processes.md);
`serve` is what `huiyan serve` runs in the foreground.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import uvicorn
from starlette.types import ASGIApp

from huiyan import log
from huiyan.engines.status import EngineEndpoint, EngineStatus, ModelCard
from huiyan.errors import SettingsError, StartFailedError
from huiyan.gateway.access.options import REVEAL
from huiyan.gateway.access_log import AccessLog
from huiyan.gateway.asgi import make_app
from huiyan.gateway.guard import is_loopback
from huiyan.gateway.memory import keep_freed_memory
from huiyan.gateway.options import GatewayOptions
from huiyan.gateway.protocol import bind
from huiyan.gateway.service import Gateway
from huiyan.gateway.static import StaticFiles, package_files
from huiyan.gateway.tls import context
from huiyan.lifeline import ORPHAN_GRACE_S, Lifeline
from huiyan.messages import refusal
from huiyan.settings.environment import child_environment
from huiyan.store.fetching import FetchStatus
from huiyan.updates.status import UpdateStatus

if TYPE_CHECKING:
    from huiyan.gateway.workers.front import Front

#: Running answers may finish for this long when the gateway is told to drain.
_DRAIN_S = 10


class GatewayServer(uvicorn.Server):
    """uvicorn's server, which says when it listens and ends the event streams before it drains."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway) -> None:
        super().__init__(config)
        self._gateway = gateway
        self.listening = asyncio.Event()
        self.on_listening: Callable[[], None] = lambda: None
        #: Set once no new connection is accepted any more.
        self.draining = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()
        self.on_listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Event streams never end by themselves and would hold the shutdown up.
        self._gateway.events.close()
        self._gateway.live_log.close()
        for server in self.servers:
            server.close()
        self.draining.set()
        await super().shutdown(sockets)


def tame_garbage_collection() -> None:
    """Once the gateway is put together: what is there stays, and collections are rarer.

    Requests leave next to no cycles behind; the default thresholds spend 3 % of the hot path on looking.
    """
    gc.collect()
    gc.freeze()
    # The oldest generation is small without what is frozen, and has to be looked at now and then: a
    # connection that outlived two younger collections ends up there.
    gc.set_threshold(20_000, 10, 10)


@dataclass(frozen=True, slots=True)
class GatewayApp:
    """A gateway and its server, not yet listening."""

    gateway: Gateway
    asgi: ASGIApp
    server: GatewayServer
    access_log: AccessLog

    async def serve(self, sockets: list[socket.socket]) -> None:
        """Serve on listening sockets until `server.should_exit` is set, then let go of everything."""
        try:
            await self.server.serve(sockets=sockets)
        finally:
            await self.gateway.close()
            self.access_log.flush()


def build(
    options: GatewayOptions,
    *,
    model: ModelCard,
    engine: EngineStatus,
    endpoint: EngineEndpoint | None,
    data_dir: Path | None = None,
    launcher: Path | None = None,
) -> GatewayApp:
    """Put one gateway together. Needs a running loop. data_dir: without one, nothing is kept on disk.

    launcher: its control socket, where there is one.
    """
    gateway = Gateway(
        options, model=model, engine=engine, endpoint=endpoint, data_dir=data_dir, launcher=launcher
    )
    access_log = AccessLog(sys.stderr)
    asgi = make_app(gateway, StaticFiles(options.static_dir or package_files()), access_log)
    tls = options.tls
    config = uvicorn.Config(
        asgi,
        http=bind(gateway, access_log),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_DRAIN_S,
        backlog=1024,
        # uvicorn asks whether there is a certificate, and lets the context be made here.
        ssl_certfile=tls.cert,
        ssl_keyfile=tls.key,
        ssl_context_factory=(lambda *_: context(tls)) if tls.cert is not None else None,
    )
    return GatewayApp(gateway, asgi, GatewayServer(config, gateway), access_log)


async def keys_loaded(app: GatewayApp) -> None:
    """The first request must find the keys, unless it is this machine's user, who needs none.

    A balancer that only sees whether connections are taken would send requests to be refused.
    """
    options = app.gateway.options
    needs_no_key = options.access.local_without_key and options.access.database_url is None
    if not (needs_no_key and is_loopback(options.host)):
        await app.gateway.access.loaded()


async def serve(
    options: GatewayOptions,
    *,
    model: ModelCard,
    engine: EngineStatus,
    endpoint: EngineEndpoint | None,
    listener: socket.socket,
    data_dir: Path,
    on_serving: Callable[[], None] = lambda: None,
) -> None:
    """`huiyan serve`: a gateway alone, in the foreground, on a listening socket.

    on_serving: called once connections are answered.
    Raises: StartFailedError when worker processes stay down.
    """
    if options.traffic.workers == 1:
        keep_freed_memory()  # a child of the launcher has it from its environment
        app = build(options, model=model, engine=engine, endpoint=endpoint, data_dir=data_dir)
        tame_garbage_collection()
        await keys_loaded(app)
        app.server.on_listening = on_serving
        await app.serve([listener])
        return
    front = _front(
        {
            "type": "boot",
            "options": options.model_dump(mode="json", context=REVEAL),
            "model": model,
            "endpoint": endpoint,
            "engine": engine,
            "data_dir": str(data_dir),
        },
        options,
        endpoint,
        listener,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, front.stop)
    if not await front.run(on_serving):
        raise refusal(StartFailedError, "gateway.workers_down")


class _Boot(msgspec.Struct):
    """The launcher's first message, or the front process's to a worker.

    options: GatewayOptions as JSON. own_key: lets the commands of this user in. adapter: directory of the
    prompt adapter, "" for the built-in one; adapters: of those that requests may name. paused: requests wait.
    control: the launcher's socket. fetch, update: how far that of a model, of a component is.
    worker: its number, where several share the port; coordinator: the socket of the front process.
    """

    options: dict[str, Any]  # validated by GatewayOptions
    listen_fd: int
    model: ModelCard
    endpoint: EngineEndpoint | None
    engine: EngineStatus
    data_dir: str
    own_key: str = ""
    adapter: str = ""
    adapters: list[str] = []
    paused: bool = False
    control: str = ""
    fetch: FetchStatus | None = None
    update: UpdateStatus | None = None
    worker: int | None = None
    coordinator: str = ""


async def _child(lifeline_fd: int) -> int:
    lifeline = await Lifeline.from_fd(lifeline_fd)
    first = await lifeline.receive()
    if first is None:
        return 0
    boot = msgspec.convert(first, _Boot)
    options = GatewayOptions.model_validate(boot.options)
    if options.traffic.workers > 1 and boot.worker is None:
        return await _in_front(lifeline, first, boot, options)
    app = build(
        options,
        model=boot.model,
        engine=boot.engine,
        endpoint=boot.endpoint,
        data_dir=Path(boot.data_dir),
        launcher=Path(boot.control) if boot.control else None,
    )
    app.gateway.fetch = boot.fetch
    app.gateway.update = boot.update
    app.gateway.access.door.own_key = boot.own_key.encode()
    client = None
    if boot.worker is not None:
        from huiyan.gateway.workers.member import join

        client = await join(app.gateway, Path(boot.coordinator), boot.worker, lost=lambda: _orphaned(app))
    if boot.adapter:
        _use_adapter(app, lifeline, boot.adapter, boot.adapters)
    if boot.paused:
        app.gateway.pause()
    tame_garbage_collection()
    listener = socket.socket(fileno=boot.listen_fd)

    async def announce() -> None:
        await app.server.listening.wait()
        lifeline.send({"type": "serving", "port": listener.getsockname()[1]})
        await app.server.draining.wait()
        lifeline.send({"type": "draining"})

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_follow(lifeline, app)), group.create_task(announce())]
        await keys_loaded(app)
        await app.serve([listener])
        for task in tasks:
            task.cancel()
    if client is not None:
        client.close()
    return 0


async def _follow(lifeline: Lifeline, app: GatewayApp) -> None:
    """Hear the news until whoever tells them is gone."""
    async for message in lifeline.messages():
        match message["type"]:
            case "engine":
                app.gateway.update_engine(msgspec.convert(message["status"], EngineStatus))
            case "model":
                app.gateway.update_model(msgspec.convert(message["model"], ModelCard))
            case "switch":
                app.gateway.switch(
                    msgspec.convert(message["model"], ModelCard),
                    msgspec.convert(message["endpoint"], EngineEndpoint),
                    msgspec.convert(message["status"], EngineStatus),
                )
            case "fetch":
                app.gateway.update_fetch(msgspec.convert(message["status"], FetchStatus))
            case "update":
                app.gateway.update_update(msgspec.convert(message["status"], UpdateStatus))
            case "adapter":
                _use_adapter(app, lifeline, str(message["directory"]), message.get("installed", []))
            case "pause":
                app.gateway.pause()
            case "resume":
                app.gateway.queue.resume()
            case "drain":
                # The gateway of the next version serves already: what runs here may take its time.
                if timeout_s := message.get("timeout_s"):
                    app.server.config.timeout_graceful_shutdown = int(timeout_s)
                app.server.should_exit = True
    _orphaned(app)


def _use_adapter(app: GatewayApp, lifeline: Lifeline, directory: str, installed: list[str]) -> None:
    """Say how it went: whoever replaces an adapter waits for it."""
    try:
        app.gateway.use_adapter(Path(directory) if directory else None, [Path(each) for each in installed])
    except SettingsError as error:
        log.get_logger(__name__).error("%s", error.message, extra={"code": error.code})
        lifeline.send({"type": "adapter", "directory": directory, "error": error.message})
    else:
        lifeline.send({"type": "adapter", "directory": directory})


def _orphaned(app: GatewayApp) -> None:
    """Whoever started this process is gone: nobody would ever stop it."""
    app.server.should_exit = True
    asyncio.get_running_loop().call_later(ORPHAN_GRACE_S - 1.0, os._exit, 0)


async def _in_front(lifeline: Lifeline, first: dict[str, Any], boot: _Boot, options: GatewayOptions) -> int:
    """The launcher's gateway child where several workers serve (docs/decisions/0008-several-workers.md)."""
    listener = socket.socket(fileno=boot.listen_fd)
    front = _front(first, options, boot.endpoint, listener)
    loop = asyncio.get_running_loop()

    async def follow() -> None:
        async for message in lifeline.messages():
            if message["type"] == "drain":
                front.stop(message.get("timeout_s"))
            else:
                front.tell(message)
        front.stop()
        loop.call_later(ORPHAN_GRACE_S - 1.0, os._exit, 0)

    front.on_message = lifeline.send
    following = loop.create_task(follow())
    try:
        stopped = await front.run(
            lambda: lifeline.send({"type": "serving", "port": listener.getsockname()[1]})
        )
    finally:
        following.cancel()
    return 0 if stopped else 1


def _front(
    boot: Mapping[str, Any],
    options: GatewayOptions,
    endpoint: EngineEndpoint | None,
    listener: socket.socket,
) -> Front:
    from huiyan.gateway.workers.front import Front
    from huiyan.launcher.prestart import gateway_environment

    return Front(
        options,
        module="huiyan.app",
        boot=boot,
        listener=listener,
        engine_slots=None if endpoint is None else endpoint.slots,
        environment=gateway_environment(child_environment()),
    )


def main(argv: list[str]) -> int:
    """The gateway child. argv: --lifeline-fd N."""
    log.configure("gateway", sys.stderr)
    if len(argv) != 2 or argv[0] != "--lifeline-fd":
        sys.stderr.write("This is huiyan's gateway process; `huiyan serve` starts one by hand.\n")
        return 2
    import uvloop  # not on Windows, where there is no launcher either

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_child(int(argv[1])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
