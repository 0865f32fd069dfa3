"""Keep streams running through huiyan's gateway for long and watch its memory.

    python -m bench.gateway.soak --minutes 30 --streams 32

Each stream has 100 chunks, 20 ms apart; every tenth request is left in the middle, as closed tabs do, and
every tenth is a picture. Memory is printed each minute. It is flat if every value after the first tenth of
the time stays within 5 % of the first one there; exit status 1 if not.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

import uvloop

from bench.gateway import load
from bench.gateway.columns import jpeg, picture_chat, small_chat
from bench.gateway.engine import MockEngine, Plan
from bench.gateway.gateways import LAUNCHERS
from bench.gateway.processes import Running

_ALLOWED = 0.05
_INTERVAL_S = 60.0


class Soak:
    def __init__(self, gateway: Running) -> None:
        self._gateway = gateway
        self._stream = load.request(gateway.port, small_chat(stream=True), key=gateway.key)
        self._picture = load.request(gateway.port, picture_chat([jpeg(200_000, seed=1)]), key=gateway.key)
        self.finished = 0
        self.left = 0
        self.failed: list[str] = []

    async def worker(self, number: int, until_s: float) -> None:
        """One user: asks, reads, asks again; leaves in the middle now and then."""
        loop = asyncio.get_running_loop()
        turn = number
        while loop.time() < until_s:
            turn += 1
            over = asyncio.Event()
            sample = load.Sample()

            def failed(why: str, over: asyncio.Event = over) -> None:
                self.failed.append(why)
                over.set()

            def done(_: load.Client, over: asyncio.Event = over) -> None:
                self.finished += 1
                over.set()

            client = await load.connect(self._gateway.port, sample, done, failed)
            client.ask(self._picture if turn % 10 == 5 else self._stream)
            if turn % 10 == 0:
                await asyncio.sleep(0.3)
                self.left += 1
            else:
                await over.wait()
            client.close()


async def _soak(given: argparse.Namespace, folder: Path) -> bool:
    engine = MockEngine()
    engine.plan = Plan(chunks=100, interval_s=0.02)
    await engine.start()
    launch = LAUNCHERS["huiyan"](engine.port, folder, given.huiyan_arguments)
    gateway = await asyncio.to_thread(Running, launch, folder, given.gateway_core)
    loop = asyncio.get_running_loop()
    soak = Soak(gateway)
    interval_s = min(_INTERVAL_S, given.minutes * 60 / 10)
    values: list[float] = []
    try:
        began_s = loop.time()
        until_s = began_s + given.minutes * 60
        async with asyncio.TaskGroup() as group:
            for number in range(given.streams):
                group.create_task(soak.worker(number, until_s))
            while loop.time() < until_s:
                await asyncio.sleep(interval_s)
                values.append(gateway.resident_mib())
                minutes = (loop.time() - began_s) / 60
                print(
                    f"{minutes:6.1f} min  {values[-1]:7.1f} MiB  {soak.finished:>7} answers  "
                    f"{soak.left:>5} left  {len(soak.failed)} failed",
                    flush=True,
                )
    finally:
        gateway.end()
        engine.stop()
    for why in sorted(set(soak.failed))[:5]:
        print(f"failed: {why[:300]}")
    first, *later = values[len(values) // 10 :]
    worst = max((abs(value / first - 1) for value in later), default=0.0)
    flat = worst <= _ALLOWED and not soak.failed
    print(f"{'flat' if flat else 'NOT FLAT'}: at most {worst:.1%} from {first:.1f} MiB")
    return flat


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.gateway.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--gateway-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument("--huiyan-arguments", default="", help="more words for `huiyan serve`")
    given = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {given.load_core})
    folder = Path(tempfile.mkdtemp(prefix="huiyan-soak-"))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            flat = runner.run(_soak(given, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if flat else 1)


if __name__ == "__main__":
    main()
