"""The real engine process with nano: closed to strangers, and gone when it should be."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import psutil
import pytest

from huiyan import nano
from huiyan.engines.child import spawn
from huiyan.engines.llama_cpp import LlamaCppEngine
from huiyan.engines.llama_cpp_child import Boot

KEY = "test-key-0123456789abcdef"


def engine(**changes: Any) -> LlamaCppEngine:
    fields: dict[str, Any] = {
        "card": nano.card(),
        "model_path": nano.MODEL_PATH,
        "mmproj_path": nano.MMPROJ_PATH,
        "port": 0,
        "threads": 1,
        "api_key": KEY,
    }
    return LlamaCppEngine(**{**fields, **changes})


@dataclass
class Running:
    """The engine's process, spoken to from a plain thread of execution."""

    pid: int
    lifeline: socket.socket
    output: Any

    def boot(self, config: LlamaCppEngine) -> None:
        self.lifeline.sendall(msgspec.json.encode(config.boot()) + b"\n")

    def messages(self) -> Iterator[dict[str, Any]]:
        pending = b""
        while piece := self.lifeline.recv(65536):
            *lines, pending = (pending + piece).split(b"\n")
            for line in lines:
                yield json.loads(line)

    def port(self) -> int:
        return int(next(message["port"] for message in self.messages() if message["type"] == "listening"))

    def gone_within(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if os.waitpid(self.pid, os.WNOHANG)[0] == self.pid:
                return True
            time.sleep(0.02)
        return False


@pytest.fixture
def running(child_environment: dict[str, str]) -> Iterator[Running]:
    child = spawn("huiyan.engines.llama_cpp_child", environment=child_environment)
    child._socket.settimeout(60)
    yield Running(child.pid, child._socket, child._popen.stdout)
    child.kill_now()


def request(
    port: int, method: str, path: str, *, key: str | None = KEY, body: Any = None, origin: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    if origin is not None:
        headers["Origin"] = origin
        headers["Access-Control-Request-Method"] = "POST"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return (
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            response.read(),
        )
    finally:
        connection.close()


def test_only_the_key_opens_it(running: Running) -> None:
    running.boot(engine())
    port = running.port()
    ask = {"messages": [{"role": "user", "content": "你好"}], "max_tokens": 8}
    assert request(port, "POST", "/v1/chat/completions", body=ask)[0] == 200
    for key in (None, "", "wrong-key-0123456789abcdef", KEY[:-1]):
        for method, path in (("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/metrics")):
            assert request(port, method, path, key=key, body=ask if method == "POST" else None)[0] == 401

    # No page of another origin gets leave, neither beforehand nor with the answer.
    for method in ("OPTIONS", "GET"):
        headers = request(port, method, "/v1/models", origin="http://evil.example")[1]
        assert headers.get("access-control-allow-origin", "") == ""
        assert headers.get("access-control-allow-credentials", "false") == "false"
    assert request(port, "GET", "/")[0] == 404
    assert request(port, "GET", "/slots")[0] in (403, 404, 501)
    assert request(port, "POST", "/props", body={})[0] in (403, 404, 501)
    models = json.loads(request(port, "GET", "/v1/models")[2])
    assert models["data"][0]["id"] == "nano"


def test_it_listens_on_loopback_alone(running: Running) -> None:
    running.boot(engine())
    port = running.port()
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(running.pid).net_connections()
        if connection.laddr.port == port
    }
    assert listening == {"127.0.0.1"}


def test_the_slot_has_the_context_of_the_card(running: Running) -> None:
    running.boot(engine(slots=2))
    port = running.port()
    long = {"messages": [{"role": "user", "content": "字" * 3000}], "max_tokens": 1}
    status, _, _ = request(port, "POST", "/v1/chat/completions", body=long)
    assert status == 200, "3,000 characters fit into one of two slots of 4,096 tokens"


def test_no_secret_is_in_argv_or_environment(running: Running) -> None:
    running.boot(engine())
    running.port()
    process = psutil.Process(running.pid)
    assert KEY not in " ".join(process.cmdline())
    assert KEY not in str(process.environ())


@pytest.mark.parametrize("when", ["before boot", "while loading", "while serving"])
def test_it_ends_with_its_lifeline(running: Running, when: str) -> None:
    if when != "before boot":
        running.boot(engine())
        messages = running.messages()
        next(messages)
        if when == "while serving":
            next(messages)
    running.lifeline.close()
    assert running.gone_within(5.0)


def test_it_ends_even_when_native_code_holds_the_interpreter(
    child_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A stand-in for llama.cpp that never lets Python run again, as a hanging load would."""
    package = tmp_path_factory.mktemp("native")
    (package / "xllamacpp.py").write_text(
        "import ctypes\nctypes.PyDLL(None).sleep(60)\n"  # PyDLL keeps the interpreter's lock
    )
    environment = dict(child_environment)
    environment["PYTHONPATH"] = f"{package}{os.pathsep}{environment['PYTHONPATH']}"
    child = spawn("huiyan.engines.llama_cpp_child", environment=environment)
    running = Running(child.pid, child._socket, child._popen.stdout)
    try:
        running.boot(engine())
        assert next(running.messages())["type"] == "progress"
        time.sleep(0.3)
        running.lifeline.close()
        assert running.gone_within(5.0)
    finally:
        child.kill_now()


def test_a_file_that_is_no_model_is_reported(
    running: Running, tmp_path_factory: pytest.TempPathFactory
) -> None:
    junk = tmp_path_factory.mktemp("model") / "junk.gguf"
    junk.write_bytes(b"GGUF" + bytes(4000))
    running.boot(engine(model_path=junk))
    failed = [message for message in running.messages() if message["type"] == "failed"]
    assert failed[0]["code"] == "engine_model_rejected"
    assert "junk.gguf" in failed[0]["message"]
    assert running.gone_within(5.0)


def test_a_missing_engine_package_is_reported(
    child_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    package = tmp_path_factory.mktemp("broken")
    (package / "xllamacpp.py").write_text("raise ImportError('libgomp.so.1 is missing')\n")
    environment = dict(child_environment)
    environment["PYTHONPATH"] = f"{package}{os.pathsep}{environment['PYTHONPATH']}"
    child = spawn("huiyan.engines.llama_cpp_child", environment=environment)
    running = Running(child.pid, child._socket, child._popen.stdout)
    try:
        running.boot(engine())
        failed = [message for message in running.messages() if message["type"] == "failed"]
        assert failed[0]["code"] == "engine_missing"
        assert "libgomp" in failed[0]["message"]
    finally:
        child.kill_now()


def test_a_port_in_use_is_reported(running: Running) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        running.boot(engine(port=other.getsockname()[1]))
        assert [message["type"] for message in running.messages()][-1] == "failed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGABRT])
def test_signals_end_it(running: Running, number: signal.Signals) -> None:
    running.boot(engine())
    running.port()
    os.kill(running.pid, number)
    assert running.gone_within(3.0)


def test_boot_refuses_a_missing_or_short_key() -> None:
    message = dict(engine().boot())
    assert msgspec.convert(message, type=Boot).alias == "nano"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**message, "api_key": ""}, type=Boot)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**message, "surprise": 1}, type=Boot)
    assert KEY not in repr(msgspec.convert(message, type=Boot))
