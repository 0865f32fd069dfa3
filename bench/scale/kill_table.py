"""What a kill costs: two gateways, two engines with nano, PostgreSQL and Redis, sixteen streams in flight.

    PYTHONPATH=src python -m bench.scale.kill_table [--runs N] [--only WHAT] [--json FILE]

Prints a Markdown table. Everything is a process of its own on this machine, killed with SIGKILL in the middle
of the streams and started again two seconds later; nothing is simulated. Asks for PostgreSQL's and Redis' (or
Valkey's) programs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import secrets
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from tests.support.engine_process import EngineProcess, llama_cpp
from tests.support.kills import STREAMS, Cost, System, cost_of, system

Act = Callable[[], Awaitable[None]]

_AWAY_S = 2.0
#: One engine alone has room for all streams and for new requests.
_SLOTS = STREAMS + 8
_WHAT = ("nothing", "Redis", "PostgreSQL", "one of two gateways", "one of two engines")
#: Long enough for all streams to be in flight when something is killed.
_MAX_TOKENS = 1000


async def _nothing() -> None:
    pass


def _kills(on: System, engine: EngineProcess) -> dict[str, tuple[Act, Act]]:
    """What is killed → how, and how it comes back. The engine stays away: its supervisor is not in this."""

    async def kill_engine() -> None:
        engine.process.kill()

    return {
        "nothing": (_nothing, _nothing),
        "Redis": (_in_thread(on.redis.kill), _in_thread(on.redis.start)),
        "PostgreSQL": (_in_thread(on.postgres.kill), _in_thread(on.postgres.start)),
        "one of two gateways": (on.gateways[0].kill, on.gateways[0].start),
        "one of two engines": (kill_engine, _nothing),
    }


def _in_thread(work: Callable[[], None]) -> Act:
    async def run() -> None:
        await asyncio.to_thread(work)

    return run


async def _one(what: str) -> Cost:
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="huiyan-kills-")))
        key = secrets.token_urlsafe(32)
        engines = [stack.enter_context(llama_cpp(slots=_SLOTS, api_key=key)) for _ in range(2)]
        urls = [f"http://127.0.0.1:{engine.endpoint.port}" for engine in engines]
        async with system(urls, key, root) as on:
            kill, mend = _kills(on, engines[0])[what]
            return await cost_of(kill, mend, on, away_s=_AWAY_S, after_s=4.0, max_tokens=_MAX_TOKENS)


def _table(costs: list[tuple[str, Cost]]) -> str:
    lines = [
        f"| killed | of {STREAMS} streams failed | new requests failed | for | let through over the limit |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {what} | {cost.streams_failed} | {cost.probes_failed} of {cost.probes} | {cost.outage_s:.1f} s |"
        f" {cost.over_admitted} |"
        for what, cost in costs
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--only", action="append", choices=_WHAT)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    costs: list[tuple[str, Cost]] = []
    for _ in range(arguments.runs):
        for what in arguments.only or _WHAT:
            costs.append((what, asyncio.run(_one(what))))
            print(f"{what}: {costs[-1][1]}", file=sys.stderr, flush=True)
    print(_table(costs))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([{"killed": what, **asdict(cost)} for what, cost in costs]))


if __name__ == "__main__":
    main()
