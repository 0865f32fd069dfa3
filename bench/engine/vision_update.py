"""`huiyan update --component vision-encoder` in a running system: there, back, and what must not be taken.

    python bench/engine/vision_update.py make --model local/nano --old HF --new HF2 --out WORK
    python bench/engine/vision_update.py run --model local/nano --work WORK --data-dir DIR [--engine vllm]

`make` cuts two releases: the new vision tower, and the old one with noise in its weights. `run` starts
huiyan, and in each run asks about sample pictures (clean and badly taken, one after another), starts streams
about pictures, updates while they run, asks again, rolls back, and asks again; in the end the noisy tower has
to be refused by itself. Every line of its output is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image, ImageEnhance, ImageFilter

from bench.engine.load_client import Client
from huiyan.engines.status import EngineEndpoint

_SAMPLES = Path(__file__).parents[2] / "tests" / "data" / "sample_images"
_COMPONENT = ("--component", "vision-encoder")


def say(**what: object) -> None:
    print(json.dumps(what, ensure_ascii=False), flush=True)


def huiyan(*arguments: str, data_dir: Path | None = None) -> subprocess.CompletedProcess[str]:
    where = () if data_dir is None else ("--data-dir", str(data_dir))
    command = [sys.executable, "-m", "huiyan", *arguments, *where]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def make(options: argparse.Namespace) -> None:
    noisy = options.out / "noisy-model"
    noisy.mkdir(parents=True, exist_ok=True)
    for path in options.old.iterdir():
        if path.is_file() and not (noisy / path.name).exists():
            (noisy / path.name).symlink_to(path.resolve())
    (noisy / "model.safetensors").unlink()
    _add_noise(options.old / "model.safetensors", noisy / "model.safetensors", options.noise)
    for version, new in (("2", options.new), ("3", noisy)):
        made = huiyan(
            "release", "make", "vision-encoder", str(options.old), str(new), "--model", options.model,
            "--version", version, "--out", str(options.out / f"feed-{version}"), "--json",
        )  # fmt: skip
        say(made=version, ok=made.returncode == 0, says=(made.stdout or made.stderr)[-300:])


def _add_noise(old: Path, new: Path, share: float) -> None:
    """share: standard deviation of the noise over that of a tensor's own values."""
    import torch

    from nano import weights

    torch.manual_seed(1)
    tower = {name: w.float() for name, w in weights.read(old).items() if name.startswith(weights.TOWER)}
    noisy = {
        name: (w + torch.randn_like(w) * w.std() * share).bfloat16() if w.dim() > 1 else w.bfloat16()
        for name, w in tower.items()
    }
    weights.write_tower(old, new, noisy)


def questions() -> list[tuple[str, str]]:
    """(data URL, question): each sample of one picture, clean and badly taken."""
    found = []
    for item in json.loads((_SAMPLES / "expected.json").read_text("utf-8")):
        if len(item["images"]) == 1:
            clean = Image.open(_SAMPLES / item["images"][0]).convert("RGB")
            dark = ImageEnhance.Brightness(ImageEnhance.Contrast(clean).enhance(0.35)).enhance(0.6)
            bad = dark.filter(ImageFilter.GaussianBlur(1.2))
            found += [(_url(clean), item["question"]), (_url(bad), item["question"])]
    return found


def _url(image: Image.Image) -> str:
    out = io.BytesIO()
    image.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def request(model: str, url: str, question: str, **more: Any) -> bytes:
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": question}]
    body = {"model": model, "messages": [{"role": "user", "content": content}], "temperature": 0, **more}
    return msgspec.json.encode(body)


class Asker:
    def __init__(self, port: int, model: str) -> None:
        self.client = Client(EngineEndpoint(host="127.0.0.1", port=port))
        self.model = model
        self.questions = questions()

    async def answers(self) -> list[str]:
        """To every question, one after another."""
        found = []
        for url, question in self.questions:
            status, answer = await self.client.pool.fetch(
                "POST", "/v1/chat/completions", body=request(self.model, url, question, max_tokens=120),
                timeout_s=120,
            )  # fmt: skip
            if status != 200:
                raise RuntimeError(answer[:300])
            found.append(msgspec.json.decode(answer)["choices"][0]["message"]["content"])
        return found

    def streams(self, count: int, tokens: int) -> list[asyncio.Future[Any]]:
        more: dict[str, Any] = {"stream": True, "max_tokens": tokens, "ignore_eos": True}
        more["stream_options"] = {"include_usage": True}
        bodies = [
            request(self.model, *self.questions[number % len(self.questions)], **more)
            for number in range(count)
        ]
        return [asyncio.ensure_future(self.client.ask(body)) for body in bodies]


