"""Compare huiyan's gateway with others, in front of one mock engine.

    python -m bench.gateway                                 everything: about half an hour, a quiet machine
    python -m bench.gateway --scale quick --rounds 1        shows that it works
    python -m bench.gateway --gateways huiyan,vllm-router --columns alone,streaming

Each gateway has one core to itself; engine and load share another. A column is measured in paired rounds:
every gateway once, then all again; the others are stopped (SIGSTOP) meanwhile. The table has medians; a
ratio is the median of the rounds' own ratios. nginx comes from the system (Debian: nginx-light); the other
peers are installed with uv into ~/.cache/huiyan/bench.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import http.client
import json
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec
import uvloop

from bench.gateway import report
from bench.gateway.columns import COLUMNS, SCALES, Bench
from bench.gateway.engine import MockEngine
from bench.gateway.gateways import LAUNCHERS, PACKAGES
from bench.gateway.processes import Running, StartError


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.gateway",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--gateways", default=",".join(LAUNCHERS), help="which, by comma (default: all)")
    parser.add_argument("--columns", default=",".join(COLUMNS), help="which, by comma (default: all)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", choices=SCALES, default="full")
    parser.add_argument("--gateway-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument("--huiyan-arguments", default="", help="more words for `huiyan serve`")
    parser.add_argument(
        "--peer", action="append", default=[], metavar="NAME=REQUIREMENT", help="another version"
    )
    parser.add_argument("--json", type=Path, help="write all values here")
    parser.add_argument("--markdown", type=Path, help="write the tables here as well")
    return parser.parse_args()


def _has_multipart(gateway: Running) -> bool:
    """Only huiyan can have it: nobody else turns a form into a chat request."""
    if gateway.name != "huiyan":
        return False
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    connection.request("GET", "/api/info", headers={"Authorization": f"Bearer {gateway.key}"})
    features = json.loads(connection.getresponse().read()).get("features", {})
    connection.close()
    return "multipart" in features and (not isinstance(features, dict) or bool(features["multipart"]))


async def _measure(given: argparse.Namespace, folder: Path) -> report.Results:
    names = given.gateways.split(",")
    requirements = PACKAGES | dict(word.split("=", 1) for word in given.peer)
    requirements["huiyan"] = given.huiyan_arguments
    engine = MockEngine()
    await engine.start()
    bench = Bench(engine, SCALES[given.scale])
    results = report.Results(names)
    running: dict[str, Running] = {}
    try:
        for name in names:
            launch = LAUNCHERS[name](engine.port, folder, requirements.get(name, ""))
            # A gateway may want to see its engine before it serves: the loop has to go on meanwhile.
            try:
                gateway = running[name] = await asyncio.to_thread(Running, launch, folder, given.gateway_core)
            except StartError as error:
                results.fail(name, "start", str(error))
                continue
            await asyncio.sleep(1.0)
            results.add(name, "start", {"start_s": gateway.start_s, "idle_mib": gateway.resident_mib()})
            gateway.stop()
        for column in given.columns.split(","):
            for number in range(given.rounds):
                for gateway in running.values():
                    await _one(bench, gateway, column, results)
                print(f"{column}: round {number + 1} of {given.rounds}", file=sys.stderr)
    finally:
        for gateway in running.values():
            gateway.end()
        engine.stop()
    return results


async def _one(bench: Bench, gateway: Running, column: str, results: report.Results) -> None:
    gateway.go()
    try:
        if column == "multipart" and not _has_multipart(gateway):
            return
        gc.collect()
        gc.disable()
        results.add(gateway.name, column, await COLUMNS[column](bench, gateway))
    except Exception as error:  # noqa: BLE001  # one gateway that fails must not take the others' figures along
        results.fail(gateway.name, column, f"{type(error).__name__}: {error}")
    finally:
        gc.enable()
        gateway.stop()


def main() -> None:
    given = _arguments()
    for name in given.gateways.split(","):
        if name not in LAUNCHERS:
            raise SystemExit(f"No such gateway: {name}. There are: {', '.join(LAUNCHERS)}")
    for name in given.columns.split(","):
        if name not in COLUMNS:
            raise SystemExit(f"No such column: {name}. There are: {', '.join(COLUMNS)}")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {given.load_core})
    folder = Path(tempfile.mkdtemp(prefix="huiyan-bench-"))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            results = runner.run(_measure(given, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = report.markdown(results)
    print(text)
    if given.markdown:
        given.markdown.write_text(text + "\n", encoding="utf-8")
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(results.as_json()), indent=2))


if __name__ == "__main__":
    main()
