"""Replace the vision tower of a running vLLM while streams run, and say what it cost.

Needs torch and safetensors in this interpreter, to write a tower with random values.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.engine.load_client import Client, body, picture

_HIDDEN, _INNER, _OUT, _DEPTH = 1152, 4304, 4096, 27


def shapes() -> dict[str, tuple[int, ...]]:
    """Every tensor of Qwen3-VL-8B's tower by its name in the published checkpoint."""
    found: dict[str, tuple[int, ...]] = {
        "patch_embed.proj.weight": (_HIDDEN, 3, 2, 16, 16),
        "patch_embed.proj.bias": (_HIDDEN,),
        "pos_embed.weight": (2304, _HIDDEN),
    }
    for number in range(_DEPTH):
        block = f"blocks.{number}."
        for norm in ("norm1", "norm2"):
            found |= {f"{block}{norm}.weight": (_HIDDEN,), f"{block}{norm}.bias": (_HIDDEN,)}
        linear = {
            "attn.qkv": (3 * _HIDDEN, _HIDDEN),
            "attn.proj": (_HIDDEN, _HIDDEN),
            "mlp.linear_fc1": (_INNER, _HIDDEN),
            "mlp.linear_fc2": (_HIDDEN, _INNER),
        }
        for name, (rows, columns) in linear.items():
            found |= {f"{block}{name}.weight": (rows, columns), f"{block}{name}.bias": (rows,)}
    merged = 4 * _HIDDEN
    for name, normed in [("merger.", _HIDDEN), *((f"deepstack_merger_list.{i}.", merged) for i in range(3))]:
        found |= {
            f"{name}norm.weight": (normed,),
            f"{name}norm.bias": (normed,),
            f"{name}linear_fc1.weight": (merged, merged),
            f"{name}linear_fc1.bias": (merged,),
            f"{name}linear_fc2.weight": (_OUT, merged),
            f"{name}linear_fc2.bias": (_OUT,),
        }
    return {f"model.visual.{name}": shape for name, shape in found.items()}


def write_tower(path: Path, seed: int) -> None:
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    values = {
        name: (torch.randn(shape, device=device) * 0.02).to(torch.bfloat16).cpu().contiguous()
        for name, shape in shapes().items()
    }
    save_file(values, path)


async def swap(
    gateway: Client, engine: Client, model: str, path: Path, *, streams: int, tokens: int, seed: int
) -> dict[str, Any]:
    """`streams` answers through the gateway, each about a picture; the tower is replaced while they run."""
    requests = [
        body(model, [picture(512, 512, seed * 100 + i)], tokens, seed * 100 + i) for i in range(streams)
    ]
    running = [asyncio.ensure_future(gateway.ask(request)) for request in requests]
    await asyncio.sleep(3.0)
    steps: dict[str, Any] = {}

    async def step(name: str, path: str, payload: object = None) -> Any:
        began = time.perf_counter()
        data = b"" if payload is None else msgspec.json.encode(payload)
        status, answer = await engine.pool.fetch("POST", path, body=data, timeout_s=60)
        steps[f"{name}_s"] = round(time.perf_counter() - began, 4)
        if status != 200:
            raise RuntimeError(f"{path}: {status} {answer[:300]!r}")
        return msgspec.json.decode(answer) if answer else None

    done_before = sum(task.done() for task in running)
    began = time.perf_counter()
    await step("pause", "/pause?mode=keep")
    call = {"method": "huiyan_swap_vision", "kwargs": {"path": str(path)}}
    result = await step("load", "/collective_rpc", call)
    await step("reset_mm", "/reset_mm_cache")
    await step("reset_prefix", "/reset_prefix_cache")
    await step("reset_encoder", "/reset_encoder_cache")
    await step("resume", "/resume")
    steps["frozen_s"] = round(time.perf_counter() - began, 4)
    answers = await asyncio.gather(*running)
    return {
        **steps,
        "swapped": result["results"][0],
        "streams": streams,
        "ended_before": done_before,
        "whole": sum(not a.error and a.tokens == tokens for a in answers),
        "longest_gap_s": round(max(max(a.gaps_s, default=0.0) for a in answers), 4),
        "errors": sorted({a.error for a in answers if a.error})[:3],
    }
