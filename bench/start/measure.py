"""How long `huiyan start` takes: to the page, to ready, and to the first answer about a picture.

    python bench/start/measure.py [--huiyan PATH] [--runs 5] [--picture FILE --question TEXT]

Times are wall clock from the spawn of the command, in seconds, on a data directory that the first run
has filled (files verified, bytecode compiled); that first run is shown apart. Nothing but the command
and HTTP on loopback is used, so it measures any installed version.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLE = Path(__file__).parents[2] / "tests" / "data" / "sample_images" / "01_product_card_zh.png"
POLL_S = 0.01


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status
    except OSError:
        return 0
    finally:
        connection.close()


def ask(port: int, picture: Path, question: str) -> str:
    url = "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": question}]
    body = {"model": "nano", "messages": [{"role": "user", "content": content}], "max_tokens": 256}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer["choices"][0]["message"]["content"]


def one_run(command: list[str], data_dir: Path, picture: Path, question: str) -> dict[str, float | str]:
    port = free_port()
    arguments = [
        "start",
        "--no-browser",
        "--json",
        "--data-dir",
        str(data_dir),
        "--port",
        str(port),
        "--engine-port",
        "0",
    ]
    started = time.perf_counter()
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        while get(port, "/") != 200:
            if process.poll() is not None:
                raise SystemExit(f"start ended with {process.returncode}")
            time.sleep(POLL_S)
        page_s = time.perf_counter() - started
        for line in process.stdout:
            if json.loads(line).get("event") == "ready":
                break
        ready_s = time.perf_counter() - started
        answer = ask(port, picture, question)
        answered_s = time.perf_counter() - started
        return {"page_s": page_s, "ready_s": ready_s, "answered_s": answered_s, "answer": answer}
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--huiyan", help="the command; `python -m huiyan` of this interpreter unless given")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--picture", type=Path, default=SAMPLE)
    parser.add_argument("--question", default="价格是多少？")
    given = parser.parse_args()
    command = [given.huiyan] if given.huiyan else [sys.executable, "-m", "huiyan"]
    data_dir = Path(tempfile.mkdtemp(prefix="huiyan-bench-"))
    try:
        first = one_run(command, data_dir, given.picture, given.question)
        runs = [one_run(command, data_dir, given.picture, given.question) for _ in range(given.runs)]
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)
    names = ("page_s", "ready_s", "answered_s")
    print(f"{platform.machine()}, {len(runs)} runs, answer: {first['answer']}")
    print(f"{'':10} {'first run':>10} {'median':>10} {'worst':>10}")
    for name in names:
        values = [run[name] for run in runs]
        print(f"{name:10} {first[name]:10.2f} {statistics.median(values):10.2f} {max(values):10.2f}")


if __name__ == "__main__":
    main()
