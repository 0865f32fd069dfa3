"""The same limits in Redis or Valkey, for several gateways.

Windows are kept by the `limits` library (its sliding window scripts); requests that run are members of a
sorted set which expire unless their gateway renews them, so that a gateway that died holds nothing for
longer than a minute. Where the server does not answer, keys with limits are refused: a gateway that counted
for itself would let through as many times the limit as there are gateways. A server that came back empty is
told by its epoch, a random mark; until what it forgot is a minute old, gateways that knew the old one refuse.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from limits.errors import StorageError
from limits.storage import storage_from_string

from huiyan.errors import LimitsUnavailableError
from huiyan.gateway.access.principal import KeyLimits
from huiyan.gateway.limits import Lease, Refused, judge, overtaken
from huiyan.gateway.windows import DAY_S, MINUTE_S, Reading
from huiyan.log import get_logger

_log = get_logger(__name__)

Answer = Lease | Refused

_PREFIX = "huiyan"
_THREADS = 4
_TIMEOUT_S = 2.0
_LEASE_S = 60
_RENEW_S = 20.0
_WARN_EVERY_S = 60.0
#: When to try again while the server is away.
_AWAY_RETRY_S = 5.0
#: An addition that no limit refuses.
_ANY = 2**52

#: KEYS: the set. ARGV: limit, this lease, seconds it lives.
#: Returns how many ran before, and whether it joined.
_JOIN = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local running = redis.call('ZCARD', KEYS[1])
if running >= tonumber(ARGV[1]) then return {running, 0} end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[2])
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[3]) * 2)
return {running, 1}
"""
#: KEYS: the counter. ARGV: limit, amount, seconds it lives.
#: Returns the count before, and whether it was added.
_SPEND = """
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
if used + tonumber(ARGV[2]) > tonumber(ARGV[1]) then return {used, 0} end
redis.call('INCRBY', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[3]))
return {used, 1}
"""
#: KEYS: the set. ARGV: seconds, leases…. Adds again what a server that was away has forgotten.
_RENEW = """
local until_s = tonumber(redis.call('TIME')[1]) + tonumber(ARGV[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], until_s, ARGV[i]) end
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[1]) * 2)
return 1
"""
#: KEYS: the epoch. ARGV: a new one for a server that has none. Returns the one in force.
_EPOCH = """
if not redis.call('GET', KEYS[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return redis.call('GET', KEYS[1])
"""


