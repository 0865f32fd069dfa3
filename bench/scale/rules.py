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

from bench.scale.affinity import by_requests
from bench.scale.prompt_engine import Replica, work_s, work_tokens
from bench.scale.servegen import Request, conversations
from huiyan.gateway.routing import at_home, least_loaded, mix

_WARM_UP_S: Final = 600.0
_SEED: Final = 20261122
#: (engines, affinity, number of the request) -> engine
Rule = Callable[[list[Replica], bytes, int], Replica]


def least_requests(replicas: list[Replica], turn: int) -> Replica:
    begin = turn % len(replicas)
    return min((*replicas[begin:], *replicas[:begin]), key=lambda each: each.in_flight)


def bounded(slack_tokens: float) -> Rule:
    return lambda replicas, affinity, _: at_home(replicas, affinity, slack_tokens=slack_tokens)


RULES: Final[dict[str, Rule]] = {
    "round robin": lambda replicas, _, turn: replicas[turn % len(replicas)],
    "least requests": lambda replicas, _, turn: least_requests(replicas, turn),
    "affinity, bounded by requests": lambda replicas, affinity, _: by_requests(replicas, affinity),
    "least work": lambda replicas, _, turn: least_loaded(replicas, turn),
    "affinity, bounded by work (huiyan)": lambda replicas, affinity, _: at_home(replicas, affinity),
    **{f"affinity, {slack:,} tokens": bounded(slack) for slack in (1_000, 4_000, 16_000)},
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
    firsts: list[tuple[float, int, int]] = []
    waits_s: list[float] = []
    for turn, request in enumerate(in_order(Random(_SEED), per_s, _WARM_UP_S + measured_s)):
        now_s = request.at_s
        while ends and ends[0][0] <= now_s:
            replicas[heapq.heappop(ends)[1]].in_flight -= 1
        while firsts and firsts[0][0] <= now_s:
            _, number, size = heapq.heappop(firsts)
            replicas[number].unread_tokens -= size
        if not waits_s and now_s >= _WARM_UP_S:
            for replica in replicas:
                replica.prompt_tokens = replica.known_tokens = replica.shown = replica.known_pictures = 0
        chosen = rule(replicas, request.affinity, turn)
        number, size = replicas.index(chosen), work_tokens(request.prompt)
        chosen.in_flight += 1
        chosen.unread_tokens += size
        first_s, last_s = chosen.take(now_s, request.prompt, request.answer_tokens)
        heapq.heappush(ends, (last_s, number))
        heapq.heappush(firsts, (first_s, number, size))
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
