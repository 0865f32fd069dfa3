"""Which of several engines answers a request.

`routing` is the rule; here stands who takes part in it: engines that are ready, are not being drained,
and do not fail again and again. One engine alone costs nothing: it is returned.

Source: Envoy's outlier detection for ejection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from hashlib import blake2b

from huiyan.engines.status import EngineState, EngineStatus, ModelCard
from huiyan.engines.upstream import Pool
from huiyan.errors import EngineDiedError, EngineStartingError
from huiyan.gateway.kv_ledger import KvLedger
from huiyan.gateway.routing import at_home, least_loaded
from huiyan.gateway.schema import BackendStatus
from huiyan.log import get_logger

_log = get_logger(__name__)

_MAX_DOUBLINGS = 5
#: When to ask again where no engine was reached at the last look.
_UNREACHABLE_RETRY_S = 5.0


class Backend:
    """One engine. status, card: kept up to date by the launcher's messages or the prober.

    one_of_several: what it cannot take, another one may.
    """

    __slots__ = (
        "_backends",
        "_ejected_until_s",
        "_ejections",
        "_failures",
        "_when_drained",
        "capacity",
        "card",
        "draining",
        "in_flight",
        "kv",
        "name",
        "one_of_several",
        "pool",
        "seed",
        "slots",
        "status",
        "unread_tokens",
    )

    def __init__(
        self,
        name: str,
        pool: Pool,
        *,
        card: ModelCard,
        status: EngineStatus,
        capacity: float = 1.0,
        slots: int | None = None,
    ) -> None:
        self.name = name
        self.pool = pool
        self.card = card
        self.status = status
        self.capacity = capacity
        self.slots = slots
        #: The same in all processes, as rendezvous hashing needs it.
        self.seed = int.from_bytes(blake2b(name.encode("utf-8"), digest_size=8).digest(), "big")
        self.kv = KvLedger()
        self.in_flight = 0
        #: Work of prompts that were sent to it and whose first byte has not come (`routing.prompt_work`).
        self.unread_tokens = 0
        self.draining = False
        self.one_of_several = False
        self._backends: Backends | None = None
        self._failures = 0
        self._ejections = 0
        self._ejected_until_s: float | None = None
        self._when_drained: list[Callable[[], None]] = []

    def started(self) -> None:
        self.in_flight += 1

    def ended(self, *, failed: bool) -> None:
        """failed: the engine's fault (died, timed out, answered 5xx or no HTTP); not a client's who left."""
        self.in_flight -= 1
        if failed:
            self._failures += 1
            if self._backends is not None:
                self._backends.failed(self)
        elif self._failures or self._ejections:
            self._failures = self._ejections = 0
            self._ejected_until_s = None
        if self._when_drained and not self.in_flight:
            waiters, self._when_drained = self._when_drained, []
            for done in waiters:
                done()

    def probed(self, status: EngineStatus, card: ModelCard | None = None) -> None:
        """What a look at the engine found. Healthy after an ejection: it is taken back for a trial."""
        was_ready = self.status.state is EngineState.READY
        self.status = status
        if card is not None:
            self.card = card
        if status.state is EngineState.READY and not was_ready:
            self._failures = 0
            self._ejected_until_s = None

    def drain(self, done: Callable[[], None]) -> None:
        """Give it no more requests; `done` when the last one has ended (at once if none runs)."""
        self.draining = True
        if self.in_flight:
            self._when_drained.append(done)
        else:
            done()

    def undrain(self) -> None:
        self.draining = False

    # Used by Backends.

    def eject(self, until_s: float) -> None:
        self._ejections += 1
        self._ejected_until_s = until_s

    def ejected(self, now_s: float) -> bool:
        """After its time an ejected engine gets requests again; one more failure sends it off for longer."""
        if self._ejected_until_s is None:
            return False
        if now_s < self._ejected_until_s:
            return True
        self._ejected_until_s = None
        return False

    def trouble(self) -> tuple[int, int, float | None]:
        """(failures in a row, ejections in a row, ejected until)."""
        return self._failures, self._ejections, self._ejected_until_s

    def belongs_to(self, backends: Backends) -> None:
        self._backends = backends
        self.one_of_several = True


class Backends:
    """backends: at least one. eject_after: failures in a row. eject_s: for how long at first.

    changing: the list is another one from time to time, and may be empty.
    """

    def __init__(
        self,
        backends: Iterable[Backend],
        *,
        eject_after: int = 3,
        eject_s: float = 10.0,
        changing: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._eject_after = eject_after
        self._eject_s = eject_s
        self._changing = changing
        self._clock = clock
        self._turn = 0
        self._all: tuple[Backend, ...] = ()
        self._only: Backend | None = None
        self.replace(backends)

    @property
    def all(self) -> Sequence[Backend]:
        return self._all

    @property
    def needs_affinity(self) -> bool:
        """Whether `choose` looks at the affinity at all: working it out costs a hash."""
        return self._only is None

    def replace(self, backends: Iterable[Backend]) -> None:
        """Another list from now on; requests on an engine that left it go on to their end."""
        self._all = tuple(backends)
        if not self._all and not self._changing:
            raise EngineDiedError("No engine is configured.", hint="Start one with `huiyan start`.")
        self._only = self._all[0] if len(self._all) == 1 and not self._changing else None
        if self._only is None:
            # One alone is never ejected: there is no other, and its status says what a client is told.
            for backend in self._all:
                backend.belongs_to(self)

    def choose(self, affinity: bytes | None = None) -> Backend:
        """The engine for one request; `started` and `ended` tell it what became of it.

        With one engine, that one, ready or not. Raises EngineStartingError where none of several can take it.
        """
        if self._only is not None:
            return self._only
        ready = self._ready()
        if not ready:
            raise self._nothing_ready()
        now_s = self._clock()
        usable = [b for b in ready if not b.ejected(now_s)]
        if not usable:
            # All of them fail: better to try the one that has been out for longest than to refuse everything.
            return min(ready, key=lambda b: b.trouble()[2] or 0.0)
        return self._of(usable, affinity)

    def another(self, affinity: bytes | None, tried: Collection[Backend]) -> Backend | None:
        """The engine for a request that these could not take, or None where there is no other."""
        now_s = self._clock()
        usable = [b for b in self._ready() if b not in tried and not b.ejected(now_s)]
        return self._of(usable, affinity) if usable else None

    def _ready(self) -> list[Backend]:
        return [b for b in self._all if b.status.state is EngineState.READY and not b.draining]

    def _of(self, usable: Sequence[Backend], affinity: bytes | None) -> Backend:
        if len(usable) == 1:
            return usable[0]
        if affinity is None:
            self._turn += 1
            return least_loaded(usable, self._turn)
        return at_home(usable, affinity)

    def get(self, name: str) -> Backend | None:
        return next((b for b in self._all if b.name == name), None)

    def failed(self, backend: Backend) -> None:
        """What `Backend.ended` reports."""
        failures, ejections, until_s = backend.trouble()
        # On trial after an ejection, one failure is enough.
        if until_s is not None or (failures < self._eject_after and not ejections):
            return
        for_s = self._eject_s * 2 ** min(ejections, _MAX_DOUBLINGS)
        backend.eject(self._clock() + for_s)
        _log.warning(
            "engine %s failed %d times and gets no requests for %.0f s", backend.name, failures, for_s
        )

    def status(self) -> list[BackendStatus]:
        now_s = self._clock()
        told = []
        for backend in self._all:
            until_s = backend.trouble()[2]
            told.append(
                BackendStatus(
                    name=backend.name,
                    engine=backend.status,
                    in_flight=backend.in_flight,
                    draining=backend.draining,
                    ejected_s=None if until_s is None else max(0.0, until_s - now_s),
                )
            )
        return told

    def _nothing_ready(self) -> EngineStartingError:
        """A refusal with Retry-After: engines come, and networks heal."""
        states = {backend.status.state for backend in self._all}
        coming = {EngineState.STARTING, EngineState.LOADING, EngineState.WARMING, EngineState.RESTARTING}
        if not states or states & coming or any(backend.draining for backend in self._all):
            return EngineStartingError("No engine is ready yet.")
        return EngineStartingError(
            "None of the engines can be reached.",
            retry_after_s=_UNREACHABLE_RETRY_S,
            hint="Send it again as Retry-After says. `huiyan status` names the engines: start the one that "
            "is down, or take it out of the settings.",
        )


def affinity(first_picture: bytes | None, beginning: Iterable[str | bytes] = ()) -> bytes:
    """What makes requests of one conversation alike.

    first_picture: digest of its first picture, where it has one. beginning: the texts up to and with
    the first user message, which later turns repeat.
    """
    if first_picture is not None:
        return first_picture
    digest = blake2b(digest_size=16)
    for text in beginning:
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.digest()