async def measure(options: argparse.Namespace, port: int, model: str) -> bool:
    asker = Asker(port, model)
    first = await asker.answers()
    good = True
    for run in range(options.runs):
        running = asker.streams(options.streams, options.tokens)
        await asyncio.sleep(options.lead_s)
        ended_before = sum(each.done() for each in running)
        updated = await _update(options, "--feed", str(options.work / "feed-2"))
        whole = await asyncio.gather(*running)
        second = await asker.answers()
        back = await _update(options, "--rollback")
        again = await asker.answers()
        ok = (
            updated["exit"] == back["exit"] == 0
            and all(not each.error and each.tokens == options.tokens for each in whole)
            and second != first
            and again == first
        )
        good = good and ok
        say(
            run=run,
            ok=ok,
            update=updated,
            rollback=back,
            streams=options.streams,
            ended_before=ended_before,
            whole=sum(not each.error and each.tokens == options.tokens for each in whole),
            # Streams that waited in their middle while the engine was paused.
            frozen=sum(max(each.gaps_s, default=0.0) > (updated.get("pause_s") or 1.0) / 2 for each in whole),
            longest_gap_s=round(max(max(each.gaps_s, default=0.0) for each in whole), 3),
            errors=sorted({each.error for each in whole if each.error})[:3],
            questions=len(first),
            other_answers=sum(a != b for a, b in zip(first, second, strict=True)),
            first_again=again == first,
        )
        if run == 0:
            pairs = zip(asker.questions, first, second, strict=True)
            for (_, question), a, b in [each for each in pairs if each[1] != each[2]][:5]:
                say(question=question, before=a, after=b)
    refused = await _update(options, "--feed", str(options.work / "feed-3"))
    same = await asker.answers() == first
    say(noisy=refused, first_again=same)
    return good and refused["exit"] != 0 and same


async def _update(options: argparse.Namespace, *arguments: str) -> dict[str, Any]:
    began = time.perf_counter()
    ran = await asyncio.to_thread(
        huiyan, "update", *_COMPONENT, *arguments, "--yes", "--json", data_dir=options.data_dir
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    last = lines[-1] if lines else {"stderr": ran.stderr[-500:]}
    kept = {key: last[key] for key in ("step", "state", "pause_s", "error", "stderr") if last.get(key)}
    return {"exit": ran.returncode, "took_s": round(time.perf_counter() - began, 2), **kept}


def run(options: argparse.Namespace) -> bool:
    """Start, measure, stop."""
    port = options.port
    arguments = ["start", "--no-browser", "--port", str(port), "--data-dir", str(options.data_dir)]
    if options.engine != "llama_cpp":
        arguments += ["--engine", options.engine, "--model", options.model]
    log = (options.data_dir / "start.log").open("wb")
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "huiyan", *arguments], stdout=log, stderr=subprocess.STDOUT, env=os.environ
    ) as process:
        try:
            model = asyncio.run(_ready(port, process, options.start_timeout_s))
            say(ready_s=round(time.perf_counter() - began, 1), model=model)
            return asyncio.run(measure(options, port, model))
        finally:
            if process.poll() is None:
                process.terminate()
            print((options.data_dir / "start.log").read_text("utf-8", "replace")[-1500:], file=sys.stderr)


async def _ready(port: int, process: subprocess.Popen[bytes], timeout_s: float) -> str:
    client = Client(EngineEndpoint(host="127.0.0.1", port=port))
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            status, _ = await client.pool.fetch("GET", "/health/ready", timeout_s=5)
            if status == 200:
                _, answer = await client.pool.fetch("GET", "/v1/models", timeout_s=5)
                return str(msgspec.json.decode(answer)["data"][0]["id"])
        except Exception:  # noqa: BLE001 - not there yet, in whatever way
            pass
        await asyncio.sleep(0.5)
    raise SystemExit("huiyan did not become ready")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    steps = parser.add_subparsers(dest="what", required=True)
    making = steps.add_parser("make")
    making.add_argument("--model", required=True)
    making.add_argument("--old", type=Path, required=True, help="directory with the model that is served")
    making.add_argument("--new", type=Path, required=True, help="the same with another vision tower")
    making.add_argument("--noise", type=float, default=0.5)
    making.add_argument("--out", type=Path, required=True)
    running = steps.add_parser("run")
    running.add_argument("--model", default="")
    running.add_argument("--work", type=Path, required=True, help="`--out` of make")
    running.add_argument("--data-dir", type=Path, required=True)
    running.add_argument("--engine", default="llama_cpp", choices=("llama_cpp", "vllm"))
    running.add_argument("--port", type=int, default=8123)
    running.add_argument("--runs", type=int, default=3)
    running.add_argument("--streams", type=int, default=16)
    running.add_argument("--tokens", type=int, default=400)
    running.add_argument("--lead-s", type=float, default=1.0, help="from the first request to the update")
    running.add_argument("--start-timeout-s", type=float, default=420)
    chosen = parser.parse_args()
    if chosen.what == "make":
        make(chosen)
    else:
        chosen.data_dir.mkdir(parents=True, exist_ok=True)
        sys.exit(0 if run(chosen) else 1)
