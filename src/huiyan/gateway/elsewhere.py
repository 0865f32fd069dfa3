"""Engines that somebody else runs: named in the settings once for all, or listed anew by a URL.

The list's source may be down for hours: what it said last goes on, and the looks at each engine (`prober`)
say which of them are there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from huiyan.engines.replicas import MAX_LIST_BYTES, Replica, ReplicaList, read_list
from huiyan.engines.status import EngineEndpoint, EngineState, EngineStatus, ModelCard
from huiyan.engines.upstream import Pool
from huiyan.errors import EngineError, EngineProtocolError
from huiyan.gateway.backends import Backend, Backends
from huiyan.gateway.prober import Prober
from huiyan.gateway.traffic_options import DEFAULT_SLOTS, TrafficOptions
from huiyan.log import get_logger

_log = get_logger(__name__)

#: The source is asked to answer after so long even if nothing has changed.
_WAIT_S: Final = 20.0
_MAX_DELAY_S: Final = 30.0


class Owner(Protocol):
    """What is needed of the gateway."""

    model: ModelCard

    def pool_to(self, endpoint: EngineEndpoint) -> Pool: ...

    def attach(self, backend: Backend) -> None:
        """It takes requests from now on."""

    def let_go(self, backend: Backend) -> None:
        """It has no request any more."""

    def backend_changed(self, backend: Backend | None) -> None:
        """One of them is in another state, or (None) they are others."""


class Elsewhere:
    """Made in a running loop; `run` until it is cancelled."""

    def __init__(self, owner: Owner, traffic: TrafficOptions) -> None:
        """Raises: SettingsError for a secret's file that cannot be read."""
        self._owner = owner
        self._traffic = traffic
        self._source: Pool | None = None
        self._path = ""
        self._listed: dict[str, Replica] = {}
        self._revision = ""
        self.backends = Backends(
            [self._backend(each.name, each.endpoint(), each.capacity) for each in traffic.backends],
            eject_after=traffic.eject_after,
            eject_s=traffic.eject_s,
            changing=traffic.replicas_url is not None,
        )
        self.prober = Prober(
            lambda: list(self.backends.all),
            interval_s=traffic.probe_interval_s,
            changed=owner.backend_changed,
        )
        if traffic.replicas_url is not None:
            endpoint, self._path = traffic.replicas_endpoint()
            self._source = owner.pool_to(endpoint)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.prober.run())
            if self._source is not None:
                tasks.create_task(self._follow(self._source))

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
        for backend in self.backends.all:
            self._owner.let_go(backend)

    @property
    def slots(self) -> int | None:
        """Answers that all of them write at the same time; None where there is no engine."""
        return sum(each.slots or DEFAULT_SLOTS for each in self.backends.all) or None

    async def _follow(self, source: Pool) -> None:
        delay_s = self._traffic.replicas_interval_s
        failures = 0
        while True:
            try:
                found = await self._ask(source)
            except (EngineError, ValueError) as error:
                failures += 1
                delay_s = min(self._traffic.replicas_interval_s * 2 ** min(failures, 10), _MAX_DELAY_S)
                if failures == 1:
                    _log.warning("the list of engines cannot be had; the last one goes on: %s", error)
            else:
                if failures:
                    _log.info("the list of engines can be had again")
                failures = 0
                self.apply(found)
                # A source that waits for a change itself is asked again at once.
                delay_s = 0.05 if found.revision else self._traffic.replicas_interval_s
            await asyncio.sleep(delay_s)

    async def _ask(self, source: Pool) -> ReplicaList:
        """Raises: EngineError and its kinds, ValueError."""
        path = self._path
        if self._revision:
            path += f"{'&' if '?' in path else '?'}after={self._revision}&wait_s={_WAIT_S:.0f}"
        status, body = await source.fetch("GET", path, timeout_s=_WAIT_S + 10.0, max_bytes=MAX_LIST_BYTES)
        if status != 200:
            raise EngineProtocolError(f"The list of engines was refused with status {status}.")
        return read_list(body)

    def apply(self, found: ReplicaList) -> None:
        """Let newcomers in; those that are not named any more finish what they have."""
        self._revision = found.revision
        listed = {each.name: each for each in found.replicas}
        if listed == self._listed:
            return
        there = {each.name: each for each in self.backends.all}
        kept: list[Backend] = []
        fresh: list[Backend] = []
        for name, replica in listed.items():
            same = self._listed.get(name) == replica
            backend = there.pop(name) if same and name in there else None
            if backend is None:
                backend = self._backend(name, replica.endpoint(), float(replica.slots or 1))
                fresh.append(backend)
            kept.append(backend)
        self._listed = listed
        self.backends.replace(kept)
        for old in there.values():
            _log.info("engine %s is not listed any more", old.name)
            old.drain(_once(self._owner.let_go, old))
        for new in fresh:
            _log.info("engine %s is listed", new.name)
        self._owner.backend_changed(None)
        self.prober.look_now()

    def _backend(self, name: str, endpoint: EngineEndpoint, capacity: float) -> Backend:
        card = self._owner.model
        starting = EngineStatus(state=EngineState.STARTING, engine=endpoint.dialect, model=card.id)
        pool = self._owner.pool_to(endpoint)
        backend = Backend(name, pool, card=card, status=starting, capacity=capacity, slots=endpoint.slots)
        self._owner.attach(backend)
        return backend


def _once(act: Callable[[Backend], None], backend: Backend) -> Callable[[], None]:
    return lambda: act(backend)
