"""Two gateways, PostgreSQL and Redis, and engines, each on a host of its own, and what a cut costs."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from huiyan.state.database import Database
from huiyan.state.issue import issue_key
from huiyan.testing import FakeEngine, Reply
from tests.support.gateway import CHAT, chat_request
from tests.support.hosts import Network, network
from tests.support.shared_servers import (
    POSTGRES_PORT,
    REDIS_PORT,
    GatewayProcess,
    Server,
    postgres,
    redis,
)
from tests.support.wait import eventually
from tests.support.wire import Response

STREAMS = 16
GATEWAYS = ("a", "b")
ENGINES = ("e1", "e2")
ENGINE_KEY = "engine-secret-key-0123456789"
_NEWCOMER_EVERY_S = 0.25
_GREEDY_EVERY_S = 0.5
#: Nothing that is asked may take longer; what does is counted as never answered.
_NEVER_S = 90.0
#: After a heal, newcomers go on for as long until all of them are answered.
_WELL_AGAIN_S = 40.0
_SHORT_TOKENS = 2
#: About a second of a stream.
_GREEDY_TOKENS = 20


@dataclass(frozen=True)
class Asked:
    """One new request. gateway: its host. limited: of a key with limits. since_s: after the cut.

    status: 0 where the connection broke or nothing came within 90 s. code: of the refusal.
    """

    gateway: str
    limited: bool
    since_s: float
    took_s: float
    status: int
    code: str = ""
    retry_after: str | None = None


@dataclass
class Toll:
    """What a cut cost. broken: streams under way, of STREAMS, by gateway. peak: open ones of their key.

    gap_s: the longest silence within a stream that became whole. healed_s: when the cut was over.
    """

    #: Of the newcomers' keys: those without limits, and those with.
    key_ids: tuple[str, str] = ("", "")
    broken: Counter[str] = field(default_factory=Counter)
    asked: list[Asked] = field(default_factory=list)
    peak: int = 0
    gap_s: float = 0.0
    healed_s: float = 0.0

    @property
    def over_admitted(self) -> int:
        return max(0, self.peak - STREAMS)

    def failed(self, gateway: str | None = None, *, limited: bool | None = None) -> list[Asked]:
        return [each for each in self.of(gateway, limited=limited) if each.status != 200]

    def of(self, gateway: str | None = None, *, limited: bool | None = None) -> list[Asked]:
        return [
            each for each in self.asked if gateway in (None, each.gateway) and limited in (None, each.limited)
        ]

    def is_well_again(self) -> bool:
        """Whether both gateways have answered after the heal, with limits and without."""
        failing = [each for each in self.failed() if each.since_s > self.healed_s]
        since_s = max((each.since_s for each in failing), default=self.healed_s)
        # All of these are answers: what failed began before.
        well = {(each.gateway, each.limited) for each in self.asked if each.since_s > since_s}
        return len(well) == 2 * len(GATEWAYS)

    async def becomes_well(self) -> bool:
        return self.is_well_again()

    @property
    def slowest_s(self) -> float:
        return max(each.took_s for each in self.asked)

    @property
    def well_again_s(self) -> float:
        """From the heal to the end of the last request that failed; 0: none did afterwards."""
        ends = [each.since_s + each.took_s for each in self.failed()]
        return max(0.0, max(ends, default=0.0) - self.healed_s)


@dataclass
class Spread:
    net: Network
    gateways: dict[str, GatewayProcess]
    engines: dict[str, FakeEngine]
    postgres: Server
    redis: Server
    database_url: str
    secret_dir: Path

    def database(self) -> Database:
        """Through the server's Unix socket: this one is never cut."""
        return Database(self.secret_dir, url=self.database_url)

    async def key(self, scopes: tuple[str, ...] = ("chat",), **limits: Any) -> tuple[str, dict[str, str]]:
        """(id, headers) of a new key that both gateways know."""

        def make() -> tuple[str, str]:
            database = self.database()
            try:
                record, secret = issue_key(database, name="a", scopes=scopes, **limits)
                return record.id, secret
            finally:
                database.close()

        key_id, secret = await asyncio.to_thread(make)
        headers = {"Authorization": f"Bearer {secret}"}
        for gateway in GATEWAYS:
            await self.answers(gateway, headers, 200)
        return key_id, headers

    async def ask(
        self, gateway: str, method: str, target: str, headers: dict[str, str], json: Any = None
    ) -> Response:
        """One request from the client's host. Raises: OSError, TimeoutError."""
        to = self.net[gateway]
        async with self.net["client"].wire(to, self.gateways[gateway].port) as wire:
            return await wire.ask(method, target, headers, json=json)

    async def answers(
        self, gateway: str, headers: dict[str, str], status: int, timeout_s: float = 60
    ) -> None:
        """Wait until a gateway answers this key so."""

        async def does() -> bool:
            with contextlib.suppress(OSError):
                return (await self.ask(gateway, "GET", "/v1/models", headers)).status == status
            return False

        await eventually(does, timeout_s=timeout_s)

    async def ready(self, timeout_s: float = 60) -> None:
        """Wait until both gateways reach both engines."""
        for gateway in GATEWAYS:

            async def is_ready(at: str = gateway) -> bool:
                with contextlib.suppress(OSError):
                    health = (await self.ask(at, "GET", "/health", {})).json()
                    told = health["components"]["backends"]
                    return [each["engine"]["state"] for each in told] == ["ready"] * len(ENGINES)
                return False

            await eventually(is_ready, timeout_s=timeout_s)


