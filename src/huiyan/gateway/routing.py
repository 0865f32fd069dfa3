"""The rule by which one of several engines takes a request: no sockets, clocks or settings.

A conversation goes to the engine that has its pictures and its beginning in its caches: rendezvous
hashing ranks the engines for each conversation, larger ones first more often, and the first of them that
is not loaded much above the average takes it. Without affinity, the least loaded. The gateway
(`backends`) and the simulation (`bench/scale`) use the same functions.

Sources: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); Schindelhauer
and Schomaker, "Weighted distributed hash tables" (2005), for engines of several sizes; Mirrokni et al.,
"Consistent hashing with bounded loads" (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Final, Protocol, TypeVar
from zlib import crc32

#: An engine takes a conversation of its own up to this much above the average load.
LOAD_FACTOR: Final = 1.25

_BITS: Final = 1 << 64


class Candidate(Protocol):
    """An engine that could take the request. capacity: its share of the load, relative to the others.

    seed: 64 bits, the same in all processes and for as long as it has its name.
    slots: answers that it writes at the same time, further requests wait within it; None: no such number.
    """

    @property
    def seed(self) -> int: ...

    @property
    def in_flight(self) -> int: ...

    @property
    def capacity(self) -> float: ...

    @property
    def slots(self) -> int | None: ...


C = TypeVar("C", bound=Candidate)


def least_loaded(candidates: Sequence[C], turn: int) -> C:
    """The one with the fewest requests for its size; among equals the largest, then by turns.

    candidates: at least one. turn: any number that grows.
    """
    begin = turn % len(candidates)
    return min((*candidates[begin:], *candidates[:begin]), key=_load)


def at_home(candidates: Sequence[C], affinity: bytes, *, load_factor: float = LOAD_FACTOR) -> C:
    """The one that requests with this affinity go to, or the next in their ranking that has room.

    No room: no free slot, or a load of more than `load_factor` (above 1) times the average. Where none has
    any, the least loaded. candidates: at least one.
    """
    conversation = crc32(affinity)
    total = sum(each.in_flight for each in candidates) + 1
    bound = load_factor * total / sum(each.capacity for each in candidates)
    first = max(candidates, key=lambda each: _score(each, conversation))
    if _has_room(first, bound):
        return first
    ranked = sorted(candidates, key=lambda each: _score(each, conversation), reverse=True)
    found = next((each for each in ranked if _has_room(each, bound)), None)
    return found or least_loaded(candidates, conversation)


def _has_room(candidate: Candidate, bound: float) -> bool:
    in_flight, slots = candidate.in_flight, candidate.slots
    return in_flight < bound * candidate.capacity and (slots is None or in_flight < slots)


def _load(candidate: Candidate) -> tuple[float, float]:
    return candidate.in_flight / candidate.capacity, -candidate.capacity


def _score(candidate: Candidate, conversation: int) -> float:
    """The largest wins, as often as its capacity says."""
    share = (mix(candidate.seed ^ conversation) + 0.5) / _BITS
    return -candidate.capacity / log(share) if share < 1.0 else float("inf")


def mix(value: int) -> int:
    """splitmix64: every bit of the input changes half of the output (Steele, Lea and Flood, 2014)."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return value ^ (value >> 31)
