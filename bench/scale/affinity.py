"""Routing over 1 to 64 engines, simulated: what affinity does to caches and to the first token.

    python -m bench.scale.affinity [--json FILE] [--svg FILE] [--workload mooncake|shop]

The rule is the gateway's own (`huiyan.gateway.routing`); engines and requests are models, and everything
assumed stands in `Assumed`. Conversations have the shape of Mooncake's conversation trace (Qin et al., FAST
2025; kvcache-ai/Mooncake, FAST25-release/traces/conversation_trace.jsonl, 12,031 requests of one hour), whose
figures were computed from its block hashes: see `Workload`. It has no pictures: those are assumed.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeVar

from huiyan.gateway.routing import SLACK_TOKENS, Candidate, at_home, least_loaded, prompt_work


@dataclass(frozen=True)
class Workload:
    """Conversations. The defaults are the published trace's, but for pictures, which it does not have.

    A request of the trace continues the one whose blocks (after the first, shared one) it repeats.
    with_pictures: share of conversations that begin with some.
    """

    turns_mean: float = 1.63
    gap_mean_s: float = 214.0
    first_log_mean: float = 8.737
    first_log_sigma: float = 1.199
    growth_median: float = 455.0
    growth_log_sigma: float = 1.416
    output_quantiles: tuple[tuple[float, float], ...] = (
        (0.0, 1.0), (0.5, 350.0), (0.9, 597.0), (0.99, 1120.0), (1.0, 2000.0),
    )  # fmt: skip
    with_pictures: float = 0.6


MOONCAKE: Final = Workload()
#: Nobody has published such a trace: several short questions, soon after one another, about some pictures.
SHOP: Final = Workload(
    turns_mean=6.0, gap_mean_s=45.0, first_log_mean=5.7, first_log_sigma=0.6, growth_median=400.0,
    growth_log_sigma=0.5, with_pictures=1.0,
)  # fmt: skip
WORKLOADS: Final = {"mooncake": MOONCAKE, "shop": SHOP}


@dataclass(frozen=True)
class Assumed:
    """An engine like the measured int4 8B on 24 GB, and pictures like a shop's.

    Measured (docs/concepts/engines.md and planner): KV tokens, 16 at once, ms between tokens alone and at
    16. Not measured: prefill speed; preprocessing is fitted to three 1920x1080 pictures in 0.9 s.
    Conversations begin at random: the trace's times are rounded to 3 s, so its bursts cannot be told.
    """

    kv_tokens: tuple[int, ...] = (86_272, 395_360)  # int4 on 24 GB, bf16 on 80 GB
    slots: int = 16
    prefill_tokens_per_s: float = 10_000.0
    picture_s: float = 0.12
    picture_tokens: int = 1024
    pictures_in_cache: int = 170  # 4 GiB of preprocessed pictures of one megapixel
    token_alone_s: float = 0.0054
    token_each_more_s: float = 0.00053
    most_text_tokens: int = 16_384
    pictures_mean: float = 3.0
    most_pictures: int = 9
    more_pictures: float = 0.2
    #: Of an engine's time in prefill, if no cache helped at all.
    busy: float = 0.8


ASSUMED: Final = Assumed()
#: Conversations begin so long before the first simulated request: longer than nearly all of them take.
_BEFORE_S = 1500.0


@dataclass(frozen=True)
class Request:
    """pictures: identities. text_tokens, known_text_tokens: of the prompt, and of the turn before it."""

    at_s: float
    conversation: int
    pictures: tuple[int, ...]
    known_pictures: int
    text_tokens: int
    known_text_tokens: int
    output_tokens: int
    affinity: bytes

    @property
    def prompt_tokens(self) -> int:
        return self.text_tokens + ASSUMED.picture_tokens * len(self.pictures)

    @property
    def work_tokens(self) -> int:
        """As the gateway has it; it estimates the tokens of text from bytes, here they are known."""
        return self.text_tokens + prompt_work(0, ASSUMED.picture_tokens * len(self.pictures))

    @property
    def work_s(self) -> float:
        return self.prompt_tokens / ASSUMED.prefill_tokens_per_s + ASSUMED.picture_s * len(self.pictures)


@dataclass
class Engine:
    """seed, in_flight, unread_tokens, capacity, slots: what the router sees. The caches are LRU."""

    seed: int
    kv_tokens: int
    in_flight: int = 0
    unread_tokens: int = 0
    capacity: float = 1.0
    slots: int | None = ASSUMED.slots
    free_at_s: float = 0.0
    running: int = 0
    waiting: list[Request] = field(default_factory=list)
    prefixes: OrderedDict[int, int] = field(default_factory=OrderedDict)
    cached_tokens: int = 0
    pictures: OrderedDict[int, None] = field(default_factory=OrderedDict)

    def remember(self, request: Request) -> None:
        self.cached_tokens += request.prompt_tokens - self.prefixes.pop(request.conversation, 0)
        self.prefixes[request.conversation] = request.prompt_tokens
        while self.cached_tokens > self.kv_tokens and len(self.prefixes) > 1:
            self.cached_tokens -= self.prefixes.popitem(last=False)[1]
        for picture in request.pictures:
            self.pictures.pop(picture, None)
            self.pictures[picture] = None
        while len(self.pictures) > ASSUMED.pictures_in_cache:
            self.pictures.popitem(last=False)


E = TypeVar("E", bound=Candidate)
Policy = Callable[[Sequence[Engine], Request, int], Engine]

POLICIES: dict[str, Policy] = {
    "round robin": lambda engines, request, turn: engines[turn % len(engines)],
    "least work": lambda engines, request, turn: least_loaded(engines, turn),
    "affinity": lambda engines, request, turn: at_home(engines, request.affinity),
}


def requests_of(count: int, engines: int, seed: int, workload: Workload = MOONCAKE) -> list[Request]:
    """About `count` requests for so many engines, in the order of their arrival.

    Conversations that began before are cut off at the beginning, so that the load is the same throughout.
    """
    numbers = random.Random(seed)
    shapes = [_conversation(numbers, i, workload) for i in range(round(count / workload.turns_mean))]
    mean_work_s = sum(request.work_s for shape in shapes for request in shape) / len(shapes)
    each_s = mean_work_s / (ASSUMED.busy * engines)  # between two beginnings
    span_s = each_s * len(shapes)
    shapes += [_conversation(numbers, len(shapes) + i, workload) for i in range(round(_BEFORE_S / each_s))]
    found = []
    for shape in shapes:
        begin_s = numbers.uniform(-_BEFORE_S, span_s)
        for request in shape:
            at_s = begin_s + request.at_s
            if 0.0 <= at_s < span_s:
                found.append(replace(request, at_s=at_s))
    return sorted(found, key=lambda request: request.at_s)


def _conversation(numbers: random.Random, number: int, workload: Workload) -> list[Request]:
    pictures: tuple[int, ...] = ()
    if numbers.random() < workload.with_pictures:
        many = min(ASSUMED.most_pictures, 1 + int(numbers.expovariate(1.0 / (ASSUMED.pictures_mean - 1.0))))
        pictures = tuple(number * 100 + i for i in range(many))
    text = numbers.lognormvariate(workload.first_log_mean, workload.first_log_sigma)
    affinity = blake2b(f"{number}".encode(), digest_size=16).digest()
    at_s, known_text, known_pictures, found = 0.0, 0, 0, []
    while True:
        tokens = min(ASSUMED.most_text_tokens, max(16, int(text)))
        found.append(
            Request(
                at_s,
                number,
                pictures,
                known_pictures,
                tokens,
                known_text,
                _output(numbers, workload),
                affinity,
            )
        )
        if numbers.random() >= 1.0 - 1.0 / workload.turns_mean:
            return found
        known_text, known_pictures = tokens, len(pictures)
        at_s += numbers.expovariate(1.0 / workload.gap_mean_s)
        text += numbers.lognormvariate(math.log(workload.growth_median), workload.growth_log_sigma)
        if pictures and len(pictures) < ASSUMED.most_pictures and numbers.random() < ASSUMED.more_pictures:
            pictures += (number * 100 + len(pictures),)


def _output(numbers: random.Random, workload: Workload) -> int:
    share = numbers.random()
    points = workload.output_quantiles
    i = max(1, bisect_left([point[0] for point in points], share))
    (low, a), (high, b) = points[i - 1], points[i]
    return max(1, int(a + (b - a) * (share - low) / (high - low)))


@dataclass(frozen=True)
class Result:
    """prefix_hits: share of prompt tokens that were cached. picture_hits: of pictures. first_*_s: TTFT."""

    engines: int
    kv_tokens: int
    policy: str
    prefix_hits: float
    picture_hits: float
    first_p50_s: float
    first_p99_s: float


def simulate(requests: Sequence[Request], count: int, policy: Policy, name: str, kv_tokens: int) -> Result:
    """One run from empty caches; the first fifth of the requests warms them and is not counted."""
    numbers = random.Random(count)
    engines = [Engine(numbers.getrandbits(64), kv_tokens) for _ in range(count)]
    ends: list[tuple[float, int, int, int]] = []
    firsts: list[float] = []
    hits = [0, 0, 0, 0]
    warm_s = requests[len(requests) // 5].at_s
    order = 0

    def begin(which: int, request: Request, now_s: float) -> None:
        nonlocal order
        engine = engines[which]
        engine.running += 1
        known = engine.prefixes.get(request.conversation, 0)
        # What the engine has of this conversation may be of an earlier turn than the last.
        cached = min(known, request.known_text_tokens + request.known_pictures * ASSUMED.picture_tokens)
        there = sum(picture in engine.pictures for picture in request.pictures)
        work_s = (request.prompt_tokens - cached) / ASSUMED.prefill_tokens_per_s
        work_s += (len(request.pictures) - there) * ASSUMED.picture_s
        engine.free_at_s = first_s = max(now_s, engine.free_at_s) + work_s
        engine.remember(request)
        if request.at_s >= warm_s:
            firsts.append(first_s - request.at_s)
            for i, value in enumerate((cached, request.prompt_tokens, there, len(request.pictures))):
                hits[i] += value
        each_s = ASSUMED.token_alone_s + ASSUMED.token_each_more_s * (engine.running - 1)
        order += 1
        heapq.heappush(ends, (first_s, order, which, request.work_tokens))
        order += 1
        heapq.heappush(ends, (first_s + request.output_tokens * each_s, order, which, 0))

    def end_until(now_s: float) -> None:
        while ends and ends[0][0] <= now_s:
            at_s, _, which, read = heapq.heappop(ends)
            engine = engines[which]
            if read:
                engine.unread_tokens -= read
                continue
            engine.running -= 1
            engine.in_flight -= 1
            if engine.waiting:
                begin(which, engine.waiting.pop(0), at_s)

    places = {id(engine): i for i, engine in enumerate(engines)}
    for turn, request in enumerate(requests):
        end_until(request.at_s)
        engine = policy(engines, request, turn)
        engine.in_flight += 1
        engine.unread_tokens += request.work_tokens
        if engine.running < ASSUMED.slots:
            begin(places[id(engine)], request, request.at_s)
        else:
            engine.waiting.append(request)
    end_until(math.inf)
    firsts.sort()
    return Result(
        engines=count,
        kv_tokens=kv_tokens,
        policy=name,
        prefix_hits=round(hits[0] / hits[1], 4),
        picture_hits=round(hits[2] / max(1, hits[3]), 4),
        first_p50_s=round(firsts[len(firsts) // 2], 3),
        first_p99_s=round(firsts[int(len(firsts) * 0.99)], 3),
    )


def compare(
    sizes: Sequence[int], requests_each: int, seed: int, workload: Workload = MOONCAKE
) -> list[Result]:
    """Every policy at every size and with each cache, on the same requests."""
    found = []
    for size in sizes:
        requests = requests_of(requests_each * size, size, seed, workload)
        for kv_tokens in ASSUMED.kv_tokens:
            found += [simulate(requests, size, policy, name, kv_tokens) for name, policy in POLICIES.items()]
    return found


def slacks(
    tokens: Sequence[int], size: int, requests_each: int, seed: int, workload: Workload = MOONCAKE
) -> list[Result]:
    """Affinity at one size with several bounds, and the former rule: bounded by requests."""
    requests = requests_of(requests_each * size, size, seed, workload)

    def bounded(slack_tokens: int) -> Policy:
        return lambda engines, request, turn: at_home(engines, request.affinity, slack_tokens=slack_tokens)

    policies = {f"slack {each:,}": bounded(each) for each in tokens}
    policies["by requests"] = lambda engines, request, turn: by_requests(engines, request.affinity)
    return [
        simulate(requests, size, policy, name, kv_tokens)
        for kv_tokens in ASSUMED.kv_tokens
        for name, policy in policies.items()
    ]


def by_requests(engines: Sequence[E], affinity: bytes) -> E:
    """The former rule: the first in the conversation's ranking with a free slot and at most 1.25 times
    the average of requests; else the one with the fewest. Engines of one size.
    """
    bound = 1.25 * (sum(each.in_flight for each in engines) + 1) / len(engines)
    room = [e for e in engines if e.in_flight < bound and (e.slots is None or e.in_flight < e.slots)]
    if not room:
        return min(engines, key=lambda each: each.in_flight)
    return at_home(room, affinity, slack_tokens=math.inf, load_factor=math.inf)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1,2,4,8,16,32,64")
    parser.add_argument("--requests", type=int, default=1000, help="for each engine")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workload", choices=sorted(WORKLOADS), default="mooncake")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    given = parser.parse_args(argv)
    sizes = [int(size) for size in given.sizes.split(",")]
    workload = WORKLOADS[given.workload]
    found = compare(sizes, given.requests, given.seed, workload)
    bounds = slacks((1_000, 4_000, SLACK_TOKENS, 16_000, 32_000), 16, given.requests, given.seed, workload)
    print("engines KV tokens  policy          prefix picture   p50 s   p99 s")
    for each in (*found, *bounds):
        hits = f"{each.prefix_hits:7.1%} {each.picture_hits:7.1%}"
        firsts = f"{each.first_p50_s:7.2f} {each.first_p99_s:7.2f}"
        print(f"{each.engines:7d} {each.kv_tokens:9,d}  {each.policy:<14} {hits} {firsts}")
    told: dict[str, Any] = {
        "seed": given.seed,
        "requests_each": given.requests,
        "trace": workload.__dict__,
        "assumed": ASSUMED.__dict__,
        "results": [each.__dict__ for each in (*found, *bounds)],
    }
    if given.json is not None:
        given.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    if given.svg is not None:
        from bench.scale.chart import draw

        given.svg.write_text(draw(found), "utf-8")


if __name__ == "__main__":
    main()
