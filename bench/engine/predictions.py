"""Start vLLM with one configuration after another and write down what it says about memory, or why it ends.

    python bench/engine/predictions.py --python PYTHON_WITH_VLLM --models DIR --out DIR [NAME…]

DIR comes from shapes.py; weights are random. Cards of 12, 16 and 24 GB are emulated with a share of the
card's memory. Each start ends once vLLM has said how many tokens its cache holds. No compilation: it changes
a start's length and speed, not what is told here. With `bench/engine/gate` on the interpreter's PYTHONPATH,
`--gate` lets starts overlap while they import.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.engine.vllm_bench import card, engine, gpu_total_mib, say, supervised
from huiyan.engines.status import EngineState
from huiyan.engines.vllm_log import StartLog

_AT_ONCE = 4


class Case(NamedTuple):
    """gib: of the card that is emulated; None: the whole card. share: of it that vLLM may take.

    images: in one request. image_tokens: most of one picture. batched: tokens of one step; None: vLLM's own.
    """

    model: str
    gib: int | None
    context: int
    images: int = 9
    image_tokens: int = 4096
    batched: int | None = None
    share: float = 0.9
    eager: bool = False
    kv_dtype: str | None = None


CASES = {
    "bf16-24g-16k": Case("bf16", 24, 16_384),
    "bf16-24g-8k-b2048": Case("bf16", 24, 8_192, 3, batched=2048),
    "bf16-24g-16k-big-pictures": Case("bf16", 24, 16_384, image_tokens=16_384),
    "bf16-24g-16k-b16384": Case("bf16", 24, 16_384, batched=16_384),
    "bf16-24g-16k-eager": Case("bf16", 24, 16_384, eager=True),
    "bf16-80g-32k": Case("bf16", None, 32_768),
    "bf16-80g-131k": Case("bf16", None, 131_072),
    "fp8-24g-16k": Case("fp8", 24, 16_384),
    "fp8-24g-32k": Case("fp8", 24, 32_768),
    "fp8-16g-8k": Case("fp8", 16, 8_192, 3, batched=2048),
    "fp8-80g-65k": Case("fp8", None, 65_536),
    "gptq4-24g-16k": Case("gptq4", 24, 16_384),
    "gptq4-24g-65k": Case("gptq4", 24, 65_536),
    "gptq4-16g-16k": Case("gptq4", 16, 16_384),
    "gptq4-12g-8k": Case("gptq4", 12, 8_192, 3, batched=2048),
    "gptq4-24g-16k-kv-fp8": Case("gptq4", 24, 16_384, kv_dtype="fp8"),
    "gptq4-80g-32k": Case("gptq4", None, 32_768),
    # Too much for what they are given:
    "bf16-24g-32k": Case("bf16", 24, 32_768),
    "bf16-16g-8k": Case("bf16", 16, 8_192),
    "fp8-24g-131k": Case("fp8", 24, 131_072),
    "gptq4-12g-65k": Case("gptq4", 12, 65_536),
}


async def run(name: str, options: argparse.Namespace) -> None:
    case = CASES[name]
    share = case.share if case.gib is None else round(case.share * case.gib * 1024 / gpu_total_mib(), 4)
    served = engine(
        options.models / case.model,
        options.python,
        card(name, case.context, images=case.images, image_max_tokens=case.image_tokens),
        gpu_memory_fraction=share,
        compiled=False,
        eager=case.eager,
        max_batched_tokens=case.batched,
        kv_cache_dtype=case.kv_dtype,
        load_format="dummy",
        extra=("--worker-extension-cls", "bench_gate.Gate") if options.gate else (),
    )
    began = time.monotonic()
    async with supervised(served, start_timeout_s=options.timeout_s) as watched:
        assert watched.supervisor is not None
        known = {EngineState.READY, EngineState.FAILED}
        said = "Maximum concurrency for"
        while watched.supervisor.status.state not in known and not watched.says(said):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        status = watched.supervisor.status
        log = StartLog()
        for line in watched.lines:
            log.feed(line)
        record = {
            "name": name,
            **case._asdict(),
            "gpu_memory_fraction": share,
            "starts": status.state is not EngineState.FAILED,
            "code": status.code if status.state is EngineState.FAILED else "",
            "detail": status.detail[:500] if status.state is EngineState.FAILED else "",
            "took_s": round(time.monotonic() - began, 1),
            "memory": msgspec.to_builtins(log.memory),
        }
        say(**record)
        with (options.out / "predictions.jsonl").open("a") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
        (options.out / f"{name}.log").write_text("\n".join(watched.lines))
        watched.supervisor.hurry()
        await watched.supervisor.stop(hurry=True)


async def run_all(options: argparse.Namespace) -> None:
    until = time.monotonic() + options.budget_s
    gate = asyncio.Semaphore(_AT_ONCE if options.gate else 1)

    async def one(name: str) -> None:
        async with gate:
            if time.monotonic() > until:
                say(skipped=name)
                return
            try:
                await run(name, options)
            except* (TimeoutError, OSError) as error:
                say(name=name, error=repr(error))

    async with asyncio.TaskGroup() as group:
        for name in options.names or CASES:
            group.create_task(one(name))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--timeout-s", type=float, default=300)
    parser.add_argument("--budget-s", type=float, default=480, help="begin no further one after this")
    parser.add_argument("--gate", action="store_true")
    parser.add_argument("names", nargs="*")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    asyncio.run(run_all(chosen))
