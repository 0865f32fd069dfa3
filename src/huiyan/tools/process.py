"""One tool's process behind its jail: spawned, spoken to by lines, counted, killed as a whole."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import psutil

from huiyan.errors import ToolStartError
from huiyan.log import get_logger
from huiyan.messages import refusal
from huiyan.tools import jail
from huiyan.tools.catalogue import Isolation
from huiyan.tools.manifest import ToolLimits

_log = get_logger(__name__)

_CHUNK_BYTES: Final = 256 * 1024
#: The report is a line of a hundred bytes; a jail that says nothing for so long has not come up.
_REPORT_TIMEOUT_S: Final = 20.0
_GONE_TIMEOUT_S: Final = 5.0
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What to run. command: absolute. hidden: directories that it must not see."""

    command: Sequence[str]
    directory: Path
    limits: ToolLimits
    network: bool = False
    hidden: Sequence[Path] = ()


def environment(launch: Launch) -> dict[str, str]:
    """The tool's whole environment: where it may write, and fewer threads than a big machine has cores."""
    home = str(launch.directory)
    threads = str(min(4, os.cpu_count() or 1))
    return {
        "HOME": home,
        "LANG": "C.UTF-8",
        "MALLOC_ARENA_MAX": "2",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "PATH": f"{Path(launch.command[0]).parent}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "TMPDIR": str(launch.directory / "tmp"),
    }


class ToolProcess:
    """`start`, then `lines` and `write`; `kill` ends all of it. on_text: what it writes to stderr."""

    def __init__(self, process: asyncio.subprocess.Process, isolation: Isolation) -> None:
        self._process = process
        self._reading: asyncio.Task[None] | None = None
        self.isolation = isolation
        self._handle = psutil.Process(process.pid)

    @classmethod
    async def start(cls, launch: Launch, on_text: Callable[[bytes], None]) -> ToolProcess:
        """Raises: ToolStartError."""
        config_read, config_write = os.pipe()
        report_read, report_write = os.pipe()
        (launch.directory / "tmp").mkdir(parents=True, exist_ok=True)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                jail.__file__,
                str(config_read),
                str(report_write),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={},
                pass_fds=(config_read, report_write),
                start_new_session=True,
                limit=_CHUNK_BYTES,
            )
        except OSError as error:
            os.close(config_write)
            os.close(report_read)
            raise refusal(ToolStartError, "tool.start", reason=error) from error
        finally:
            os.close(config_read)
            os.close(report_write)
        limits = launch.limits
        config = {
            "command": list(launch.command),
            "environment": environment(launch),
            "directory": str(launch.directory),
            "network": launch.network,
            "hidden": [str(path) for path in launch.hidden],
            "address_space_bytes": 2 * limits.memory_bytes,
            "open_files": limits.open_files,
            "file_bytes": limits.file_mib * _MIB,
            "processes": limits.processes,
        }
        with os.fdopen(config_write, "wb") as file, contextlib.suppress(BrokenPipeError):
            file.write(json.dumps(config).encode())
        try:
            said = await _read_all(report_read, timeout_s=_REPORT_TIMEOUT_S)
            isolation = msgspec.json.decode(said, type=Isolation)
        except (TimeoutError, msgspec.MsgspecError):
            _kill_group(process.pid)
            raise refusal(ToolStartError, "tool.jail") from None
        started = cls(process, isolation)
        assert process.stderr is not None
        loop = asyncio.get_running_loop()
        started._reading = loop.create_task(_pass_on(process.stderr, on_text))
        return started

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    @property
    def returncode(self) -> int:
        """As a shell has it: 128 and more for a signal; 0 while it runs."""
        code = self._process.returncode or 0
        return code if code >= 0 else 128 - code

    async def wait(self) -> None:
        """Until it has ended."""
        await self._process.wait()

    async def write(self, line: bytes) -> None:
        """Raises: OSError where nobody reads."""
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        await self._process.stdin.drain()

    async def lines(self, max_bytes: int) -> AsyncIterator[bytes | int]:
        """Its stdout. A line longer than `max_bytes` is not kept: its length comes instead, once known."""
        assert self._process.stdout is not None
        pieces: list[bytes] = []
        size_bytes = 0
        while piece := await self._process.stdout.read(_CHUNK_BYTES):
            *complete, rest = piece.split(b"\n")
            for part in complete:
                size_bytes += len(part)
                yield b"".join([*pieces, part]) if size_bytes <= max_bytes else size_bytes
                pieces, size_bytes = [], 0
            size_bytes += len(rest)
            pieces = [*pieces, rest] if size_bytes <= max_bytes else []
            if size_bytes > max_bytes:
                yield size_bytes

    def usage(self) -> tuple[int, float, int]:
        """(resident bytes, processor seconds, processes) of the tool and all that it started."""
        resident_bytes, cpu_s, count = 0, 0.0, 0
        for process in self._descendants():
            with contextlib.suppress(psutil.Error):
                resident_bytes += process.memory_info().rss
                times = process.cpu_times()
                cpu_s += times.user + times.system + times.children_user + times.children_system
                count += 1
        return resident_bytes, cpu_s, count

    async def kill(self) -> None:
        """SIGKILL to all of it, also to what left its process group; returns when it is reaped."""
        left = self._descendants()
        if not self.ended:
            _kill_group(self.pid)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _GONE_TIMEOUT_S)
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=0.5)
            self._reading.cancel()

    def _descendants(self) -> list[psutil.Process]:
        """Below the jail's two processes, which are small and not the tool's."""
        try:
            below = self._handle.children(recursive=True)
        except psutil.Error:
            return []
        return below[1:]


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


async def _read_all(fd: int, *, timeout_s: float) -> bytes:
    """What comes through a pipe until its end. Raises: TimeoutError."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb")
    )
    try:
        return await asyncio.wait_for(reader.read(), timeout_s)
    finally:
        transport.close()


async def _pass_on(reader: asyncio.StreamReader, on_text: Callable[[bytes], None]) -> None:
    while piece := await reader.read(64 * 1024):
        on_text(piece)
