"""The simulation of routing: the same seed, the same figures; and its engines behave as engines."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise

from bench.scale.affinity import ASSUMED, POLICIES, SHOP, Engine, compare, requests_of, simulate
from bench.scale.chart import draw


def test_the_same_seed_gives_the_same_figures_and_the_drawing_is_whole() -> None:
    first = compare([1, 4], 150, 3)
    assert first == compare([1, 4], 150, 3)
    assert len(first) == 2 * len(POLICIES) * len(ASSUMED.kv_tokens)
    alone = [each for each in first if each.engines == 1]
    for cache in ASSUMED.kv_tokens:
        figures = {(each.prefix_hits, each.first_p99_s) for each in alone if each.kv_tokens == cache}
        assert len(figures) == 1, "with one engine there is nothing to choose"
    root = ET.fromstring(draw(first))
    assert len(root.findall(".//{http://www.w3.org/2000/svg}polyline")) >= 3 * 3 * 2


def test_affinity_finds_more_in_the_caches_than_least_work() -> None:
    found = {(each.policy, each.kv_tokens): each for each in compare([8], 200, 1, SHOP)}
    for cache in ASSUMED.kv_tokens:
        assert found["affinity", cache].picture_hits > 1.3 * found["least work", cache].picture_hits
        assert found["affinity", cache].prefix_hits > found["least work", cache].prefix_hits


def test_every_request_is_answered_and_none_before_it_came() -> None:
    requests = requests_of(300, 2, 5)
    assert all(a.at_s <= b.at_s for a, b in pairwise(requests))
    result = simulate(requests, 2, POLICIES["least work"], "least work", ASSUMED.kv_tokens[0])
    assert 0 < result.first_p50_s <= result.first_p99_s


def test_an_engine_forgets_the_oldest_first_and_never_holds_more_than_it_can() -> None:
    engine = Engine(1, 30_000)
    for request in requests_of(200, 1, 2):
        engine.remember(request)
        assert engine.cached_tokens == sum(engine.prefixes.values())
        assert engine.cached_tokens <= 30_000 or len(engine.prefixes) == 1
        assert len(engine.pictures) <= ASSUMED.pictures_in_cache
        assert next(reversed(engine.prefixes)) == request.conversation
