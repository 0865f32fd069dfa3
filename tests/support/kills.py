"""Sixteen streams through two gateways, something killed in their middle, and the count of what it cost."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from huiyan.state.database import Database
from huiyan.state.issue import issue_key
from tests.support.gateway import CHAT, chat_request
from tests.support.shared_servers import Balancer, GatewayProcess, Server, postgres, redis
from tests.support.wait import eventually
from tests.support.wire import Wire, ask

STREAMS = 16
_PROBE_EVERY_S = 0.1
_KNOWN_S = 60.0


@dataclass
class Cost:
    """streams_failed: of STREAMS. outage_s: from the kill to the end of the last new request that failed.

    probes_failed, probes: new requests without limits, one after the other, while it was away and after.
    peak: most streams of the key with a limit of STREAMS that were open at once.
    """

    streams_failed: int
    outage_s: float
    probes_failed: int
    probes: int
    peak: int

    @property
    def over_admitted(self) -> int:
        return max(0, self.peak - STREAMS)


@dataclass
class System:
    gateways: list[GatewayProcess]
    balancer: Balancer
    postgres: Server
    redis: Server
    database_url: str
    secret_dir: Path

    def database(self) -> Database:
        return Database(self.secret_dir, url=self.database_url)

    async def key(self, scopes: tuple[str, ...] = ("chat",), *, streams: int | None = None) -> dict[str, str]:
        """Headers with a new key that both gateways know."""

        def make() -> str:
            database = self.database()
            try:
                return issue_key(database, name="a", scopes=scopes, streams=streams)[1]
            finally:
                database.close()

        headers = {"Authorization": f"Bearer {await asyncio.to_thread(make)}"}
        for gateway in self.gateways:
            await self.answers(gateway, headers, 200)
        return headers

    async def answers(self, gateway: GatewayProcess, headers: dict[str, str], status: int) -> None:
        """Wait until a gateway answers this key so."""

        async def does() -> bool:
            with contextlib.suppress(OSError):
                return (await ask(gateway.port, "GET", "/v1/models", headers)).status == status
            return False

        await eventually(does, timeout_s=_KNOWN_S)


@contextlib.asynccontextmanager
async def system(engines: list[str], engine_key: str, root: Path) -> AsyncIterator[System]:
    """PostgreSQL, Redis, two `huiyan serve` and a balancer. engines: their URLs."""
    async with contextlib.AsyncExitStack() as stack:
        database_server, database_url = stack.enter_context(postgres())
        limits_server, limits_url = stack.enter_context(redis())
        await asyncio.to_thread(database_server.start)
        await asyncio.to_thread(limits_server.start)
        key_file = root / "engine-key"
        key_file.write_text(engine_key)
        key_file.chmod(0o600)
        secret_dir = root / "first" / "state"
        await asyncio.to_thread(_first_key, secret_dir, database_url)
        gateways = []
        for name in ("first", "second"):
            (root / name / "state").mkdir(parents=True, exist_ok=True)
            if name != "first":
                shutil.copy2(secret_dir / "secret", root / name / "state" / "secret")
            config = root / f"{name}.toml"
            # Keys are asked for on loopback, too, as they are behind a balancer.
            config.write_text(
                "[gateway.access]\nlocal_without_key = false\n"
                f'database_url = "{database_url}"\nlimits_url = "{limits_url}"\n'
            )
            config.chmod(0o600)
            gateway = GatewayProcess(root / name, config, engines, key_file)
            stack.push_async_callback(gateway.kill)
            await gateway.start()
            gateways.append(gateway)
        balancer = await stack.enter_async_context(Balancer(gateways).running())
        yield System(gateways, balancer, database_server, limits_server, database_url, secret_dir)


def _first_key(directory: Path, url: str) -> None:
    directory.mkdir(parents=True)
    database = Database(directory, url=url)
    issue_key(database, name="first", scopes=["admin"])
    database.close()


class _Open:
    """Streams that are open now, and the most there ever were."""

    def __init__(self) -> None:
        self.now = 0
        self.peak = 0

    def __enter__(self) -> None:
        self.now += 1
        self.peak = max(self.peak, self.now)

    def __exit__(self, *_: object) -> None:
        self.now -= 1


async def _stream(
    port: int, headers: dict[str, str], opened: _Open, max_tokens: int, begun: asyncio.Event | None = None
) -> bool:
    """Read one stream to its end; whether it was whole."""
    body = chat_request("数到一百。", stream=True, max_tokens=max_tokens, ignore_eos=True)
    try:
        async with Wire.open(port) as wire:
            await wire.send(wire.request_bytes("POST", CHAT, headers, json=body))
            response = await wire.head()
            if response.status != 200:
                return False
            with opened:
                if begun is not None:
                    begun.set()
                response = await wire.rest()
                return response.ended and b"data: [DONE]" in response.body
    except (OSError, TimeoutError):
        return False


async def cost_of(
    kill: Callable[[], Awaitable[None]],
    mend: Callable[[], Awaitable[None]],
    on: System,
    *,
    away_s: float = 1.5,
    after_s: float = 2.0,
    max_tokens: int = 400,
) -> Cost:
    """Kill something in the middle of STREAMS streams of one key, mend it `away_s` later, count."""
    limited = await on.key(streams=STREAMS)
    free = await on.key()
    opened = _Open()
    begun = [asyncio.Event() for _ in range(STREAMS)]
    streams = [
        asyncio.create_task(_stream(on.balancer.port, limited, opened, max_tokens, each)) for each in begun
    ]
    async with asyncio.timeout(120):
        await asyncio.gather(*(each.wait() for each in begun))
    over = asyncio.Event()
    killed_s = time.monotonic()
    greedy = asyncio.create_task(_greedy(on, limited, opened, over, max_tokens))
    await kill()
    probing = asyncio.create_task(_probe(on, free, over, killed_s))
    await asyncio.sleep(away_s)
    await mend()
    await asyncio.sleep(after_s)
    over.set()
    failed, probes, outage_s = await probing
    whole = await asyncio.gather(*streams)
    await greedy
    return Cost(whole.count(False), outage_s, failed, probes, opened.peak)


async def _probe(
    on: System, headers: dict[str, str], over: asyncio.Event, killed_s: float
) -> tuple[int, int, float]:
    """(failed, all, seconds until the last failure was over)."""
    failed, probes, outage_s = 0, 0, 0.0
    while not over.is_set():
        probes += 1
        try:
            response = await ask(
                on.balancer.port, "POST", CHAT, headers, json=chat_request("你好", max_tokens=2)
            )
            fine = response.status == 200
        except (OSError, TimeoutError):
            fine = False
        if not fine:
            failed += 1
            outage_s = time.monotonic() - killed_s
        await asyncio.sleep(_PROBE_EVERY_S)
    return failed, probes, outage_s


async def _greedy(
    on: System, headers: dict[str, str], opened: _Open, over: asyncio.Event, max_tokens: int
) -> None:
    """Ask for more than the limit all the time, at whichever gateway, and keep what is given."""
    async with asyncio.TaskGroup() as group:
        while not over.is_set():
            group.create_task(_stream(on.balancer.port, headers, opened, max_tokens))
            await asyncio.sleep(_PROBE_EVERY_S)
