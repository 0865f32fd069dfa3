"""Start an installed huiyan as a newcomer would, ask nano one question, stop it.

    python scripts/release/first_answer.py /path/to/bin/huiyan

HOME is empty and nothing of this environment reaches it but PATH. Prints the answer and how long it took.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

_START_TIMEOUT_S: Final = 180.0
_ANSWER_TIMEOUT_S: Final = 120.0
_STOP_TIMEOUT_S: Final = 60.0
#: nano reads text in pictures; without one it says what it is, which is an answer, too.
_QUESTION: Final = "你好，你是谁？"


def first_answer(huiyan: Path, home: Path) -> tuple[str, float]:
    """(nano's words, seconds from the command to ready). Raises: RuntimeError with what went wrong."""
    environment = {"HOME": str(home), "PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
    begin = time.monotonic()
    words = ["start", "--no-browser", "--port", "0", "--engine-port", "0", "--json"]
    started = subprocess.Popen(
        [str(huiyan), *words], env=environment, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        url = _ready(started, begin + _START_TIMEOUT_S)
        took_s = time.monotonic() - begin
        return _ask(url), took_s
    finally:
        started.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(_STOP_TIMEOUT_S)
        if started.poll() is None:
            started.kill()
        started.wait()
        if started.stdout is not None:
            started.stdout.close()


def _ready(started: subprocess.Popen[bytes], deadline_s: float) -> str:
    """The page's address once everything works."""
    lines: queue.Queue[bytes | None] = queue.Queue()
    stream = started.stdout
    assert stream is not None

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    seen: list[str] = []
    while True:
        try:
            line = lines.get(timeout=max(0.1, deadline_s - time.monotonic()))
        except queue.Empty:
            raise RuntimeError("not ready in time:\n" + "\n".join(seen)) from None
        if line is None:
            raise RuntimeError("it ended before it was ready:\n" + "\n".join(seen))
        seen.append(line.decode(errors="replace").rstrip())
        event: dict[str, Any] = {}
        with contextlib.suppress(ValueError):
            event = json.loads(line)
        if event.get("event") == "ready":
            return str(event["url"])


def _ask(url: str) -> str:
    body = {"model": "nano", "messages": [{"role": "user", "content": _QUESTION}], "max_tokens": 64}
    request = urllib.request.Request(  # noqa: S310 - the address that it told
        f"{url.rstrip('/')}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=_ANSWER_TIMEOUT_S) as answer:  # noqa: S310
        said: str = json.load(answer)["choices"][0]["message"]["content"]
    with urllib.request.urlopen(url, timeout=_ANSWER_TIMEOUT_S) as page:  # noqa: S310
        if b"<script" not in page.read():
            raise RuntimeError("there is no page")
    if not said.strip():
        raise RuntimeError("the answer is empty")
    return said


def main(words: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="huiyan-home-") as home:
        try:
            said, took_s = first_answer(Path(words[0]).absolute(), Path(home))
        except (RuntimeError, OSError) as error:
            print(error, file=sys.stderr)
            return 1
    print(f"ready after {took_s:.1f} s; {said}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
