"""Composition root of the gateway process: options in, a serving uvicorn out.

`python -m huiyan.app --lifeline-fd N` is the launcher's gateway child (docs/concepts/processes.md);
`serve` is what `huiyan serve` runs in the foreground.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.types import ASGIApp

from huiyan import log
from huiyan.engines.status import EngineEndpoint, EngineStatus, ModelCard
from huiyan.gateway.access_log import AccessLog
from huiyan.gateway.asgi import make_app
from huiyan.gateway.guard import is_loopback
from huiyan.gateway.options import GatewayOptions
from huiyan.gateway.protocol import bind
from huiyan.gateway.service import Gateway
from huiyan.gateway.static import StaticFiles, package_files
from huiyan.gateway.tls import context
from huiyan.lifeline import ORPHAN_GRACE_S, Lifeline

#: Running answers may finish for this long when the gateway is told to drain.
_DRAIN_S = 10


class GatewayServer(uvicorn.Server):
    """uvicorn's server, which says when it listens and ends the event streams before it drains."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway) -> None:
        super().__init__(config)
        self._gateway = gateway
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Event streams never end by themselves and would hold the shutdown up.
        self._gateway.events.close()
        self._gateway.live_log.close()
        await super().shutdown(sockets)


def tame_garbage_collection() -> None:
    """Once the gateway is put together: what is there stays, and collections are rarer.

    Requests leave next to no cycles behind; the default thresholds spend 3 % of the hot path on looking.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


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
) -> GatewayApp:
    """Put one gateway together. Needs a running loop. data_dir: without one, nothing is kept on disk."""
    gateway = Gateway(options, model=model, engine=engine, endpoint=endpoint, data_dir=data_dir)
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
    """Where others can come in, the first request must find the keys. On loopback nobody waits for them."""
    if not is_loopback(app.gateway.options.host):
        await app.gateway.access.loaded()


async def serve(
    options: GatewayOptions,
    *,
    model: ModelCard,
    engine: EngineStatus,
    endpoint: EngineEndpoint | None,
    listener: socket.socket,
    data_dir: Path | None = None,
) -> None:
    """`huiyan serve`: a gateway alone, in the foreground, on a listening socket."""
    app = build(options, model=model, engine=engine, endpoint=endpoint, data_dir=data_dir)
    tame_garbage_collection()
    await keys_loaded(app)
    await app.serve([listener])


class _Boot(msgspec.Struct):
    """The launcher's first message.

    options: GatewayOptions as JSON. own_key: lets the commands of this user in. paused: requests wait.
    """

    options: dict[str, Any]  # validated by GatewayOptions
    listen_fd: int
    model: ModelCard
    endpoint: EngineEndpoint
    engine: EngineStatus
    data_dir: str
    own_key: str = ""
    paused: bool = False


async def _child(lifeline_fd: int) -> int:
    lifeline = await Lifeline.from_fd(lifeline_fd)
    first = await lifeline.receive()
    if first is None:
        return 0
    boot = msgspec.convert(first, _Boot)
    app = build(
        GatewayOptions.model_validate(boot.options),
        model=boot.model,
        engine=boot.engine,
        endpoint=boot.endpoint,
        data_dir=Path(boot.data_dir),
    )
    app.gateway.access.door.own_key = boot.own_key.encode()
    if boot.paused:
        app.gateway.pause()
    tame_garbage_collection()
    listener = socket.socket(fileno=boot.listen_fd)
    loop = asyncio.get_running_loop()

    async def follow() -> None:
        async for message in lifeline.messages():
            match message["type"]:
                case "engine":
                    app.gateway.update_engine(msgspec.convert(message["status"], EngineStatus))
                case "model":
                    app.gateway.update_model(msgspec.convert(message["model"], ModelCard))
                case "pause":
                    app.gateway.pause()
                case "resume":
                    app.gateway.queue.resume()
                case "drain":
                    app.server.should_exit = True
        # The launcher is gone: nobody would ever stop this process.
        app.server.should_exit = True
        loop.call_later(ORPHAN_GRACE_S - 1.0, os._exit, 0)

    async def announce() -> None:
        await app.server.listening.wait()
        lifeline.send({"type": "serving", "port": listener.getsockname()[1]})

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(follow()), group.create_task(announce())]
        await keys_loaded(app)
        await app.serve([listener])
        for task in tasks:
            task.cancel()
    return 0


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
