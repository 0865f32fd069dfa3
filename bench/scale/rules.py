"""What a router should count: requests under way, or prompt work that has not reached its first token.

    python -m bench.scale.rules [--engines 4,16] [--load 0.85]

Requests as ServeGen's clients send them (`servegen`), engines that read one prompt at a time
(`prompt_engine`). Prints one line of JSON for each rule. load: prompt work offered to each engine, as a share
of its time, if nothing were cached.
"""

from __future__ import annotations

import argparse
import heapq
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from bench.scale.prompt_engine import Replica, work_s
from bench.scale.servegen import Request, conversations
from huiyan.gateway.routing import at_home, least_loaded, mix

_WARM_UP_S: Final = 600.0
_SEED: Final = 20261122
#: What an engine may have to read beyond the least, in seconds, and still take its own conversations.
_SLACK_S: Final = 0.1

#: (engines, affinity, number of the request) -> engine
Rule = Callable[[list[Replica], bytes, int], Replica]


def least_work(replicas: list[Replica], _affinity: bytes, turn: int) -> Replica:
    begin = turn % len(replicas)
    return min((*replicas[begin:], *replicas[:begin]), key=lambda each: (each.unread_s, each.in_flight))


def home_by_work(replicas: list[Replica], affinity: bytes, turn: int) -> Replica:
    """The gateway's home of this conversation, unless it has more to read than the least and the slack."""
    idle = [Replica(each.seed) for each in replicas]
    home = replicas[idle.index(at_home(idle, affinity))]
    least = least_work(replicas, affinity, turn)
    return home if home.unread_s <= least.unread_s + _SLACK_S else least


RULES: Final[dict[str, Rule]] = {
    "round robin": lambda replicas, _, turn: replicas[turn % len(replicas)],
    "least requests": lambda replicas, _, turn: least_loaded(replicas, turn),
    "affinity, bounded by requests (huiyan)": lambda replicas, affinity, _: at_home(replicas, affinity),
    "least work": least_work,
    "affinity, bounded by work": home_by_work,
}


def in_order(random: Random, per_s: float, until_s: float) -> Iterator[Request]:
    """Requests of all conversations by time."""
    waiting: list[tuple[float, int, Request]] = []
    number = 0
    for conversation in conversations(random, per_s, until_s):
        while waiting and waiting[0][0] <= conversation[0].at_s:
            yield heapq.heappop(waiting)[2]
        for request in conversation:
            number += 1
            heapq.heappush(waiting, (request.at_s, number, request))
    while waiting and waiting[0][0] < until_s:
        yield heapq.heappop(waiting)[2]


def simulate(rule: Rule, count: int, load: float, measured_s: float) -> dict[str, float]:
    """One run: hit rates, and times to the first token in milliseconds."""
    sample = [[work_s(each.prompt) for each in c] for c in conversations(Random(1), 10.0, 2000.0)]
    per_s = load * count / (sum(map(sum, sample)) / len(sample))
    replicas = [Replica(mix(number + 1)) for number in range(count)]
    ends: list[tuple[float, int]] = []
    firsts: list[tuple[float, int, float]] = []
    waits_s: list[float] = []
    for turn, request in enumerate(in_order(Random(_SEED), per_s, _WARM_UP_S + measured_s)):
        now_s = request.at_s
        while ends and ends[0][0] <= now_s:
            replicas[heapq.heappop(ends)[1]].in_flight -= 1
        while firsts and firsts[0][0] <= now_s:
            _, number, size_s = heapq.heappop(firsts)
            replicas[number].unread_s -= size_s
        if not waits_s and now_s >= _WARM_UP_S:
            for replica in replicas:
                replica.prompt_tokens = replica.known_tokens = replica.shown = replica.known_pictures = 0
        chosen = rule(replicas, request.affinity, turn)
        number, size_s = replicas.index(chosen), work_s(request.prompt)
        chosen.in_flight += 1
        chosen.unread_s += size_s
        first_s, last_s = chosen.take(now_s, request.prompt, request.answer_tokens)
        heapq.heappush(ends, (last_s, number))
        heapq.heappush(firsts, (first_s, number, size_s))
        if now_s >= _WARM_UP_S:
            waits_s.append(first_s - now_s)
    waits_s.sort()
    return {
        "requests": len(waits_s),
        "prefix_hits": round(
            sum(r.known_tokens for r in replicas) / sum(r.prompt_tokens for r in replicas), 3
        ),
        "picture_hits": round(sum(r.known_pictures for r in replicas) / sum(r.shown for r in replicas), 3),
        "p50_ms": round(1000 * waits_s[len(waits_s) // 2]),
        "p99_ms": round(1000 * waits_s[int(0.99 * len(waits_s))]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", default="4,16")
    parser.add_argument("--load", type=float, default=0.85)
    parser.add_argument(
        "--seconds", type=float, default=400, help="simulated, after a warm-up of ten minutes"
    )
    options = parser.parse_args()
    for count in map(int, options.engines.split(",")):
        for name, rule in RULES.items():
            found = simulate(rule, count, options.load, options.seconds)
            print(json.dumps({"engines": count, "load": options.load, "rule": name, **found}), flush=True)


if __name__ == "__main__":
    main()
