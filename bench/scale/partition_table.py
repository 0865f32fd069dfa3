"""What a cut between hosts costs: gateways, PostgreSQL with Redis, and engines, each on a host of its own.

    PYTHONPATH=src python -m bench.scale.partition_table [--runs N] [--only WHAT] [--away-s S] [--json FILE]

Prints a Markdown table. The hosts are network namespaces (root alone may make them), PostgreSQL and Redis and
the gateways are real processes with their default settings, the engines are scripted: sixteen streams of one
key with `streams = 16`, half at each gateway, while it asks for more; new requests four times a second at
each gateway, with a key that has limits and one that has none. What is cut heals after `--away-s`.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.support.hosts import Cut, Network
from tests.support.shared_servers import POSTGRES_PORT, REDIS_PORT
from tests.support.spread import ENGINES, GATEWAYS, STREAMS, Asked, Toll, spread, toll_of

_AWAY_S = 12.0
_AFTER_S = 2.0


def _between(net: Network, ones: Sequence[str], others: Sequence[str], how: Cut = Cut.SILENT) -> None:
    for one in ones:
        for other in others:
            net.cut(one, other, how=how)


_CUTS: dict[str, Callable[[Network], None]] = {
    "nothing": lambda _: None,
    "gateway A – Redis": lambda net: net.cut("a", "data", port=REDIS_PORT),
    "gateway A – PostgreSQL": lambda net: net.cut("a", "data", port=POSTGRES_PORT),
    "gateway A – both": lambda net: net.cut("a", "data"),
    "gateway A – both, refused": lambda net: net.cut("a", "data", how=Cut.REFUSED),
    "the data host's cable": lambda net: net.unplug("data"),
    "gateway B – both engines": lambda net: _between(net, ["b"], ENGINES),
    "gateway B – both engines, refused": lambda net: _between(net, ["b"], ENGINES, Cut.REFUSED),
    "engine 1 – both gateways": lambda net: _between(net, GATEWAYS, ["e1"]),
    "engine 1 – both gateways, refused": lambda net: _between(net, GATEWAYS, ["e1"], Cut.REFUSED),
}


async def _all(whats: Sequence[str], runs: int, away_s: float) -> list[tuple[str, Toll]]:
    tolls = []
    with tempfile.TemporaryDirectory(prefix="huiyan-hosts-") as root:
        async with spread(Path(root)) as on:
            for _ in range(runs):
                for what in whats:
                    cut = functools.partial(_CUTS[what], on.net)
                    toll = await toll_of(on, cut, away_s=away_s, after_s=_AFTER_S, streams_s=away_s + 4.0)
                    tolls.append((what, toll))
                    print(_row(what, toll), file=sys.stderr, flush=True)
                    await on.ready()
    return tolls


def _row(what: str, toll: Toll) -> str:
    broken = sum(toll.broken.values())
    failed = toll.failed()
    refused_s = max((each.took_s for each in failed), default=0.0)
    answered_s = max((each.took_s for each in toll.asked if each.status == 200), default=0.0)
    cells = [
        what,
        f"{STREAMS - broken} / {broken}",
        _told(toll, limited=True),
        _told(toll, limited=False),
        f"{refused_s:.1f} s" if failed else "–",
        f"{answered_s:.1f} s",
        f"{toll.well_again_s:.1f} s" if failed else "–",
        str(toll.over_admitted),
    ]
    return f"| {' | '.join(cells)} |"


def _told(toll: Toll, *, limited: bool) -> str:
    """How many failed of how many, at which gateway, and what they were told."""
    said: Counter[tuple[str, str]] = Counter(
        (each.gateway.upper(), _answer(each)) for each in toll.failed(limited=limited)
    )
    told = [
        f"{number} of {len(toll.of(at.lower(), limited=limited))} at {at}: {answer}"
        for (at, answer), number in sorted(said.items())
    ]
    return "; ".join(told) or f"0 of {len(toll.of(limited=limited))}"


def _answer(asked: Asked) -> str:
    return f"{asked.status} `{asked.code}`" if asked.status else "nothing"


def _table(tolls: Sequence[tuple[str, Toll]]) -> str:
    heads = [
        "cut",
        "streams whole / broken",
        "new requests with limits that failed",
        "without limits",
        "longest until a refusal",
        "until an answer",
        "failed after the heal for",
        "let through over the limit",
    ]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join(lines + [_row(what, toll) for what, toll in tolls])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--only", action="append", choices=tuple(_CUTS))
    parser.add_argument("--away-s", type=float, default=_AWAY_S)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    tolls = asyncio.run(_all(arguments.only or tuple(_CUTS), arguments.runs, arguments.away_s))
    print(_table(tolls))
    if arguments.json is not None:
        told: list[dict[str, Any]] = [{"cut": what, **asdict(toll)} for what, toll in tolls]
        arguments.json.write_text(json.dumps(told))


if __name__ == "__main__":
    main()
