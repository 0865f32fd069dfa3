"""The counts of shared limits in Redis or Valkey: every question that is asked there.

Windows are kept by the `limits` library (its sliding window scripts); requests that run are members of a
sorted set which expire unless their gateway renews them. Every method blocks, for two seconds at most where
the server is gone without a word: the client's own ten attempts, each with its timeout, would hold a thread
for half a minute.
"""

from __future__ import annotations

import secrets
from typing import Any

from limits.errors import StorageError
from limits.storage import storage_from_string

from huiyan.gateway.access.principal import KeyLimits
from huiyan.gateway.redis_link import client_options, is_unreachable
from huiyan.gateway.windows import DAY_S, MINUTE_S, Reading

LEASE_S = 60

_PREFIX = "huiyan"
#: An addition that no limit refuses.
_ANY = 2**52

#: KEYS: the set. ARGV: limit, this lease, seconds it lives.
#: Returns how many others ran, and whether it joined; a lease that has joined before is in it already.
_JOIN = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local running = redis.call('ZCARD', KEYS[1])
if redis.call('ZSCORE', KEYS[1], ARGV[2]) then return {running - 1, 1} end
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


class LimitsStore:
    """url: redis://, rediss://, redis+unix://, and the same with valkey. Thread-safe.

    Raises: one of `errors` from every method.
    """

    def __init__(self, url: str) -> None:
        # Valkey speaks Redis' protocol; one client is enough for both.
        if url.startswith("valkey"):
            url = "redis" + url.removeprefix("valkey")
        # Any: the library types neither its client nor what its scripts answer.
        options: Any = client_options(url)
        storage: Any = storage_from_string(url, wrap_exceptions=True, key_prefix=_PREFIX, **options)
        client = storage.storage
        self._storage = storage
        self._client = client
        self.errors: tuple[type[Exception], ...] = (StorageError, storage.base_exceptions)
        self._join = client.register_script(_JOIN)
        self._spend = client.register_script(_SPEND)
        self._renew = client.register_script(_RENEW)
        self._epoch = client.register_script(_EPOCH)

    @staticmethod
    def is_away(error: Exception) -> bool:
        """Whether it says that the server cannot be reached, not that it refused something."""
        return is_unreachable(error.__cause__ or error)

    def close(self) -> None:
        self._client.close()

    def epoch(self) -> bytes:
        """The random mark of everything that this server has counted."""
        mark: bytes = self._epoch(keys=[_name("epoch")], args=[secrets.token_hex(8)])
        return mark

    def join(self, key_id: str, limit: int, lease: str) -> tuple[int, bool]:
        """(how many ran before, whether there was room for one more)."""
        return self._ask(self._join, _streams(key_id), limit, lease, LEASE_S)

    def renew(self, key_id: str, leases: list[str]) -> None:
        self._renew(keys=[_name(_streams(key_id))], args=[LEASE_S, *leases])

    def leave(self, key_id: str, lease: str) -> None:
        self._client.zrem(_name(_streams(key_id)), lease)

    def spend_bytes(self, key_id: str, limit: int, size: int, now: float) -> tuple[int, bool]:
        """(bytes before, whether these were added), of the day of `now`."""
        day = f"bytes/{key_id}/{int(now // DAY_S)}"
        return self._ask(self._spend, day, limit, size, int(DAY_S) + 60)

    def charge_request(self, key_id: str, limits: KeyLimits) -> bool:
        """Charge one request, if there is room for it at this very moment."""
        if limits.requests_per_min is None:
            return True
        allowed = self._storage.acquire_sliding_window_entry(
            f"requests/{key_id}", limits.requests_per_min, int(MINUTE_S), 1
        )
        return bool(allowed)

    def charge_tokens(self, key_id: str, tokens: int) -> None:
        self._storage.acquire_sliding_window_entry(f"tokens/{key_id}", _ANY, int(MINUTE_S), tokens)

    def read(self, key_id: str, limits: KeyLimits, streams: int, bytes_today: int = 0) -> Reading:
        empty = (0, 0, 0.0)
        return Reading(
            streams,
            bytes_today,
            self._window(f"requests/{key_id}") if limits.requests_per_min is not None else empty,
            self._window(f"tokens/{key_id}") if limits.tokens_per_min is not None else empty,
        )

    def _window(self, key: str) -> tuple[int, int, float]:
        previous, previous_ttl_s, current, current_ttl_s = self._storage.get_sliding_window(
            key, int(MINUTE_S)
        )
        # A window lives for twice its length: the second half as the one before.
        left_s = previous_ttl_s if previous else max(0.0, current_ttl_s - MINUTE_S)
        return int(previous), int(current), min(MINUTE_S, float(left_s))

    def _ask(self, script: Any, key: str, *arguments: int | str) -> tuple[int, bool]:
        before, agreed = script(keys=[_name(key)], args=list(arguments))
        return int(before), bool(agreed)


def _name(key: str) -> str:
    return f"{_PREFIX}:{key}"


def _streams(key_id: str) -> str:
    return f"streams/{key_id}"
