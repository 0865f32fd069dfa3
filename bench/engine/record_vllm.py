"""Run real vLLM under huiyan's supervisor and write down everything that a stand-in has to repeat.

    python bench/engine/record_vllm.py --python PYTHON_WITH_VLLM --model nano/hf --out DIR

Starts it with nano, records its lines, states, answers and development routes, kills its engine core (it has
to come back), then kills the launcher, and measures until no process and no GPU memory of it are left.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from bench.engine.vllm_bench import ask, card, engine, gpu_used_mib, say, supervised
from huiyan.engines.status import EngineState
from huiyan.engines.vllm import VllmEngine
from huiyan.engines.vllm_warmup import steps, striped_png, warm_up
from huiyan.launcher.health import ask_canary

CHAT = "/v1/chat/completions"


def exchanges(pictures: Path | None) -> list[tuple[str, str, str, Any, dict[str, str]]]:
    """(name, method, path, body, headers) of what is asked for the record."""
    hello = [{"role": "user", "content": "你是谁？"}]

    def with_picture(data: bytes, text: str) -> list[dict[str, Any]]:
        url = "data:image/png;base64," + base64.b64encode(data).decode()
        return [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}],
            }
        ]

    tag = (pictures / "03_price_tag_zh.png").read_bytes() if pictures else striped_png((256, 256), 3)
    stream = {"messages": hello, "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 40}
    return [
        ("health", "GET", "/health", None, {"Authorization": ""}),
        ("models", "GET", "/v1/models", None, {}),
        ("version", "GET", "/version", None, {}),
        ("no_key_models", "GET", "/v1/models", None, {"Authorization": ""}),
        ("no_key_metrics", "GET", "/metrics", None, {"Authorization": ""}),
        ("no_key_pause", "POST", "/pause?mode=keep", None, {"Authorization": "Bearer wrong"}),
        ("chat", "POST", CHAT, {"messages": hello, "max_tokens": 40}, {}),
        ("chat_stream", "POST", CHAT, stream, {"X-Request-Id": "abc-1"}),
        ("chat_stream_plain", "POST", CHAT, {"messages": hello, "stream": True, "max_tokens": 3}, {}),
        ("chat_picture", "POST", CHAT, {"messages": with_picture(tag, "多少钱？"), "max_tokens": 40}, {}),
        ("bad_picture", "POST", CHAT, {"messages": with_picture(b"this is no picture", "?")}, {}),
        (
            "picture_url",
            "POST",
            CHAT,
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/x.png"}}],
                    }
                ]
            },
            {},
        ),
        ("bad_json", "POST", CHAT, b"{this is no JSON", {}),
        ("empty_body", "POST", CHAT, b"", {}),
        ("no_messages", "POST", CHAT, {"model": "nano"}, {}),
        ("messages_string", "POST", CHAT, {"messages": "x"}, {}),
        ("unknown_model", "POST", CHAT, {"messages": hello, "model": "other"}, {}),
        ("too_long", "POST", CHAT, {"messages": [{"role": "user", "content": "苹果香蕉" * 3000}]}, {}),
        (
            "too_long_stream",
            "POST",
            CHAT,
            {"messages": [{"role": "user", "content": "苹果香蕉" * 3000}], "stream": True},
            {},
        ),
        (
            "too_many_pictures",
            "POST",
            CHAT,
            {"messages": [{"role": "user", "content": with_picture(tag, "x")[0]["content"] * 4}]},
            {},
        ),
        ("unknown_route", "POST", "/v1/nothing", {}, {}),
        (
            "tokenize",
            "POST",
            "/tokenize",
            {"prompt": "图里写了什么", "content": "图里写了什么", "add_special_tokens": False},
            {},
        ),
        (
            "completion",
            "POST",
            "/v1/completions",
            {"prompt": "<|im_start|>user\n你是谁？<|im_end|>\n<|im_start|>assistant\n", "max_tokens": 5},
            {},
        ),
        (
            "completion_stream",
            "POST",
            "/v1/completions",
            {
                "prompt": "<|im_start|>user\n你是谁？<|im_end|>\n<|im_start|>assistant\n",
                "max_tokens": 5,
                "stream": True,
            },
            {},
        ),
        ("is_paused", "GET", "/is_paused", None, {}),
        ("pause_keep", "POST", "/pause?mode=keep", None, {}),
        ("is_paused_now", "GET", "/is_paused", None, {}),
        ("resume", "POST", "/resume", None, {}),
        ("reset_prefix_cache", "POST", "/reset_prefix_cache", None, {}),
        ("reset_mm_cache", "POST", "/reset_mm_cache", None, {}),
        ("reset_encoder_cache", "POST", "/reset_encoder_cache", None, {}),
        ("vision_checksum", "POST", "/collective_rpc", {"method": "huiyan_vision_checksum"}, {}),
        ("memory", "POST", "/collective_rpc", {"method": "huiyan_memory"}, {}),
        ("rpc_unknown", "POST", "/collective_rpc", {"method": "no_such_method"}, {}),
        ("load", "GET", "/load", None, {}),
        ("metrics", "GET", "/metrics", None, {}),
    ]


def record(served: VllmEngine, pictures: Path | None, path: Path) -> None:
    with path.open("w") as file:
        for name, method, target, body, headers in exchanges(pictures):
            began = time.perf_counter()
            try:
                status, answered, data = ask(served, method, target, body, **headers)
            except OSError as error:
                status, answered, data = 0, {}, repr(error).encode()
            text = data.decode("utf-8", "replace")
            entry = {
                "name": name,
                "method": method,
                "path": target,
                "status": status,
                "headers": answered,
                "body": text,
            }
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            say(
                asked=name,
                status=status,
                took_ms=round(1000 * (time.perf_counter() - began)),
                body=text[:160],
            )


async def lives(options: argparse.Namespace) -> None:
    served = engine(
        options.model, options.python, card("nano", 4096, images=2, image_max_tokens=256),
        gpu_memory_fraction=0.2, compiled=False, max_num_seqs=16,
    )  # fmt: skip
    async with supervised(served, crashes=3) as watched:
        await watched.until(EngineState.READY, EngineState.FAILED, timeout_s=300)
        say(states=watched.states, memory=watched.memory)
        (options.out / "nano.log").write_text("\n".join(watched.lines))
        assert watched.supervisor is not None
        if watched.supervisor.status.state is EngineState.FAILED:
            say(failed=watched.supervisor.status.detail, tail=watched.lines[-40:])
            return
        began = time.perf_counter()
        await warm_up(served.endpoint, served.card, steps(served.card, max_num_seqs=16), timeout_s=120)
        say(warm_up_s=round(time.perf_counter() - began, 2))
        began = time.perf_counter()
        say(
            canary=await asyncio.to_thread(ask_canary, served.endpoint, "nano", timeout_s=60),
            took_s=round(time.perf_counter() - began, 2),
        )
        await asyncio.to_thread(record, served, options.pictures, options.out / "nano-answers.jsonl")
        wrapper = psutil.Process(watched.supervisor.status.pid)
        tree = wrapper.children(recursive=True)
        say(tree=[(p.pid, p.name(), " ".join(p.cmdline())[:60]) for p in tree])
        secret = served.api_key.encode()
        found = [
            p.pid
            for p in (wrapper, *tree)
            for kind in ("cmdline", "environ")
            if secret in Path(f"/proc/{p.pid}/{kind}").read_bytes()  # noqa: ASYNC240
        ]
        say(key_visible_in=found)
        core = next((p for p in tree if "EngineCore" in " ".join(p.cmdline())), tree[-1])
        core.kill()
        killed = len(watched.states)
        while watched.supervisor.status.state is EngineState.READY:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        say(engine_core_killed=[*watched.states[killed:]])
        if not options.short:
            await watched.until(EngineState.READY, EngineState.FAILED, timeout_s=240)
            say(back=watched.states[killed:])
        (options.out / "nano-killed.log").write_text("\n".join(watched.lines))
        print("HOLDING", flush=True)
        await asyncio.sleep(600)


def watch_orphans(options: argparse.Namespace) -> None:
    """The launcher in a process of its own, SIGKILLed once it holds."""
    before = gpu_used_mib()
    command = [sys.executable, __file__, *sys.argv[1:], "--inner"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        for line in launcher.stdout:
            print(line, end="", flush=True)
            if line.startswith("HOLDING"):
                tree = psutil.Process(launcher.pid).children(recursive=True)
                say(gpu_mib=gpu_used_mib(), before=before, processes=len(tree))
                launcher.send_signal(signal.SIGKILL)
                began = time.monotonic()
                _, alive = psutil.wait_procs(tree, timeout=10)
                gone_s = round(time.monotonic() - began, 2)
                while gpu_used_mib() > before + 20 and time.monotonic() - began < 15:
                    time.sleep(0.1)
                say(launcher_killed=True, processes_gone_s=gone_s, alive=[p.pid for p in alive],
                    gpu_free_s=round(time.monotonic() - began, 2), gpu_mib=gpu_used_mib())  # fmt: skip
                break


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--short", action="store_true", help="do not wait for the restart after the kill")
    parser.add_argument("--inner", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONUNBUFFERED"] = "1"
    if chosen.inner:
        asyncio.run(lives(chosen))
    else:
        watch_orphans(chosen)
