"""One child process: its lifeline, its output as lines, and its end.

A child leads a session of its own, so a Ctrl-C in the terminal reaches the launcher alone, which then
drains its children in order; and everything that a child started is in its process group and goes with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import IO, Any, Final, Protocol

from huiyan import lifeline
from huiyan.lifeline import Lifeline, Message

#: A line longer than this is cut; a child that never ends its line must not fill the memory.
_MAX_LINE_BYTES: Final = 256 * 1024
_TAIL_LINES: Final = 60
#: For what a killed group leaves in the process table until its reaper comes by.
_GROUP_GONE_TIMEOUT_S: Final = 2.0
_LAST_LINES_TIMEOUT_S: Final = 1.0

#: Told each line of a child's output, without its newline.
LineSink = Callable[[str], None]


class Process(Protocol):
    """What is needed of a `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...

    @property
    def stdout(self) -> IO[bytes] | None: ...

    @property
    def returncode(self) -> int | None: ...

    def wait(self) -> int: ...


class InheritedProcess:
    """A child that the program spawned which ran in this very process before (`launcher.upgrade`).

    stdout: reads its output. Raises nothing for a child that was reaped already: its code is 0 then.
    """

    def __init__(self, pid: int, stdout: IO[bytes]) -> None:
        self.pid = pid
        self.stdout: IO[bytes] | None = stdout
        self.returncode: int | None = None

    def wait(self) -> int:
        if self.returncode is None:
            try:
                _, status = os.waitpid(self.pid, 0)
                self.returncode = os.waitstatus_to_exitcode(status)
            except ChildProcessError:
                self.returncode = 0
        return self.returncode


class ChildProcess:
    """Spawned at once and synchronously; `attach` joins it to the running event loop."""

    def __init__(self, popen: Process, lifeline_socket: socket.socket) -> None:
        self._popen = popen
        self._socket = lifeline_socket
        self._lifeline: Lifeline | None = None
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._reader: asyncio.Task[None] | None = None
        self._exited: asyncio.Future[int] | None = None
        #: Held while the process is reaped, so that no signal goes to a number that was given away.
        self._reaping = threading.Lock()
        self.spawned_monotonic_s = time.monotonic()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def tail(self) -> Sequence[str]:
        """The last lines of output, for whoever has to explain an end."""
        return tuple(self._tail)

    @property
    def descriptors(self) -> tuple[int, int]:
        """(lifeline, output): what another program in this process needs to look after it."""
        assert self._popen.stdout is not None
        return self._socket.fileno(), self._popen.stdout.fileno()

    async def attach(self, on_line: LineSink, tasks: asyncio.TaskGroup) -> None:
        """Read output and lifeline from now on; call once. The reading ends with the process."""
        loop = asyncio.get_running_loop()
        self._exited = loop.create_future()
        self._lifeline = await Lifeline.open(self._socket)
        assert self._popen.stdout is not None
        self._reader = tasks.create_task(self._read(self._popen.stdout, on_line))
        threading.Thread(target=self._reap, args=(loop,), name=f"wait for {self.pid}", daemon=True).start()

    @property
    def exited(self) -> asyncio.Future[int]:
        """Done when the whole group is gone; do not cancel it."""
        assert self._exited is not None
        return self._exited

    def send(self, message: Message) -> None:
        assert self._lifeline is not None
        self._lifeline.send(message)

    def messages(self) -> AsyncIterator[dict[str, Any]]:
        assert self._lifeline is not None
        return self._lifeline.messages()

    async def wait(self) -> int:
        """The return code (negative: the signal that ended it), when the whole group is gone."""
        code = await asyncio.shield(self.exited)
        assert self._reader is not None
        # Its last lines are still in the pipe. A process that left the group may hold the pipe open.
        await asyncio.wait([self._reader], timeout=_LAST_LINES_TIMEOUT_S)
        self._reader.cancel()
        return code

    async def stop(self, *, grace_s: float) -> int:
        """SIGTERM, `grace_s` seconds to end, SIGKILL to the whole group. Returns the return code."""
        self.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(self.wait(), grace_s)
        self.send_signal(signal.SIGKILL)
        return await self.wait()

    def send_signal(self, number: signal.Signals) -> None:
        """To the whole group; nothing happens when it is gone."""
        with self._reaping:
            if self._popen.returncode is None:
                self._signal_group(number)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def close(self) -> None:
        """Give the lifeline up. Not before its last messages were read: they say why the child ended."""
        if self._lifeline is not None:
            self._lifeline.close()

    def let_go(self) -> None:
        """Look after it no longer: another program in this process does. Its descriptors here are closed."""
        self.close()
        if self._reader is not None:
            self._reader.cancel()

    def kill_now(self) -> None:
        """SIGKILL and reap without an event loop (before `attach`, or when the loop is over)."""
        self.send_signal(signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            self._popen.wait()
        self._socket.close()
        if self._popen.stdout is not None:
            self._popen.stdout.close()

    def _reap(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: wait, end the rest of the group, tell the loop."""
        if hasattr(os, "waitid"):
            # Not reaped yet, the leader keeps the group's number from being given to somebody else.
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            with self._reaping:
                self._signal_group(signal.SIGKILL)
                code = self._popen.wait()
        else:
            code = self._popen.wait()
        self._await_group_gone()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._set_exited, code)

    def _await_group_gone(self) -> None:
        deadline = time.monotonic() + _GROUP_GONE_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                os.killpg(self.pid, 0)
            except (ProcessLookupError, PermissionError):
                return
            time.sleep(0.01)

    def _set_exited(self, code: int) -> None:
        assert self._exited is not None
        if not self._exited.done():
            self._exited.set_result(code)

    async def _read(self, pipe: IO[bytes], on_line: LineSink) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        pending = b""
        try:
            while piece := await reader.read(64 * 1024):
                *complete, pending = (pending + piece).split(b"\n")
                for raw in complete:
                    self._line(raw, on_line)
                while len(pending) >= _MAX_LINE_BYTES:
                    self._line(pending[:_MAX_LINE_BYTES], on_line)
                    pending = pending[_MAX_LINE_BYTES:]
            if pending:
                self._line(pending, on_line)
        finally:
            transport.close()

    def _line(self, raw: bytes, on_line: LineSink) -> None:
        line = raw.decode("utf-8", "replace").rstrip()
        if line:
            self._tail.append(line)
            on_line(line)


def spawn(
    module: str, *, environment: Mapping[str, str] | None = None, pass_fds: Sequence[int] = ()
) -> ChildProcess:
    """Start `python -m MODULE --lifeline-fd N` in a session of its own.

    environment: the child's whole environment; None hands on this process's own.
    pass_fds: further descriptors that the child inherits under their numbers.
    Raises: OSError.
    """
    ours, theirs = lifeline.pair()
    try:
        popen = subprocess.Popen(
            # -P: a json.py in the directory where somebody types the command must not be imported.
            [sys.executable, "-P", "-X", "utf8", "-m", module, "--lifeline-fd", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            pass_fds=(theirs.fileno(), *pass_fds),
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return ChildProcess(popen, ours)