@contextlib.asynccontextmanager
async def spread(root: Path, settings: str = "") -> AsyncIterator[Spread]:
    """Everything started. Skips where hosts cannot be made, or there is no PostgreSQL or Redis.

    settings: TOML, further ones of both gateways.
    """
    async with contextlib.AsyncExitStack() as stack:
        net = stack.enter_context(network("client", *GATEWAYS, "data", *ENGINES))
        database_server, database_url = stack.enter_context(postgres(net["data"]))
        limits_server, _ = stack.enter_context(redis(net["data"]))
        await asyncio.to_thread(database_server.start)
        await asyncio.to_thread(limits_server.start)
        engines = {}
        for name in ENGINES:
            engines[name] = engine = FakeEngine(api_key=ENGINE_KEY)
            await engine.start_on(net[name].listen())
            stack.push_async_callback(engine.stop)
        urls = [f"http://{net[name].address}:{engines[name].port}" for name in ENGINES]
        key_file = root / "engine-key"
        key_file.write_text(ENGINE_KEY)
        key_file.chmod(0o600)
        secret_dir = root / "a" / "state"
        await asyncio.to_thread(_first_key, secret_dir, database_url)
        data = net["data"].address
        gateways = {}
        for name in GATEWAYS:
            (root / name / "state").mkdir(parents=True, exist_ok=True)
            if name != "a":
                shutil.copy2(secret_dir / "secret", root / name / "state" / "secret")
            config = root / f"{name}.toml"
            config.write_text(
                "[gateway.access]\n"
                f'database_url = "postgresql://huiyan:none@{data}:{POSTGRES_PORT}/postgres"\n'
                f'limits_url = "redis://{data}:{REDIS_PORT}/0"\n{settings}'
            )
            config.chmod(0o600)
            gateways[name] = GatewayProcess(root / name, config, urls, key_file, host=net[name])
            stack.push_async_callback(gateways[name].kill)
        async with asyncio.TaskGroup() as group:
            for gateway in gateways.values():
                group.create_task(gateway.start())
        on = Spread(net, gateways, engines, database_server, limits_server, database_url, secret_dir)
        await on.ready()
        yield on


def _first_key(directory: Path, url: str) -> None:
    directory.mkdir(parents=True)
    database = Database(directory, url=url)
    issue_key(database, name="first", scopes=["admin"])
    database.close()


class _Streams:
    """Streams of one key that are open now, and the most there ever were."""

    def __init__(self, on: Spread, headers: dict[str, str]) -> None:
        self._on = on
        self._headers = headers
        self._now = 0
        self.peak = 0
        self.gap_s = 0.0

    async def one(self, gateway: str, begun: asyncio.Event | None = None, *, max_tokens: int = 4_000) -> bool:
        """Read one to its end; whether it was whole."""
        net, port = self._on.net, self._on.gateways[gateway].port
        body = chat_request(f"数到一百。{time.monotonic()}", stream=True, max_tokens=max_tokens)
        try:
            async with asyncio.timeout(_NEVER_S), net["client"].wire(net[gateway], port) as wire:
                await wire.send(wire.request_bytes("POST", CHAT, self._headers, json=body))
                response = await wire.head()
                if response.status != 200:
                    return False
                self._now += 1
                self.peak = max(self.peak, self._now)
                if begun is not None:
                    begun.set()
                try:
                    gap_s = 0.0
                    while not (response.ended or wire.closed):
                        size, before_s = len(response.body), time.monotonic()
                        with contextlib.suppress(AssertionError, ConnectionResetError):
                            await wire.body_of(size + 1)
                        gap_s = max(gap_s, time.monotonic() - before_s)
                    whole = response.ended and b"data: [DONE]" in response.body
                    if whole and begun is not None:
                        self.gap_s = max(self.gap_s, gap_s)
                    return whole
                finally:
                    self._now -= 1
        except (OSError, TimeoutError):
            return False


