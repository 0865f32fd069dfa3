"""The real engine by itself: huiyan's llama.cpp child with nano, without launcher or gateway."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from huiyan import lifeline, nano
from huiyan.engines.llama_cpp import LlamaCppEngine
from huiyan.engines.status import EngineEndpoint
from tests.support.ports import free_port


@dataclass(frozen=True)
class EngineProcess:
    process: subprocess.Popen[bytes]
    endpoint: EngineEndpoint


@contextlib.contextmanager
def llama_cpp(
    *, wait: bool = True, module: str = "", slots: int = 1, api_key: str | None = None
) -> Iterator[EngineProcess]:
    """Run the child with one thread. wait: return only once it listens and has loaded.

    module: to run instead of the child itself.
    """
    engine = LlamaCppEngine(
        card=nano.card(),
        model_path=nano.MODEL_PATH,
        mmproj_path=nano.MMPROJ_PATH,
        port=free_port(),
        threads=1,
        slots=slots,
        api_key=api_key or secrets.token_urlsafe(32),
    )
    ours, theirs = lifeline.pair()
    process = subprocess.Popen(
        [sys.executable, "-m", module or engine.module, "--lifeline-fd", str(theirs.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **engine.environment},
        pass_fds=(theirs.fileno(),),
    )
    theirs.close()
    try:
        ours.sendall(msgspec.json.encode(engine.boot()) + b"\n")
        if wait:
            ours.settimeout(60)
            with ours.makefile("rb") as lines:
                while b'"listening"' not in (line := lines.readline()):
                    assert line, "the engine ended before it listened"
        yield EngineProcess(process, engine.endpoint)
    finally:
        ours.close()
        try:
            process.wait(lifeline.ORPHAN_GRACE_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
