"""A gateway process that is treated badly stops needing more memory."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from tests.fuzz.conftest import EXAMPLES
from tests.fuzz.messages import AMBIGUOUS, BODIES, post
from tests.support import pictures
from tests.support.gateway import chat_request
from tests.support.ports import free_port
from tests.support.wait import wait_until

MIB = 1024 * 1024
#: Connections between two looks, and what two rounds may add (2 KB a connection: less than a body).
ROUND = max(600, EXAMPLES)
ALLOWED_BYTES = 2 * ROUND * 2048
MOST_ROUNDS = 10


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[tuple[int, psutil.Process]]:
    """`huiyan serve` with nobody behind it: what gets past the gateway's checks is a 502."""
    port = free_port()
    words = ["serve", "--port", str(port), "--data-dir", str(tmp_path), "--engine-url", "http://127.0.0.1:9"]
    # The program refuses HUIYAN_ variables that it does not know, the tests' own too.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUIYAN_")}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "huiyan", *words], stdout=log, stderr=log, env=environment
        )
    try:
        wait_until(lambda: _listens(port), "the gateway listens", 60)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _hostile() -> Iterator[bytes]:
    bodies = [
        msgspec.json.encode(chat_request(pictures.picture_content(data)))
        for data in (pictures.truncated_jpeg(), pictures.png_bomb(), b"", b"GIF89a" + bytes(100))
    ]
    bodies += [b"[" * 100_000, b'{"messages": 1}', b"{" * 10, b'{"messages":[{"role":"user","content":"x"}]}']
    whole = [post(body, b"Content-Length: %d" % len(body)) for body in bodies]
    ambiguous = [post(body, *headers) for headers in AMBIGUOUS for body in BODIES]
    odd = [
        b"\0" * 100,
        b"GET / HTTP/1.1\r\nX: " + b"y" * 80_000,
        b"POST /v1/chat/completions HTTP/1.1\r\n",
        b"",
    ]
    return itertools.cycle([*whole, *ambiguous, *odd])


def _send(port: int, messages: Iterator[bytes], count: int) -> None:
    for message in itertools.islice(messages, count):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 30) as connection:
            connection.sendall(message)
            connection.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                connection.recv(4096)


def test_memory_does_not_grow(gateway: tuple[int, psutil.Process]) -> None:
    """It finds its level: threads start and modules are loaded at their first use, then no more comes."""
    port, process = gateway
    messages = _hostile()
    levels: list[int] = []
    for _ in range(MOST_ROUNDS):
        _send(port, messages, ROUND)
        levels.append(process.memory_info().rss)
        if len(levels) >= 3 and levels[-1] - levels[-3] < ALLOWED_BYTES:
            break
    else:
        pytest.fail(f"still growing: {[round(level / MIB, 1) for level in levels]} MiB")
    assert process.num_fds() < 200
    assert process.is_running()
