"""The process around vLLM: `python -m huiyan.engines.vllm_child --lifeline-fd N`.

    launcher ── this wrapper ── API server ── engine core ── workers
                (huiyan's interpreter)   (vLLM's interpreter)

It starts vLLM in an environment of its own, reads its output for progress and causes, says when it listens,
and ends the whole group when the lifeline ends: a GPU's memory is free only when the last of them is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Annotated, Final

import msgspec

from huiyan.engines import in_vllm
from huiyan.engines.blocking_http import connect
from huiyan.engines.status import EngineEndpoint
from huiyan.engines.vllm_failures import CauseFinder
from huiyan.engines.vllm_log import StartLog
from huiyan.lifeline import ThreadLifeline

SHIM: Final = Path(in_vllm.__file__).with_name("huiyan_vllm.py")

_PR_SET_CHILD_SUBREAPER: Final = 36
#: After the launcher is gone: for vLLM to end by itself, before everything is killed. Within ORPHAN_GRACE_S.
_ORPHAN_TERM_S: Final = 2.5
_HEALTH_POLL_S: Final = 0.25
_MAX_LINE_BYTES: Final = 64 * 1024
#: Of a line in a message; the figures of a memory error come late in it.
_MAX_WORDS: Final = 700


class Boot(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="boot", forbid_unknown_fields=True
):
    """python: interpreter that has vLLM. arguments: of `vllm serve`, without address and key.

    environment: added to this process's own. socket: path in a private directory, or "" for host and port.
    api_key: secret; goes to vLLM over stdin.
    """

    python: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    host: str
    port: int
    socket: str = ""
    api_key: Annotated[str, msgspec.Meta(min_length=16)]

    def __repr__(self) -> str:
        return f"Boot({self.python}, {self.arguments[:1]})"

    @property
    def endpoint(self) -> EngineEndpoint:
        return EngineEndpoint(
            host=self.host, port=self.port, api_key=self.api_key, dialect="vllm", socket=self.socket
        )


def command(boot: Boot) -> list[str]:
    """The whole argument list; nothing in it is secret."""
    address = ["--uds", boot.socket] if boot.socket else ["--host", boot.host, "--port", str(boot.port)]
    return [
        boot.python,
        str(SHIM),
        "serve",
        *boot.arguments,
        *address,
        "--middleware",
        "huiyan_vllm.RequireKey",
        "--disable-uvicorn-access-log",
    ]


def environment(boot: Boot, inherited: Mapping[str, str]) -> dict[str, str]:
    """Development routes only where nobody else can reach them: on the unix socket."""
    path = os.pathsep.join(filter(None, [str(SHIM.parent), boot.environment.get("PYTHONPATH", "")]))
    # This interpreter's own modules are none of vLLM's.
    kept = {name: value for name, value in inherited.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    return {
        **kept,
        **boot.environment,
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        "VLLM_SERVER_DEV_MODE": "1" if boot.socket else "0",
        # vLLM's processes talk over sockets in the temporary directory, which others may enter.
        **({"VLLM_RPC_BASE_PATH": str(Path(boot.socket).parent)} if boot.socket else {}),
    }


def become_subreaper() -> None:
    """Processes whose parent died come to this one, so that none outlives it unseen (Linux)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_group(*, term_s: float) -> None:
    """SIGTERM to everything in this process's group, and after `term_s` seconds SIGKILL: to this one, too."""
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + term_s
    while time.monotonic() < deadline and _any_child():
        time.sleep(0.05)
    os.killpg(0, signal.SIGKILL)


