"""PostgreSQL and Redis that a test kills with SIGKILL and starts again, and gateways that share them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.hosts import Host
from tests.support.servers import _unprivileged
from tests.support.wait import wait_until

#: Of servers that listen for other hosts.
POSTGRES_PORT = 5432
REDIS_PORT = 6379
_START_TIMEOUT_S = 120


class Server:
    """One program on a Unix socket in a directory of its own. `kill` is SIGKILL.

    ready: what its log says once it answers.
    """

    def __init__(
        self, command: list[str], root: Path, socket: Path, *, ready: bytes = b"", user: str | None = None
    ) -> None:
        self._ready = ready
        self._command = command
        self._root = root
        self._socket = socket
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)
        with (self._root / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, user=self._user, cwd=self._root
            )

        def answers() -> bool:
            return self._socket.exists() and self._ready in (self._root / "log").read_bytes()

        wait_until(answers, f"{self._command[0]} answers", timeout_s=_START_TIMEOUT_S)

    def pause(self) -> None:
        """It takes connections and answers nothing, as where a network is cut; until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=60)
            self._process = None


@contextlib.contextmanager
def postgres(host: Host | None = None) -> Iterator[tuple[Server, str]]:
    """Not started. With its URL. Skips where there is no program.

    host: where it runs, and listens for other hosts; the test itself has the socket, whose URL this is.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
    if initdb is None:
        pytest.skip("PostgreSQL's programs are not installed (Debian: apt-get install postgresql)")
    user = _unprivileged()
    root = Path(tempfile.mkdtemp(prefix="huiyan-pg-"))
    if user is not None:
        shutil.chown(root, user=user)
    make = [initdb, "--pgdata", str(root / "data"), "--username=huiyan", "--auth=trust", "--no-sync"]
    make += ["--encoding=UTF8", "--locale=C"]
    # fsync stays off: SIGKILL of a program loses nothing that the kernel has.
    serve = [str(Path(initdb).parent / "postgres"), "-D", str(root / "data"), "-k", str(root)]
    listen = "" if host is None else host.address
    serve += ["-c", f"listen_addresses={listen}", "-c", "fsync=off"]
    starter = user
    if host is not None:
        who = pwd.getpwnam(user) if user is not None else None
        # Entering the host is root's alone; what enters becomes the other user there.
        ids = (None, None) if who is None else (who.pw_uid, who.pw_gid)
        serve, starter = [*host.inside(*ids), *serve], None
    server = Server(serve, root, root / f".s.PGSQL.{POSTGRES_PORT}", ready=b"ready to accept", user=starter)
    try:
        subprocess.run(make, check=True, capture_output=True, timeout=_START_TIMEOUT_S, user=user, cwd=root)
        if host is not None:
            with (root / "data" / "pg_hba.conf").open("a", encoding="ascii") as rules:
                rules.write("host all all 0.0.0.0/0 trust\n")
        yield server, f"postgresql://huiyan:not-shown@/postgres?host={root}"
    finally:
        server.kill()
        shutil.rmtree(root, ignore_errors=True)


@contextlib.contextmanager
def redis(host: Host | None = None) -> Iterator[tuple[Server, str]]:
    """Not started, keeping nothing over a kill. With its URL. Skips where there is no program.

    host: as of `postgres`.
    """
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        pytest.skip("Neither Valkey nor Redis is installed (Debian: apt-get install redis-server)")
    root = Path(tempfile.mkdtemp(prefix="huiyan-redis-"))
    path = root / "socket"
    command = [program, "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    if host is None:
        command += ["--port", "0"]
    else:
        command = [*host.inside(), *command, "--bind", host.address, "--port", str(REDIS_PORT)]
        command += ["--protected-mode", "no"]
    server = Server([*command, "--dir", str(root)], root, path)
    try:
        yield server, f"redis+unix://{path}"
    finally:
        server.kill()
        shutil.rmtree(root, ignore_errors=True)


class GatewayProcess:
    """`huiyan serve` as its own process. data_dir, port: the same again after `kill` and `start`.

    host: where it runs, and listens for other hosts; None: here, on loopback.
    """

    def __init__(
        self, data_dir: Path, config: Path, engines: list[str], key_file: Path, *, host: Host | None = None
    ) -> None:
        self.data_dir = data_dir
        self.port = 0
        self._inside = () if host is None else host.inside()
        self._arguments = ["--data-dir", str(data_dir), "--config", str(config)]
        self._arguments += ["--engine-key-file", str(key_file), "--model", "nano"]
        if host is not None:
            self._arguments += ["--host", host.address]
        for url in engines:
            self._arguments += ["--engine-url", url]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HUIYAN_")}
        paths = os.pathsep.join(path for path in sys.path if path)
        self.data_dir.mkdir(exist_ok=True)
        with (self.data_dir / "stderr").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(*self._inside, sys.executable, "-m", "huiyan", "serve", "--port", str(self.port), "--json"),
                *self._arguments,
                env={**kept, "PYTHONPATH": paths},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(_START_TIMEOUT_S):
            while True:
                line = await self._process.stdout.readline()
                assert line, f"it ended before it served: {(self.data_dir / 'stderr').read_text()}"
                event = json.loads(line)
                if event["event"] == "serving":
                    self.port = int(event["url"].rstrip("/").rpartition(":")[2])
                    return

    async def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            async with asyncio.timeout(_START_TIMEOUT_S):
                await self._process.wait()
            self._process = None


class Balancer:
    """Passes connections on to the next gateway in turn that accepts them."""

    def __init__(self, gateways: list[GatewayProcess]) -> None:
        self._gateways = gateways
        self._next = 0
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Balancer]:
        server = await asyncio.start_server(self._one, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, back))
                group.create_task(_copy(there, writer))
        finally:
            back.transport.abort()
            writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._next += 1
        # Others take their turns meanwhile: each connection tries every gateway once.
        begin = self._next % len(self._gateways)
        for gateway in (*self._gateways[begin:], *self._gateways[:begin]):
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", gateway.port)
        raise OSError("no gateway accepts")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    # Whichever side goes, both go: half a conversation is of no use to anybody here.
    writer.transport.abort()
