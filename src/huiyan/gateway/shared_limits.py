"""The same limits in Redis or Valkey, for several gateways.

Where the server does not answer, keys with limits are refused: a gateway that counted for itself would let
through as many times the limit as there are gateways. They are refused at once: one thread asks whether it is
back, and nobody waits for it. What ended meanwhile is told to it when it is back. A server that came back
empty is told by its epoch, a random mark; until what it forgot is a minute old, gateways that knew the old
one refuse. A gateway that died holds its places for a minute at most, as it does not renew them.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from huiyan.errors import LimitsUnavailableError
from huiyan.gateway.access.principal import KeyLimits
from huiyan.gateway.limits import Lease, Refused, judge, overtaken
from huiyan.gateway.limits_store import LimitsStore
from huiyan.gateway.redis_link import TIMEOUT_S
from huiyan.gateway.windows import MINUTE_S
from huiyan.log import get_logger

_log = get_logger(__name__)

Answer = Lease | Refused
#: (key's id, random): one running request.
_Token = tuple[str, str]

_THREADS = 4
_RENEW_S = 20.0
#: How often a server that is away is asked whether it is back, and when a client should ask again.
_ASK_AGAIN_S = 1.0
_AWAY_RETRY_S = 5.0
_WARN_EVERY_S = 60.0


class SharedLimits:
    """url: as for LimitsStore. forgotten_s: how long a server that lost its counts is not believed."""

    def __init__(self, url: str, *, forgotten_s: float = MINUTE_S) -> None:
        self._store = LimitsStore(url)
        self._errors = self._store.errors
        self._epoch: bytes | None = None
        self._forgotten_s = forgotten_s
        #: By the monotonic clock: until then the server has not seen a whole minute.
        self._closed_until_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="limits")
        self._running: set[_Token] = set()
        #: Over, or never begun for certain, without the server knowing: tokens that it has to hear of.
        self._owed: dict[_Token, int] = {}
        self._lock = threading.Lock()
        self._warned_s = 0.0
        #: The server did not answer when it was asked last.
        self._away = threading.Event()
        self._wake = threading.Event()
        self._closed = False
        self._keeper = threading.Thread(target=self._keep, name="limits-renewal", daemon=True)
        self._keeper.start()

    def begin(self, key_id: str, limits: KeyLimits, body_bytes: int, done: Callable[[Answer], None]) -> None:
        """As Limiter.begin; `done` is called on the loop."""
        if self._away.is_set():
            done(_unavailable(_AWAY_RETRY_S))
            return

        def work() -> None:
            answer = self._answer(key_id, limits, body_bytes)
            # The loop may be gone, with the process.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(done, answer)

        self._threads.submit(work)

    def finish(self, limits: KeyLimits, token: _Token, tokens: int) -> None:
        """Never blocks."""
        tokens = tokens if limits.tokens_per_min is not None else 0
        if self._away.is_set():
            self._owe(token, tokens)
            return
        with contextlib.suppress(RuntimeError):  # closed
            self._threads.submit(self._finish, token, tokens)

    def close(self) -> None:
        """What was begun is finished in the store. Blocks."""
        self._closed = True
        self._wake.set()
        self._threads.shutdown(wait=True)
        self._keeper.join(timeout=2 * TIMEOUT_S)
        with self._lock:
            for token in self._running:
                self._owed.setdefault(token, 0)
        with contextlib.suppress(*self._errors):
            self._settle()
        self._store.close()

    # In threads.

    def _answer(self, key_id: str, limits: KeyLimits, body_bytes: int) -> Answer:
        if self._away.is_set():
            # Found out while this one waited for a thread.
            return _unavailable(_AWAY_RETRY_S)
        token = (key_id, secrets.token_hex(8))
        try:
            return self._begin_whole(token, limits, body_bytes)
        except self._errors as error:
            # It may have a place, or not: nobody has heard.
            self._owe(token, 0)
            self._failed(error)
            return _unavailable(_AWAY_RETRY_S)

    def _incomplete_s(self) -> float:
        """How long the server's counts miss something that this gateway knows of; 0: they are whole."""
        epoch = self._store.epoch()
        if self._epoch is not None and epoch != self._epoch:
            _log.warning("The store of shared limits has lost its counts; keys with limits wait.")
            self._closed_until_s = time.monotonic() + self._forgotten_s
            self._epoch = epoch
            self._renew_all()
        self._epoch = epoch
        return self._closed_until_s - time.monotonic()

    def _begin_whole(self, token: _Token, limits: KeyLimits, body_bytes: int) -> Answer:
        left_s = self._closed_until_s - time.monotonic()
        if left_s > 0:
            return _unavailable(left_s)
        answer = self._begin(token, limits, body_bytes)
        # Afterwards: a server that restarts between two questions must not be asked the first one empty.
        left_s = self._incomplete_s()
        if left_s <= 0 or isinstance(answer, Refused):
            return answer
        answer.finish()
        return _unavailable(left_s)

    def _begin(self, token: _Token, limits: KeyLimits, body_bytes: int) -> Answer:
        store, key_id, now = self._store, token[0], time.time()
        streams, joined = 0, True
        if limits.streams is not None:
            streams, joined = store.join(key_id, limits.streams, token[1])
            if joined:
                with self._lock:
                    self._running.add(token)
        reading = store.read(key_id, limits, streams)
        refusal = judge(limits, reading, body_bytes, now)
        if refusal is None and not store.charge_request(key_id, limits):
            refusal = overtaken(limits, store.read(key_id, limits, streams))
        if refusal is None and limits.bytes_per_day is not None:
            used, spent = store.spend_bytes(key_id, limits.bytes_per_day, body_bytes, now)
            if not spent:
                reading = store.read(key_id, limits, streams, bytes_today=used)
                refusal = judge(limits, reading, body_bytes, now)
        if refusal is not None:
            if joined:
                self._leave(token)
            return refusal
        return Lease(limits, reading=store.read(key_id, limits, streams + 1), shared=self, token=token)

    def _finish(self, token: _Token, tokens: int) -> None:
        try:
            if tokens:
                self._store.charge_tokens(token[0], tokens)
                tokens = 0
            self._leave(token)
        except self._errors as error:
            self._owe(token, tokens)
            self._failed(error)

    def _leave(self, token: _Token) -> None:
        with self._lock:
            held = token in self._running
            self._running.discard(token)
        if held:
            self._store.leave(*token)

    def _owe(self, token: _Token, tokens: int) -> None:
        with self._lock:
            self._running.discard(token)
            self._owed[token] = tokens

    def _settle(self) -> None:
        """Tell the server what it has not heard."""
        while True:
            with self._lock:
                if not self._owed:
                    return
                token, tokens = self._owed.popitem()
            try:
                if tokens:
                    self._store.charge_tokens(token[0], tokens)
                    tokens = 0
                self._store.leave(*token)
            except BaseException:
                self._owe(token, tokens)
                raise

    def _keep(self) -> None:
        """Renew the places that are held; while the server is away, ask whether it is back."""
        renewed_s = time.monotonic()
        while True:
            self._wake.wait(_ASK_AGAIN_S if self._away.is_set() else _RENEW_S)
            self._wake.clear()
            if self._closed:
                return
            try:
                # Renews by itself where the server has another epoch.
                self._incomplete_s()
                if self._away.is_set() or time.monotonic() - renewed_s >= _RENEW_S:
                    self._renew_all()
                    renewed_s = time.monotonic()
                self._settle()
                self._away.clear()
            except self._errors as error:
                self._failed(error, awake=True)

    def _renew_all(self) -> None:
        with self._lock:
            running = list(self._running)
        by_key: dict[str, list[str]] = {}
        for key_id, lease in running:
            by_key.setdefault(key_id, []).append(lease)
        for key_id, leases in by_key.items():
            self._store.renew(key_id, leases)
        with self._lock:
            ended = [token for token in running if token not in self._running]
        for token in ended:
            # Over while it was being renewed: it would hold its place for a minute.
            self._store.leave(*token)

    def _failed(self, error: Exception, *, awake: bool = False) -> None:
        """awake: the keeper's own; anybody else's wakes it."""
        if self._store.is_away(error) and not self._away.is_set():
            self._away.set()
            if not awake:
                self._wake.set()
        now = time.monotonic()
        if now - self._warned_s > _WARN_EVERY_S:
            self._warned_s = now
            # Not the error's own words: they may quote the address with its password.
            _log.warning(
                "The store of shared limits does not answer; keys with limits are refused until it does.",
                extra={"kind": type(error.__cause__ or error).__name__},
            )


def _unavailable(retry_after_s: float) -> Refused:
    return Refused(
        LimitsUnavailableError(
            "The limits of this key cannot be counted at the moment.",
            retry_after_s=max(1.0, retry_after_s),
            hint="Send it again as Retry-After says; an administrator finds the reason in the log.",
        ),
        [],
    )