async def toll_of(
    on: Spread,
    cut: Callable[[], None],
    *,
    away_s: float,
    after_s: float,
    streams_s: float,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> Toll:
    """Cut something in the middle of STREAMS streams of one key, half at each gateway, heal it, count.

    away_s: how long it stays cut, or until `meanwhile` is done. after_s: how long new requests go on
    once they are answered again. streams_s: how long a stream lasts. Their key asks for more than its limit
    all the time.
    """
    _, limited = await on.key(streams=STREAMS)
    counted_id, counted = await on.key(requests_per_min=100_000)
    free_id, free = await on.key()
    toll = Toll((free_id, counted_id))
    for engine in on.engines.values():
        engine.default_reply = _long(streams_s)
    streams = _Streams(on, limited)
    begun = [asyncio.Event() for _ in range(STREAMS)]
    homes = [GATEWAYS[number % len(GATEWAYS)] for number in range(STREAMS)]
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        under_way = [
            group.create_task(streams.one(home, each)) for home, each in zip(homes, begun, strict=True)
        ]
        async with asyncio.timeout(60):
            await asyncio.gather(*(each.wait() for each in begun))
        await asyncio.to_thread(cut)
        cut_s = time.monotonic()
        for gateway in GATEWAYS:
            for headers in (free, counted):
                group.create_task(_newcomers(on, gateway, headers, headers is counted, over, cut_s, toll))
            group.create_task(_greedy(streams, gateway, over))
        try:
            await asyncio.gather(asyncio.sleep(away_s), *([meanwhile()] if meanwhile is not None else []))
        except BaseException:
            over.set()
            raise
        await asyncio.to_thread(on.net.heal)
        toll.healed_s = time.monotonic() - cut_s
        # Whoever asks sees by the toll that they are not.
        with contextlib.suppress(TimeoutError):
            await eventually(toll.becomes_well, timeout_s=_WELL_AGAIN_S)
        await asyncio.sleep(after_s)
        over.set()
    toll.broken.update(home for home, task in zip(homes, under_way, strict=True) if not task.result())
    toll.peak, toll.gap_s = streams.peak, streams.gap_s
    return toll


def _long(lasts_s: float) -> Reply:
    """Short where few tokens are asked for."""
    delay_s = 0.05
    return Reply(text="。" * int(lasts_s / delay_s), chunk_chars=1, delay_s=delay_s)


async def _newcomers(
    on: Spread,
    gateway: str,
    headers: dict[str, str],
    limited: bool,
    over: asyncio.Event,
    cut_s: float,
    toll: Toll,
) -> None:
    """A new one each time, whether or not those before were answered."""
    async with asyncio.TaskGroup() as group:
        while not over.is_set():
            group.create_task(_newcomer(on, gateway, headers, limited, cut_s, toll))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), _NEWCOMER_EVERY_S)


async def _newcomer(
    on: Spread, gateway: str, headers: dict[str, str], limited: bool, cut_s: float, toll: Toll
) -> None:
    began_s = time.monotonic()
    response = Response()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_NEVER_S):
            net, port = on.net, on.gateways[gateway].port
            async with net["client"].wire(net[gateway], port) as wire:
                # Each a conversation of its own, so that every engine is some newcomer's.
                body = chat_request(f"你好 {began_s}", max_tokens=_SHORT_TOKENS)
                await wire.send(wire.request_bytes("POST", CHAT, headers, json=body))
                response = await wire.response()
    code = ""
    if response.status >= 400:
        with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError):
            code = str(response.json()["error"]["code"])
    toll.asked.append(
        Asked(
            gateway,
            limited,
            began_s - cut_s,
            time.monotonic() - began_s,
            response.status if response.ended else 0,
            code,
            response.header("retry-after"),
        )
    )


async def _greedy(streams: _Streams, gateway: str, over: asyncio.Event) -> None:
    """Ask for more streams than the key may have, all the time, and keep what is given."""
    async with asyncio.TaskGroup() as group:
        while not over.is_set():
            group.create_task(streams.one(gateway, max_tokens=_GREEDY_TOKENS))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), _GREEDY_EVERY_S)
