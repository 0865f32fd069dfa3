"""Start time, memory and speed of a server (Linux).

python -m nano.speed --port 8110 -- python -m nano.serve nano.gguf nano-mmproj.gguf
"""

from __future__ import annotations

import argparse
import subprocess
import time
import urllib.request
from pathlib import Path

from PIL import Image

from nano.client import chat

_CARD = Path(__file__).parents[1] / "tests" / "data" / "sample_images" / "01_product_card_zh.png"
_SIZES = ((256, 256), (384, 384), (512, 512), (1600, 1200))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8110)
    parser.add_argument("command", nargs="+", help="starts the server on that port")
    arguments = parser.parse_args()
    base_url = f"http://127.0.0.1:{arguments.port}"
    begin = time.monotonic()
    server = subprocess.Popen(arguments.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for_health(base_url, server)
        print(f"ready after {time.monotonic() - begin:.2f} s")
        print("idle:", _memory(server.pid))
        for size in _SIZES:
            _ask(base_url, size)
        begin = time.monotonic()
        chat(base_url, [], "你好")
        print(f"text only: {time.monotonic() - begin:.2f} s")
        print("then:", _memory(server.pid))
    finally:
        server.terminate()
        server.wait()


def _wait_for_health(base_url: str, server: subprocess.Popen[bytes]) -> None:
    while True:
        if server.poll() is not None:
            raise SystemExit(f"the server ended with exit code {server.returncode}")
        try:
            with urllib.request.urlopen(base_url + "/health", timeout=1):
                return
        except OSError:
            time.sleep(0.02)


def _memory(pid: int) -> str:
    """Resident memory now and at most, MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    now, most = (int(status.split(key)[1].split()[0]) // 1024 for key in ("VmRSS:", "VmHWM:"))
    return f"{now} MiB resident, {most} MiB at most"


def _ask(base_url: str, size: tuple[int, int]) -> None:
    image = Image.open(_CARD).resize(size)
    begin = time.monotonic()
    answer = chat(base_url, [image], "写一段小红书风格的文案。")
    took_s, usage = time.monotonic() - begin, answer["usage"]
    print(
        f"{size[0]}x{size[1]}: {took_s:.2f} s, prompt {usage['prompt_tokens']} tokens, "
        f"{usage['completion_tokens']} tokens at {answer['timings']['predicted_per_second']:.0f}/s"
    )


if __name__ == "__main__":
    main()
