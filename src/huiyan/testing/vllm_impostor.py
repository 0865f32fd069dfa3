"""Stands in for vLLM where there is no GPU: its log, its answers, its development routes, its ways to fail.

    python -m huiyan.testing.vllm_impostor SHIM serve DIR --uds PATH …      (the key comes on stdin)

Called as `VllmEngine` calls an interpreter with vLLM, which makes tests cover the wrapper process as it is.
What it says was recorded on an H100 with vLLM 0.25.1 (bench/engine/record_vllm.py, tests/data/vllm). A
file `impostor.json` in the model's directory scripts it: see `Play`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from huiyan.testing.vllm_server import VllmServer


class Play(msgspec.Struct, forbid_unknown_fields=True):
    """log: file whose lines are replayed. line_s: pause after each. code: end with it after the log, in place
    of serving. die_after_s: of serving. child: leave a process behind that ignores SIGTERM, as a stuck engine
    core would. answer: what every question is answered with. fits_tokens: with a longer context it fails with
    the log and the code; None: always, where there is a code.
    """

    log: str = ""
    line_s: float = 0.002
    code: int | None = None
    die_after_s: float | None = None
    child: bool = False
    answer: str = "这是一个红色的圆形。"
    fits_tokens: int | None = None


def arguments(argv: list[str]) -> argparse.Namespace:
    """What matters here of `vllm serve`'s arguments; the others are taken as vLLM would."""
    parser = argparse.ArgumentParser()
    parser.add_argument("shim")
    parser.add_argument("command")
    parser.add_argument("model", type=Path)
    parser.add_argument("--uds", default="")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--served-model-name", default="model")
    parser.add_argument("--max-model-len", type=int, default=4096)
    return parser.parse_known_args(argv)[0]


async def serve(chosen: argparse.Namespace, play: Play, key: str) -> int:
    server = VllmServer(
        api_key=key,
        model=chosen.served_model_name,
        context_tokens=chosen.max_model_len,
        dev_routes=os.environ.get("VLLM_SERVER_DEV_MODE") == "1",  # noqa: TID251 - as vLLM itself does
        answer=play.answer,
        tower=chosen.model,
    )
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def end() -> None:
        if not ended.done():
            ended.set_result(0)

    loop.add_signal_handler(signal.SIGTERM, end)
    fails = play.code is not None and (play.fits_tokens is None or chosen.max_model_len > play.fits_tokens)
    if play.log and (fails or play.fits_tokens is None):
        for line in (await asyncio.to_thread(Path(play.log).read_text, "utf-8")).splitlines():
            _say(line)
            await asyncio.sleep(play.line_s)
            if ended.done():
                return 0
    if fails:
        return play.code or 1
    if chosen.uds:
        await server.start_unix(chosen.uds)
    else:
        await server.start(chosen.port)
    if play.die_after_s is not None:
        loop.call_later(play.die_after_s, os._exit, 1)
    return await ended


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(argv: list[str]) -> int:
    key = sys.stdin.readline().strip()
    chosen = arguments(argv)
    script = chosen.model / "impostor.json"
    play = msgspec.json.decode(script.read_bytes(), type=Play) if script.exists() else Play()
    if play.child:
        stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
        subprocess.Popen([sys.executable, "-c", stubborn], stdin=subprocess.DEVNULL)
    return asyncio.run(serve(chosen, play, key))


def interpreter(directory: Path) -> Path:
    """An executable in `directory` to give to `VllmEngine` as its interpreter."""
    path = directory / "impostor-python"
    source = Path(__file__).parents[2]
    path.write_text(
        f'#!/bin/sh\nPYTHONPATH="{source}" exec "{sys.executable}" -P -m huiyan.testing.vllm_impostor "$@"\n'
    )
    path.chmod(0o700)
    return path


def answers(path: Path) -> dict[str, dict[str, Any]]:
    """Recorded exchanges by name."""
    entries = [msgspec.json.decode(line, type=dict[str, Any]) for line in path.read_bytes().splitlines()]
    return {entry["name"]: entry for entry in entries}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
