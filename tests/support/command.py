"""A program of somebody else's, run to its end while this process's event loop goes on serving it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finished:
    exit_code: int
    stdout: str
    stderr: str


async def start(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *, folder: Path | None = None
) -> asyncio.subprocess.Process:
    """Without the developer's proxy settings, which would stand between the program and loopback."""
    inherited = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**inherited, **(environment or {})},
        cwd=folder,
    )


async def run(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
    limit_s: float = 60.0,
) -> Finished:
    """folder: to run in. Raises: TimeoutError, with the program killed."""
    process = await start(command, environment, folder=folder)
    try:
        async with asyncio.timeout(limit_s):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Finished(process.returncode, stdout.decode(), stderr.decode())
