"""From nano to the real model on a machine with a GPU, while people ask: what fails, and for how long.

    python bench/engine/live_switch.py --model-dir HF --data-dir DIR --work WORK [--clients 8]

Nobody names a model: huiyan starts, nano answers in llama.cpp, and the page's offer (what the planner names
for this card) is fetched from a directory that stands in for a hub and holds the files of HF under that name.
vLLM is in use already (`huiyan engines use`), or is installed along. Clients ask about sample pictures all
the time. Then huiyan is stopped and started again, again without a name. Every line of the output is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec

from bench.engine.load_client import Client
from bench.engine.vision_update import questions, request, say
from huiyan.engines.status import EngineEndpoint
from huiyan.launcher.means import means
from huiyan.settings.load import load


class Crowd:
    """Clients that ask one question after the other until they are told to stop."""

    def __init__(self, port: int, count: int) -> None:
        self._client = Client(EngineEndpoint(host="127.0.0.1", port=port))
        self._questions = questions()
        self._stopping = False
        #: (when it was answered, which model, seconds it took)
        self.answers: list[tuple[float, str, float]] = []
        self.failures: list[str] = []
        self.tasks = [asyncio.ensure_future(self._ask(number)) for number in range(count)]

    async def _ask(self, number: int) -> None:
        while not self._stopping:
            url, question = self._questions[number % len(self._questions)]
            number += 7
            began_s = time.monotonic()
            try:
                # Without a model's name: whoever serves. A request that has one gets a 404 after the switch.
                asked = msgspec.json.decode(request("", url, question, max_tokens=120))
                del asked["model"]
                body = msgspec.json.encode(asked)
                status, answer = await self._client.pool.fetch(
                    "POST", "/v1/chat/completions", body=body, timeout_s=300
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a failed request
                self.failures.append(f"{type(error).__name__}: {error}"[:200])
                continue
            now_s = time.monotonic()
            if status == 200:
                self.answers.append((now_s, str(msgspec.json.decode(answer)["model"]), now_s - began_s))
            else:
                self.failures.append(answer[:200].decode("utf-8", "replace"))

    async def stop(self) -> None:
        self._stopping = True
        await asyncio.gather(*self.tasks)


async def _get(port: int, path: str) -> dict[str, object]:
    client = Client(EngineEndpoint(host="127.0.0.1", port=port))
    status, answer = await client.pool.fetch("GET", path, timeout_s=5)
    return {**msgspec.json.decode(answer), "http_status": status}


async def _ready(port: int, process: subprocess.Popen[bytes], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            if (await _get(port, "/health/ready"))["http_status"] == 200:
                return
        except Exception:  # noqa: BLE001 - not there yet, in whatever way
            pass
        await asyncio.sleep(0.5)
    raise SystemExit("huiyan did not become ready")


async def _model(port: int) -> str:
    listed = (await _get(port, "/v1/models"))["data"]
    assert isinstance(listed, list)
    return str(listed[0]["id"])


async def _switched(options: argparse.Namespace, wanted: str) -> bool:
    crowd = Crowd(options.port, options.clients)
    await asyncio.sleep(options.lead_s)
    client = Client(EngineEndpoint(host="127.0.0.1", port=options.port))
    asked_s = time.monotonic()
    status, answer = await client.pool.fetch("POST", "/api/admin/models/pull", body=b"{}", timeout_s=30)
    say(pull=status, answer=json.loads(answer))
    while await _model(options.port) != wanted:
        if time.monotonic() - asked_s > options.timeout_s:
            break
        await asyncio.sleep(0.5)
    await asyncio.sleep(options.lead_s)
    await crowd.stop()
    by_model = Counter(model for _, model, _ in crowd.answers)
    first_s = min((at for at, model, _ in crowd.answers if model == wanted), default=None)
    last_other_s = max((at for at, model, _ in crowd.answers if model != wanted), default=None)
    whole = [took for _, _, took in crowd.answers]
    say(
        clients=options.clients,
        answers=dict(by_model),
        failed=len(crowd.failures),
        failures=crowd.failures[:3],
        first_answer_of_it_s=None if first_s is None else round(first_s - asked_s, 1),
        last_answer_of_nano_s=None if last_other_s is None else round(last_other_s - asked_s, 1),
        median_s=round(sorted(whole)[len(whole) // 2], 3),
        longest_s=round(max(whole), 3),
    )
    return not crowd.failures and first_s is not None


async def _again(options: argparse.Namespace, wanted: str) -> bool:
    crowd = Crowd(options.port, 1)
    await asyncio.sleep(options.lead_s)
    await crowd.stop()
    model = await _model(options.port)
    say(second_start=model, answers=len(crowd.answers), failed=len(crowd.failures))
    return model == wanted and bool(crowd.answers) and not crowd.failures


def main(options: argparse.Namespace) -> bool:
    suggestion = means(load({"data_dir": options.data_dir})).suggestion()
    say(suggestion=None if suggestion is None else msgspec.to_builtins(suggestion))
    if suggestion is None or suggestion.engine != "vllm":
        raise SystemExit("the planner names no model for a GPU here")
    place = options.work / "hub" / suggestion.id
    place.mkdir(parents=True, exist_ok=True)
    for path in options.model_dir.iterdir():
        if path.is_file() and not (place / path.name).exists():
            shutil.copyfile(path, place / path.name)
    environment = {**os.environ, "HUIYAN_HUB": (options.work / "hub").as_uri()}
    words = ["start", "--no-browser", "--port", str(options.port), "--data-dir", str(options.data_dir)]
    good = True
    for step in (_switched, _again):
        log = (options.work / f"{step.__name__}.log").open("wb")
        began_s = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-m", "huiyan", *words], stdout=log, stderr=subprocess.STDOUT, env=environment
        ) as process:
            try:
                asyncio.run(_ready(options.port, process, options.timeout_s))
                say(ready_s=round(time.monotonic() - began_s, 1), model=asyncio.run(_model(options.port)))
                good = asyncio.run(step(options, suggestion.id)) and good
            finally:
                if process.poll() is None:
                    process.terminate()
                said = (options.work / f"{step.__name__}.log").read_text("utf-8", "replace")
                print(said[-2500:], file=sys.stderr)
    return good


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--model-dir", type=Path, required=True, help="safetensors that answer truly: nano/hf"
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument(
        "--lead-s", type=float, default=8.0, help="asking before the fetch and after the switch"
    )
    parser.add_argument("--timeout-s", type=float, default=300)
    chosen = parser.parse_args()
    chosen.data_dir.mkdir(parents=True, exist_ok=True)
    sys.exit(0 if main(chosen) else 1)