class SharedLimits:
    """url: redis://, rediss://, redis+unix://, and the same with valkey.

    forgotten_s: how long a server that lost its counts is not believed.
    """

    def __init__(self, url: str, *, forgotten_s: float = MINUTE_S) -> None:
        # Valkey speaks Redis' protocol; one client is enough for both.
        if url.startswith("valkey"):
            url = "redis" + url.removeprefix("valkey")
        # Any: the library types neither its client nor what its scripts answer.
        storage: Any = storage_from_string(
            url,
            wrap_exceptions=True,
            key_prefix=_PREFIX,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
        )
        client = storage.storage
        self._storage = storage
        self._client = client
        self._errors: tuple[type[Exception], ...] = (StorageError, storage.base_exceptions)
        self._join = client.register_script(_JOIN)
        self._spend = client.register_script(_SPEND)
        self._renew = client.register_script(_RENEW)
        self._epoch_script = client.register_script(_EPOCH)
        self._epoch: bytes | None = None
        self._forgotten_s = forgotten_s
        #: By the monotonic clock: until then the server has not seen a whole minute.
        self._closed_until_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="limits")
        self._running: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._warned_s = 0.0
        self._closed = threading.Event()
        self._renewer = threading.Thread(target=self._keep_renewing, name="limits-renewal", daemon=True)
        self._renewer.start()

    def begin(self, key_id: str, limits: KeyLimits, body_bytes: int, done: Callable[[Answer], None]) -> None:
        """As Limiter.begin; `done` is called on the loop."""

        def work() -> None:
            try:
                answer = self._begin_whole(key_id, limits, body_bytes)
            except self._errors as error:
                self._warn(error)
                answer = _unavailable(_AWAY_RETRY_S)
            # The loop may be gone, with the process.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(done, answer)

        self._threads.submit(work)

    def finish(self, limits: KeyLimits, token: tuple[str, str], tokens: int) -> None:
        """Never blocks."""
        with contextlib.suppress(RuntimeError):  # closed
            self._threads.submit(self._finish, limits, token, tokens)

    def close(self) -> None:
        """What was begun is finished in the store. Blocks."""
        self._closed.set()
        self._threads.shutdown(wait=True)
        with self._lock:
            left = list(self._running)
        with contextlib.suppress(*self._errors):
            for token in left:
                self._leave(token)
        self._renewer.join(timeout=_TIMEOUT_S)
        self._client.close()

    # In threads.

    def _incomplete_s(self) -> float:
        """How long the server's counts miss something that this gateway knows of; 0: they are whole."""
        epoch = self._epoch_script(keys=[_name("epoch")], args=[secrets.token_hex(8)])
        if self._epoch is not None and epoch != self._epoch:
            _log.warning("The store of shared limits has lost its counts; keys with limits wait.")
            self._closed_until_s = time.monotonic() + self._forgotten_s
            self._epoch = epoch
            self._renew_all()
        self._epoch = epoch
        return self._closed_until_s - time.monotonic()

    def _begin_whole(self, key_id: str, limits: KeyLimits, body_bytes: int) -> Answer:
        left_s = self._closed_until_s - time.monotonic()
        if left_s > 0:
            return _unavailable(left_s)
        answer = self._begin(key_id, limits, body_bytes)
        # Afterwards: a server that restarts between two questions must not be asked the first one empty.
        left_s = self._incomplete_s()
        if left_s <= 0 or isinstance(answer, Refused):
            return answer
        answer.finish()
        return _unavailable(left_s)

    def _begin(self, key_id: str, limits: KeyLimits, body_bytes: int) -> Answer:
        now = time.time()
        token = (key_id, secrets.token_hex(8))
        streams, joined = 0, True
        if limits.streams is not None:
            streams, joined = self._ask(self._join, _streams(key_id), limits.streams, token[1], _LEASE_S)
            if joined:
                with self._lock:
                    self._running.add(token)
        reading = self._read(key_id, limits, streams)
        refusal = judge(limits, reading, body_bytes, now)
        if refusal is None and not self._hit(key_id, limits):
            refusal = overtaken(limits, self._read(key_id, limits, streams))
        if refusal is None and limits.bytes_per_day is not None:
            day = _bytes(key_id, now)
            used, spent = self._ask(self._spend, day, limits.bytes_per_day, body_bytes, int(DAY_S) + 60)
            if not spent:
                reading = self._read(key_id, limits, streams, bytes_today=used)
                refusal = judge(limits, reading, body_bytes, now)
        if refusal is not None:
            if joined:
                self._leave(token)
            return refusal
        return Lease(limits, reading=self._read(key_id, limits, streams + 1), shared=self, token=token)

    def _hit(self, key_id: str, limits: KeyLimits) -> bool:
        """Charge one request, if there is room for it at this very moment."""
        if limits.requests_per_min is None:
            return True
        allowed = self._storage.acquire_sliding_window_entry(
            _requests(key_id), limits.requests_per_min, int(MINUTE_S), 1
        )
        return bool(allowed)

    def _read(self, key_id: str, limits: KeyLimits, streams: int, bytes_today: int = 0) -> Reading:
        empty = (0, 0, 0.0)
        return Reading(
            streams,
            bytes_today,
            self._window(_requests(key_id)) if limits.requests_per_min is not None else empty,
            self._window(_tokens(key_id)) if limits.tokens_per_min is not None else empty,
        )

    def _window(self, key: str) -> tuple[int, int, float]:
        previous, previous_ttl_s, current, current_ttl_s = self._storage.get_sliding_window(
            key, int(MINUTE_S)
        )
        # A window lives for twice its length: the second half as the one before.
        left_s = previous_ttl_s if previous else max(0.0, current_ttl_s - MINUTE_S)
        return int(previous), int(current), min(MINUTE_S, float(left_s))

    def _finish(self, limits: KeyLimits, token: tuple[str, str], tokens: int) -> None:
        try:
            if tokens and limits.tokens_per_min is not None:
                self._storage.acquire_sliding_window_entry(_tokens(token[0]), _ANY, int(MINUTE_S), tokens)
            if limits.streams is not None:
                self._leave(token)
        except self._errors as error:
            self._warn(error)

    def _leave(self, token: tuple[str, str]) -> None:
        with self._lock:
            self._running.discard(token)
        self._client.zrem(_name(_streams(token[0])), token[1])

    def _ask(self, script: Any, key: str, *arguments: int | str) -> tuple[int, bool]:
        before, agreed = script(keys=[_name(key)], args=list(arguments))
        return int(before), bool(agreed)

    def _keep_renewing(self) -> None:
        while not self._closed.wait(_RENEW_S):
            try:
                # Renews by itself where the server has another epoch.
                self._incomplete_s()
                self._renew_all()
            except self._errors as error:
                self._warn(error)

    def _renew_all(self) -> None:
        with self._lock:
            running = list(self._running)
        by_key: dict[str, list[str]] = {}
        for key_id, lease in running:
            by_key.setdefault(key_id, []).append(lease)
        for key_id, leases in by_key.items():
            self._renew(keys=[_name(_streams(key_id))], args=[_LEASE_S, *leases])
        with self._lock:
            ended = [token for token in running if token not in self._running]
        for token in ended:
            # Over while it was being renewed: it would hold its place for a minute.
            self._leave(token)

    def _warn(self, error: Exception) -> None:
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


def _name(key: str) -> str:
    return f"{_PREFIX}:{key}"


def _requests(key_id: str) -> str:
    return f"requests/{key_id}"


def _tokens(key_id: str) -> str:
    return f"tokens/{key_id}"


def _streams(key_id: str) -> str:
    return f"streams/{key_id}"


def _bytes(key_id: str, now: float) -> str:
    return f"bytes/{key_id}/{int(now // DAY_S)}"
