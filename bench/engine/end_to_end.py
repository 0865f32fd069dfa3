"""`huiyan start --engine vllm` whole, with random weights in the real shape: start, pictures, overhead, swap.

    python bench/engine/end_to_end.py --python PYTHON_WITH_VLLM --model DIR --out DIR [--swap]

The launcher runs in this process, so that the engine's key is known here; the load comes from another one.
Requests go by turns through the gateway and straight to vLLM's socket.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.engine.load_client import Answer, Client, body, median_ms, picture
from bench.engine.vllm_bench import gpu_used_mib, say
from huiyan.engines.status import EngineEndpoint


class Targets(msgspec.Struct):
    gateway: EngineEndpoint
    engine: EngineEndpoint
    model: str


async def by_turns(clients: dict[str, Client], requests: list[bytes]) -> dict[str, list[Answer]]:
    """Two neighbours go to the two targets, and which is first changes each time."""
    names = list(clients)
    got: dict[str, list[Answer]] = {name: [] for name in names}
    for number in range(0, len(requests) - 1, 2):
        order = names if number % 4 == 0 else names[::-1]
        for name, request in zip(order, requests[number : number + 2], strict=True):
            got[name].append(await clients[name].ask(request))
    return got


def told(what: str, got: dict[str, list[Answer]]) -> dict[str, Any]:
    record: dict[str, Any] = {"what": what}
    for name, answers in got.items():
        good = [a for a in answers if not a.error]
        record[f"{name}_ttft_ms"] = median_ms(a.ttft_s for a in good)
        record[f"{name}_itl_ms"] = median_ms(gap for a in good for gap in a.gaps_s)
        record[f"{name}_answers"] = len(good)
        record["prompt_tokens"] = good[0].prompt_tokens if good else 0
        if bad := [a.error for a in answers if a.error]:
            record[f"{name}_errors"] = bad[:2]
    pairs = [
        g.ttft_s - e.ttft_s
        for g, e in zip(got["gateway"], got["engine"], strict=True)
        if not g.error and not e.error
    ]
    if pairs:
        record["ttft_added_ms"] = median_ms(pairs)
        record["ttft_ratio"] = round(record["gateway_ttft_ms"] / record["engine_ttft_ms"], 4)
    return record


async def measure(targets: Targets, options: argparse.Namespace) -> None:
    clients = {"engine": Client(targets.engine), "gateway": Client(targets.gateway)}
    model = targets.model
    seeds = iter(range(1, 100_000))

    def requests(count: int, tokens: int, sizes: list[tuple[int, int]]) -> list[bytes]:
        return [
            body(model, [picture(w, h, next(seeds)) for w, h in sizes], tokens, next(seeds))
            for _ in range(count)
        ]

    for sizes in ([], [(1024, 1024)], [(1920, 1080)] * 3):
        await by_turns(clients, requests(2, 8, sizes))
    if not options.pictures_only:
        say(**told("text, 32 tokens, alone", await by_turns(clients, requests(60, 32, []))))
        say(**told("one 1024x1024 picture, alone", await by_turns(clients, requests(20, 16, [(1024, 1024)]))))
    say(
        **told(
            "three 1920x1080 pictures, alone", await by_turns(clients, requests(12, 4, [(1920, 1080)] * 3))
        )
    )
    if not options.pictures_only:
        rates: dict[str, list[float]] = {"engine": [], "gateway": []}
        for turn in range(6):
            name = ("engine", "gateway", "gateway", "engine", "engine", "gateway")[turn]
            answers, took_s = await clients[name].ask_all(requests(16, 256, []))
            rates[name].append(sum(a.tokens for a in answers) / took_s)
        medians = {name: statistics.median(values) for name, values in rates.items()}
        ratio = round(medians["gateway"] / medians["engine"], 4)
        say(what="16 at once, 256 tokens", rates_tokens_s=rates, ratio=ratio)
        answers, took_s = await clients["gateway"].ask_all(requests(16, 128, [(1024, 768)]))
        ttfts = sorted(a.ttft_s for a in answers if not a.error)
        rate = round(sum(a.tokens for a in answers) / took_s)
        say(what="16 at once, a picture each, gateway", tokens_s=rate,
            ttft_p95_ms=round(1000 * ttfts[int(0.95 * len(ttfts))]), answers=len(ttfts))  # fmt: skip
    if options.swap:
        from bench.engine.vision_swap import swap, write_tower

        for run in range(3):
            path = options.out / "tower.safetensors"
            await asyncio.to_thread(write_tower, path, run)
            say(
                what="swap",
                run=run,
                **await swap(
                    clients["gateway"], clients["engine"], model, path, streams=16, tokens=700, seed=run + 50
                ),
            )
            path.unlink()


async def launch(options: argparse.Namespace) -> None:
    from huiyan.engines.environments import Environments, Interpreter
    from huiyan.launcher.orchestrate import Launcher
    from huiyan.settings.environment import child_environment
    from huiyan.settings.load import load

    data_dir = options.out / "data"
    version = Interpreter(path=str(options.python), vllm="0.25.1", torch="2.11.0", registered=True)
    Environments(data_dir).use(version)
    flags: dict[str, Any] = {
        "data_dir": data_dir,
        "gateway": {"port": 8123, "static_dir": options.static},
        "engine": {
            "engine": "vllm", "model_path": options.model, "load_format": options.load_format,
            "preprocessing_threads": options.threads, "compile": options.compile, "context_tokens": 16384,
        },
    }  # fmt: skip
    settings = load(flags)
    began = time.monotonic()
    ready = asyncio.Event()

    def report(event: Any) -> None:
        text = event.text.render("en") if event.text is not None else ""
        say(
            at_s=round(time.monotonic() - began, 1),
            kind=event.kind,
            layer=event.layer,
            text=text,
            progress=event.progress,
        )
        if event.kind == "ready":
            ready.set()

    launcher = Launcher(settings, report, environment=child_environment())
    running = asyncio.ensure_future(launcher.run())
    waiting = asyncio.ensure_future(ready.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        services = launcher._services  # noqa: SLF001 - the key is nowhere else
        assert services is not None
        gateway = EngineEndpoint(host="127.0.0.1", port=8123)
        targets = Targets(gateway=gateway, engine=services.engine.endpoint, model=services.engine.card.id)
        command = [sys.executable, __file__, *sys.argv[1:], "--load"]
        client = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
        await client.communicate(msgspec.json.encode(targets))
        say(gpu_mib=gpu_used_mib(), status=json.loads(msgspec.json.encode(launcher.status().engine)))
        stopping = time.monotonic()
        launcher.request_stop()
        await running
        say(stopped_s=round(time.monotonic() - stopping, 2), gpu_mib=gpu_used_mib())
    else:
        waiting.cancel()
        say(failed=repr(running.exception()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--static", type=Path)
    parser.add_argument("--load-format", default="dummy")
    parser.add_argument("--threads", type=int, help="that resize pictures; half of the cores, 8 at most")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--pictures-only", action="store_true")
    parser.add_argument("--swap", action="store_true")
    parser.add_argument("--load", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    if chosen.load:
        asyncio.run(measure(msgspec.json.decode(sys.stdin.buffer.read(), type=Targets), chosen))
    else:
        asyncio.run(launch(chosen))
