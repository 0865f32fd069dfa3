"""One engine of a cluster, as its node's agent has it: real processes, nano."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import psutil
import pytest

from huiyan import lifeline, nano
from huiyan.launcher.replica_child import load_of
from huiyan.store.lock import LockFile, encode_lock
from tests.support.models import lock_of
from tests.support.wait import wait_until
from tests.support.web import request

_TIMEOUT_S = 120.0
_ENGINE = {"threads": 1, "context_tokens": 4096, "image_max_tokens": 256}


@dataclass
class Replica:
    process: subprocess.Popen[bytes]
    ours: socket.socket
    lines: IO[bytes]

    def until(self, kind: str) -> dict[str, Any]:
        """The next message of that type; `failed` ends the wait."""
        while line := self.lines.readline():
            message: dict[str, Any] = json.loads(line)
            if message["type"] in {kind, "failed"}:
                return message
        raise AssertionError("it ended without a word")

    def engine(self) -> psutil.Process:
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(each for each in children if "huiyan.engines.llama_cpp_child" in each.cmdline())


@contextlib.contextmanager
def replica(data_dir: Path, **boot: Any) -> Iterator[Replica]:
    ours, theirs = lifeline.pair()
    process = subprocess.Popen(
        [sys.executable, "-m", "huiyan.launcher.replica_child", "--lifeline-fd", str(theirs.fileno())],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ},
        pass_fds=(theirs.fileno(),),
    )
    theirs.close()
    ours.settimeout(_TIMEOUT_S)
    told = {"engine": _ENGINE, "models": {}, "data_dir": str(data_dir), **boot}
    ours.sendall(json.dumps(told).encode() + b"\n")
    with ours, ours.makefile("rb") as lines:
        try:
            yield Replica(process, ours, lines)
        finally:
            ours.shutdown(socket.SHUT_RDWR)
            process.wait(_TIMEOUT_S)


def ask(ready: dict[str, Any]) -> int:
    port = urlsplit(ready["url"]).port
    assert port
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
    return request(port, "POST", "/v1/chat/completions", key=ready["api_key"], json_body=body).status


@pytest.mark.slow
def test_it_answers_with_its_key_comes_back_after_a_kill_and_ends_with_its_agent(tmp_path: Path) -> None:
    with replica(tmp_path) as one:
        ready = one.until("ready")
        assert (ready["model"], ready["slots"]) == ("nano", 1)
        assert ask(ready) == 200
        assert ask({**ready, "api_key": "wrong"}) == 401
        assert one.until("load")["running"] == 0
        one.engine().kill()
        assert one.until("down")["code"] == "engine_killed"
        again = one.until("ready")
        assert again["api_key"] == ready["api_key"]
        assert ask(again) == 200
        engine = one.engine()
        one.ours.shutdown(socket.SHUT_WR)
        assert one.process.wait(_TIMEOUT_S) == 0
        wait_until(lambda: not engine.is_running(), "the engine is gone with its agent", 15.0)


@pytest.mark.slow
def test_the_model_comes_by_its_lock_and_another_file_is_refused(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror" / "team" / "reader"
    mirror.mkdir(parents=True)
    for path in (nano.MODEL_PATH, nano.MMPROJ_PATH):
        shutil.copyfile(path, mirror / path.name)
    files = {path.name: path.read_bytes() for path in sorted(mirror.iterdir())}
    lock = encode_lock(LockFile(models=(lock_of(files, model_id="team/reader", source="local"),))).decode()
    models = {"hub": (tmp_path / "mirror").as_uri(), "offline": True}
    with replica(tmp_path / "node", lock=lock, models=models) as one:
        ready = one.until("ready")
        assert ready["model"] == "team/reader", ready
        assert ask(ready) == 200
    mmproj = mirror / nano.MMPROJ_PATH.name
    mmproj.write_bytes(bytes(mmproj.stat().st_size))
    with replica(tmp_path / "another node", lock=lock, models=models) as one:
        failed = one.until("ready")
        assert failed["type"] == "failed", "what the lock does not say is not served"
        assert failed["message"]
        assert one.process.wait(_TIMEOUT_S) == 1


def test_a_model_that_is_not_there_is_not_stood_in_for(tmp_path: Path) -> None:
    with replica(tmp_path, engine={**_ENGINE, "model": "team/reader"}) as one:
        failed = one.until("ready")
        assert (failed["type"], failed["code"]) == ("failed", "model_file_missing")
        assert "team/reader" in failed["message"]


def test_the_load_is_read_from_the_engines_metrics() -> None:
    said = b"# HELP x\nllamacpp:requests_processing 3\nllamacpp:requests_deferred 2.0\nllamacpp:other 9\n"
    assert load_of(said) == {"running": 3, "waiting": 2}
    assert load_of(b"") == {"running": 0, "waiting": 0}
