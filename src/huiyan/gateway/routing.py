"""The rule by which one of several engines takes a request: no sockets, clocks or settings.

A conversation goes to the engine that has its pictures and its beginning in its caches: rendezvous
hashing ranks the engines for each conversation, larger ones first more often, and the first of them takes
it, unless it has much more to read than the least one. Without affinity, the one with the least to read.
What counts is prompt work that has not reached its first token: most requests under way are being written,
and these hardly hold a new one up. The gateway (`backends`) and the simulations (`bench/scale`) use the same
functions.

Sources: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); Schindelhauer
and Schomaker, "Weighted distributed hash tables" (2005), for engines of several sizes; Mirrokni et al.,
"Consistent hashing with bounded loads" (2016), for the bound on requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Final, Protocol, TypeVar
from zlib import crc32

#: What an engine may have to read beyond the least one, in tokens of text, and still take its own
#: conversations. 0.2 s on an engine that reads 40,000 a second. Simulated (bench/scale): with less, fewer
#: conversations find their caches and the p99 of the first token is hardly better; with twice as many it is a
#: sixth later where conversations are short.
SLACK_TOKENS: Final = 8_000

#: An engine has at most so many times the average of requests under way through affinity, so that the
#: conversations about one picture do not all end up in one engine, which would write slowly. Of two engines
#: that would be no bound: whatever their number, half of what the others' share would be is left to them.
LOAD_FACTOR: Final = 2.0

#: A token of a picture costs as much as so many of text: it is resized and encoded as well. Measured with the
#: 8B on an H100: 0.07 ms, of which prefill is assumed to be 0.025 (bench/scale/prompt_engine.py).
PICTURE_WEIGHT: Final = 3

#: Bytes of UTF-8 for a token of text: about 4 of English and of Chinese, code has less.
_BYTES_PER_TOKEN: Final = 4

_BITS: Final = 1 << 64


class Candidate(Protocol):
    """An engine that could take the request. capacity: its share of the load, relative to the others.

    seed: 64 bits, the same in all processes and for as long as it has its name.
    unread_tokens: work of prompts that it was sent and whose first token has not come (`prompt_work`).
    slots: answers that it writes at the same time, further requests wait within it; None: no such number.
    """

    @property
    def seed(self) -> int: ...

    @property
    def in_flight(self) -> int: ...

    @property
    def unread_tokens(self) -> int: ...

    @property
    def capacity(self) -> float: ...

    @property
    def slots(self) -> int | None: ...


C = TypeVar("C", bound=Candidate)


def prompt_work(text_bytes: int, picture_tokens: int) -> int:
    """What a prompt costs an engine that knows nothing of it, in tokens of text; at least 1. An estimate."""
    return 1 + text_bytes // _BYTES_PER_TOKEN + PICTURE_WEIGHT * picture_tokens


def least_loaded(candidates: Sequence[C], turn: int) -> C:
    """The one with the least to read for its size, and a free slot where one has any.

    Among equals the one with the fewest requests, then the largest, then by turns.
    candidates: at least one. turn: any number that grows.
    """
    begin = turn % len(candidates)
    return min((*candidates[begin:], *candidates[:begin]), key=_load)


def at_home(
    candidates: Sequence[C],
    affinity: bytes,
    *,
    slack_tokens: float = SLACK_TOKENS,
    load_factor: float = LOAD_FACTOR,
) -> C:
    """The one that requests with this affinity go to; the least loaded where that one has no room.

    No room: no free slot, more than `slack_tokens` (of an engine of average size) to read beyond the least
    one, or more than `load_factor` (above 1) times the average of requests, or than leaves the others half of
    their share. candidates: at least one.
    """
    conversation = crc32(affinity)
    home = max(candidates, key=lambda each: _score(each, conversation))
    least = least_loaded(candidates, conversation)
    if home is least:
        return home
    capacity = sum(each.capacity for each in candidates)
    slack = slack_tokens * len(candidates) / capacity
    if _full(home) or _unread(home) > _unread(least) + slack:
        return least
    requests = sum(each.in_flight for each in candidates) + 1
    share = home.capacity / capacity
    return home if home.in_flight < requests * min(load_factor * share, (1 + share) / 2) else least


def _full(candidate: Candidate) -> bool:
    slots = candidate.slots
    return slots is not None and candidate.in_flight >= slots


def _unread(candidate: Candidate) -> float:
    return candidate.unread_tokens / candidate.capacity


def _load(candidate: Candidate) -> tuple[bool, float, float, float]:
    capacity = candidate.capacity
    return _full(candidate), candidate.unread_tokens / capacity, candidate.in_flight / capacity, -capacity


def _score(candidate: Candidate, conversation: int) -> float:
    """The largest wins, as often as its capacity says."""
    share = (mix(candidate.seed ^ conversation) + 0.5) / _BITS
    return -candidate.capacity / log(share) if share < 1.0 else float("inf")


def mix(value: int) -> int:
    """splitmix64: every bit of the input changes half of the output (Steele, Lea and Flood, 2014)."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return value ^ (value >> 31)