def _any_child() -> bool:
    """Whether a child of this process (as a subreaper: any descendant without a parent) is still there."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return True
    return False


class Wrapper:
    """One vLLM server and what is told of it."""

    def __init__(self, boot: Boot, lifeline: ThreadLifeline) -> None:
        self._boot = boot
        self._lifeline = lifeline
        self._log = StartLog()
        self._causes = CauseFinder()
        self._listening = threading.Event()
        self._stopping = threading.Event()

    def run(self) -> int:
        """Until vLLM ends; its return code."""
        boot = self._boot
        if boot.socket:
            # A life that was killed has left its socket, and vLLM does not bind over it.
            Path(boot.socket).unlink(missing_ok=True)
        try:
            process = subprocess.Popen(
                command(boot),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment(boot, os.environ),  # noqa: TID251 - a child's environment is its parent's
            )
        except OSError as error:
            self._fail("engine_missing", f"{boot.python} cannot be run: {error.strerror}.", retry=False)
            return 1
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError), process.stdin:
            process.stdin.write(boot.api_key.encode() + b"\n")
        waiting = threading.Thread(target=self._wait_listening, args=(process,), daemon=True)
        waiting.start()
        self._read(process.stdout)
        code = process.wait()
        if not self._stopping.is_set():
            self._report_end(code)
        return code

    def stop(self) -> None:
        """VLLM has been asked to end: its last words are no failure."""
        self._stopping.set()

    def _read(self, pipe: IO[bytes]) -> None:
        """Hand lines on as they are; bars that redraw themselves end in a carriage return."""
        pending = b""
        while piece := pipe.read1(64 * 1024):  # type: ignore[attr-defined]  # Popen's pipes are buffered
            *complete, pending = (pending + piece).replace(b"\r", b"\n").split(b"\n")
            for raw in complete:
                self._line(raw)
            if len(pending) > _MAX_LINE_BYTES:
                self._line(pending)
                pending = b""
        if pending:
            self._line(pending)

    def _line(self, raw: bytes) -> None:
        line = raw.decode("utf-8", "replace").rstrip()
        if not line:
            return
        with contextlib.suppress(OSError):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        self._causes.feed(line)
        if (progress := self._log.feed(line)) is not None and not self._listening.is_set():
            detail = "" if progress.percent is None else f"{progress.percent} %"
            self._lifeline.send(
                {
                    "type": "progress",
                    "code": progress.code,
                    "fraction": progress.fraction,
                    "detail": detail,
                }
            )

    def _wait_listening(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            if _healthy(self._boot.endpoint):
                self._listening.set()
                self._causes.serving = True
                self._lifeline.send(
                    {
                        "type": "listening",
                        "port": self._boot.port,
                        "memory": msgspec.to_builtins(self._log.memory),
                    }
                )
                return
            time.sleep(_HEALTH_POLL_S)

    def _report_end(self, code: int) -> None:
        cause = self._causes.cause
        if cause is not None:
            self._lifeline.send(
                {
                    "type": "failed",
                    "code": cause.code,
                    "message": f"{cause.message} vLLM's words: {self._causes.words[:_MAX_WORDS]}",
                    "hint": cause.hint,
                    "retry": not cause.permanent,
                }
            )
        elif code == -signal.SIGKILL:
            self._fail("engine_killed", "vLLM was killed from outside (SIGKILL).", retry=True)
        else:
            end = f"signal {-code}" if code < 0 else f"code {code}"
            self._fail(
                "engine_exited",
                f"vLLM ended with {end}. Its last line: {self._causes.last[:_MAX_WORDS]}",
                retry=True,
            )

    def _fail(self, code: str, message: str, *, retry: bool) -> None:
        self._lifeline.send({"type": "failed", "code": code, "message": message, "hint": "", "retry": retry})


def _healthy(endpoint: EngineEndpoint) -> bool:
    connection = connect(endpoint, timeout_s=5.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="vLLM's server, for huiyan's launcher")
    parser.add_argument("--lifeline-fd", type=int, required=True)
    fd = parser.parse_args(argv).lifeline_fd
    lifeline = ThreadLifeline(fd)
    first = lifeline.receive()
    if first is None:
        os._exit(0)
    boot = msgspec.convert(first, type=Boot)
    become_subreaper()
    wrapper = Wrapper(boot, lifeline)
    orphaned = threading.Event()

    def launcher_gone() -> None:
        orphaned.set()
        wrapper.stop()
        end_group(term_s=_ORPHAN_TERM_S)

    # The launcher signals the whole group: vLLM has it, too, and ends by itself.
    signal.signal(signal.SIGTERM, lambda *_: wrapper.stop())
    lifeline.watch(lambda _: None, launcher_gone)
    lifeline.send({"type": "progress", "code": "vllm_importing", "fraction": 0.0, "detail": ""})
    code = wrapper.run()
    if orphaned.is_set():
        threading.Event().wait()  # end_group takes this process along with the rest
    # What vLLM left behind goes with the group when the launcher sees this process end.
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
