"""Limits of a key: requests and tokens a minute, requests at once, bytes a day.

Counted in this process, or in Redis/Valkey where several machines share them. A request is charged when
it begins; its tokens are known, and charged, when it is over, so that a key which used more than its
tokens waits until enough of them are a minute old.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from huiyan.engines.upstream import Headers
from huiyan.errors import QueueFullError
from huiyan.gateway.access.principal import KeyLimits, Principal
from huiyan.gateway.headers import block
from huiyan.gateway.windows import DAY_S, MINUTE_S, Account, Reading, SlidingWindow

if TYPE_CHECKING:
    from huiyan.gateway.shared_limits import SharedLimits

#: Keys that were not used for so long lose nothing by being forgotten, as their windows are empty.
_SWEEP_EVERY_S = 600.0

NO_LIMITS = KeyLimits()


@dataclass(frozen=True, slots=True)
class Refused:
    """error: 429 (503: nobody can count) with Retry-After. headers: x-ratelimit-* for the same answer."""

    error: QueueFullError
    headers: Headers


class Lease:
    """A request that may run. `finish` has to be called exactly when it is over; again does nothing."""

    __slots__ = ("_account", "_finished", "_limits", "_reading", "_shared", "_token")

    def __init__(
        self,
        limits: KeyLimits,
        *,
        account: Account | None = None,
        reading: Reading | None = None,
        shared: SharedLimits | None = None,
        token: tuple[str, str] | None = None,
    ) -> None:
        self._limits = limits
        self._account = account
        self._reading = reading
        self._shared = shared
        self._token = token
        self._finished = False

    def finish(self, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
        """The request is over, however it ended."""
        if self._finished or (self._account is None and self._shared is None):
            return
        self._finished = True
        tokens = prompt_tokens + completion_tokens
        if self._account is not None:
            self._account.streams -= 1
            if tokens and self._limits.tokens_per_min is not None:
                self._account.add_tokens(tokens)
        elif self._shared is not None and self._token is not None:
            self._shared.finish(self._limits, self._token, tokens)

    def headers(self) -> Headers:
        """x-ratelimit-* as OpenAI has them; the request itself is counted in."""
        reading = self._reading if self._account is None else self._account.read_now()
        return [] if reading is None else headers_of(self._limits, reading)

    def block(self) -> bytes:
        """`headers` as lines."""
        account = self._account
        if account is None:
            return b"" if self._reading is None else block(headers_of(self._limits, self._reading))
        return block_of(self._limits, account)


#: For whoever has no limits: nothing is counted.
FREE = Lease(NO_LIMITS)


class Limiter:
    """url: of Redis or Valkey, None for this process's memory. Call it from the loop's thread only."""

    def __init__(self, url: str | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._accounts: dict[str, Account] = {}
        self._clock = clock
        self._next_sweep_s = clock() + _SWEEP_EVERY_S
        self._shared: SharedLimits | None = None
        if url is not None:
            from huiyan.gateway.shared_limits import SharedLimits

            self._shared = SharedLimits(url)

    def begin(
        self, principal: Principal, *, body_bytes: int, done: Callable[[Lease | Refused], None]
    ) -> None:
        """Charge a request; `done` hears whether it may run, at once unless limits are shared."""
        limits = principal.limits
        if limits is NO_LIMITS or limits == NO_LIMITS:
            done(FREE)
        elif self._shared is not None:
            self._shared.begin(principal.id, limits, body_bytes, done)
        else:
            done(self._begin_here(principal.id, limits, body_bytes))

    def seed_bytes(self, used_today: dict[str, int]) -> None:
        """Bytes that keys have sent today already, from the usage table: a restart forgives nothing.

        Shared limits outlive this process by themselves.
        """
        if self._shared is not None:
            return
        now = self._clock()
        for key_id, size in used_today.items():
            self._account(key_id).count_bytes(size, now)

    def close(self) -> None:
        """Let go of the connections to Redis. Blocks."""
        if self._shared is not None:
            self._shared.close()

    def _begin_here(self, key_id: str, limits: KeyLimits, body_bytes: int) -> Lease | Refused:
        now = self._clock()
        if now > self._next_sweep_s:
            self._sweep(now)
        account = self._accounts.get(key_id) or self._account(key_id)
        if not account.surely_within(limits, body_bytes, now):
            refusal = judge(limits, account.read(now), body_bytes, now)
            if refusal is not None:
                return refusal
        account.begin(body_bytes, now)
        return Lease(limits, account=account)

    def _account(self, key_id: str) -> Account:
        account = self._accounts.get(key_id)
        if account is None:
            account = self._accounts[key_id] = Account(self._clock)
        return account

    def _sweep(self, now: float) -> None:
        self._next_sweep_s = now + _SWEEP_EVERY_S
        for key_id in [key_id for key_id, account in self._accounts.items() if account.idle(now)]:
            del self._accounts[key_id]


def judge(limits: KeyLimits, reading: Reading, body_bytes: int, now: float) -> Refused | None:
    """Whether a request of this size goes over a limit, before anything of it is counted."""
    if limits.streams is not None and reading.streams >= limits.streams:
        return _refused(
            limits,
            reading,
            f"This key has {limits.streams} requests running, which is its limit.",
            wait_s=1.0,
            hint="Wait until one of them is over.",
        )
    if limits.bytes_per_day is not None and reading.bytes_today + body_bytes > limits.bytes_per_day:
        return _refused(
            limits,
            reading,
            f"This key may send {limits.bytes_per_day:,} bytes a day; "
            f"{max(0, limits.bytes_per_day - reading.bytes_today):,} of them are left.",
            wait_s=DAY_S - now % DAY_S,
            hint="It starts anew at midnight UTC; smaller pictures make fewer bytes.",
        )
    if limits.tokens_per_min is not None and reading.tokens >= limits.tokens_per_min:
        return _refused(
            limits,
            reading,
            f"This key has used its {limits.tokens_per_min:,} tokens a minute.",
            wait_s=reading.tokens_wait_s(limits.tokens_per_min),
            hint="Wait as Retry-After says, or ask an administrator for more.",
        )
    if limits.requests_per_min is not None and reading.requests >= limits.requests_per_min:
        return _refused(
            limits,
            reading,
            f"This key has used its {limits.requests_per_min:,} requests a minute.",
            wait_s=reading.requests_wait_s(limits.requests_per_min),
            hint="Wait as Retry-After says, or ask an administrator for more.",
        )
    return None


def overtaken(limits: KeyLimits, reading: Reading) -> Refused:
    """Another gateway took the last place between looking and taking."""
    return _refused(
        limits, reading, "This key has used its requests a minute.", wait_s=1.0, hint="Try again."
    )


def headers_of(limits: KeyLimits, reading: Reading) -> Headers:
    """limit, remaining and reset (time until all of it is there again), for requests and tokens."""
    found: Headers = []
    if limits.requests_per_min is not None:
        found += _trio(_REQUESTS, limits.requests_per_min, reading.requests, reading.requests_reset_s)
    if limits.tokens_per_min is not None:
        found += _trio(_TOKENS, limits.tokens_per_min, reading.tokens, reading.tokens_reset_s)
    return found


def block_of(limits: KeyLimits, account: Account) -> bytes:
    """`headers_of` as lines, of an account as it is now."""
    now = account.now()
    found = b""
    if limits.requests_per_min is not None:
        found = _lines(_REQUEST_LINES, limits.requests_per_min, account.requests, now)
    if limits.tokens_per_min is not None:
        found += _lines(_TOKEN_LINES, limits.tokens_per_min, account.tokens, now)
    return found


def _refused(limits: KeyLimits, reading: Reading, message: str, *, wait_s: float, hint: str) -> Refused:
    error = QueueFullError(message, retry_after_s=max(1.0, wait_s), hint=hint)
    return Refused(error, headers_of(limits, reading))


_Names = tuple[bytes, bytes, bytes]
_REQUESTS: _Names = (
    b"x-ratelimit-limit-requests",
    b"x-ratelimit-remaining-requests",
    b"x-ratelimit-reset-requests",
)
_TOKENS: _Names = (b"x-ratelimit-limit-tokens", b"x-ratelimit-remaining-tokens", b"x-ratelimit-reset-tokens")

_REQUEST_LINES = b"%b: %%d\r\n%b: %%d\r\n%b: %%b\r\n" % _REQUESTS
_TOKEN_LINES = b"%b: %%d\r\n%b: %%d\r\n%b: %%b\r\n" % _TOKENS

_MAX_RESET_S = int(2 * MINUTE_S)
#: By whole seconds, as OpenAI writes them: 1m30s, 12s, 0s.
_DURATIONS = [
    b"%dm%ds" % divmod(seconds, 60) if seconds >= 60 else b"%ds" % seconds
    for seconds in range(_MAX_RESET_S + 1)
]


def _lines(lines: bytes, limit: int, window: SlidingWindow, now: float) -> bytes:
    used, reset_s = window.state(now)
    remaining = limit - used
    return lines % (
        limit,
        max(0, remaining),
        _DURATIONS[math.ceil(reset_s) if reset_s < _MAX_RESET_S else _MAX_RESET_S],
    )


def _trio(names: _Names, limit: int, used: int, reset_s: float) -> Headers:
    limit_name, remaining_name, reset_name = names
    remaining = limit - used
    return [
        (limit_name, b"%d" % limit),
        (remaining_name, b"%d" % (max(0, remaining))),
        (reset_name, _DURATIONS[math.ceil(reset_s) if reset_s < _MAX_RESET_S else _MAX_RESET_S]),
    ]
