"""Environments made by uv: resolved once with hashes, installed from that lock and nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from huiyan.errors import ToolInstallError
from huiyan.messages import refusal
from huiyan.store.manifest import write_atomic

_TIMEOUT_S: Final = 1800.0
_TAIL_LINES: Final = 12

#: Told each line that uv prints.
OnLine = Callable[[str], None]


class Uv:
    """environment: of uv's processes; it holds proxies and mirrors, and nothing of ours."""

    def __init__(self, environment: Mapping[str, str], on_line: OnLine, *, allow_build: bool = False) -> None:
        """allow_build: packages that have no wheel may be built, which runs their build code as this user."""
        self._environment = dict(environment)
        self._on_line = on_line
        self._binary = [] if allow_build else ["--only-binary", ":all:"]
        self._program = find_uv(environment)

    async def make(self, environment: Path) -> Path:
        """An empty environment that may be moved; its Python. Raises: ToolInstallError."""
        await self._run("venv", "--relocatable", "--no-project", "--python", sys.executable, str(environment))
        return environment / "bin" / "python"

    async def build(self, source: Path, out: Path) -> Path:
        """The wheel of a directory; runs its build code, as this user. Raises: ToolInstallError."""
        await self._run("build", "--wheel", "--out-dir", str(out), str(source))
        return _only_wheel(out, source)

    async def lock(self, python: Path, requirements: Sequence[str], lock: Path) -> None:
        """Resolve `requirements` for this machine, every file with its SHA-256. Raises: ToolInstallError."""
        wanted = lock.with_suffix(".in")
        write_atomic(wanted, "".join(f"{line}\n" for line in requirements).encode("utf-8"))
        await self._run(
            *("pip", "compile", "--generate-hashes", "--no-header", "--no-annotate", "--quiet"),
            *self._binary,
            *("--python", str(python), "--output-file", str(lock), str(wanted)),
        )

    async def install(self, python: Path, lock: Path) -> None:
        """Exactly what the lock names. Raises: ToolInstallError."""
        # A tool keeps no bytecode: what is not compiled here is compiled again at every start.
        if _names_any(lock):
            await self._run(
                *("pip", "install", "--require-hashes", "--no-deps", "--compile-bytecode", *self._binary),
                *("--python", str(python), "--requirements", str(lock)),
            )

    async def check(self, python: Path) -> None:
        """Whether each package has what it needs. Raises: ToolInstallError."""
        await self._run("pip", "check", "--python", str(python))

    async def install_wheel(self, python: Path, wheel: Path) -> None:
        """One file, without what it needs. Raises: ToolInstallError."""
        await self._run(
            *("pip", "install", "--no-deps", "--no-index", "--compile-bytecode"),
            *("--python", str(python), str(wheel)),
        )

    async def _run(self, *words: str) -> None:
        tail: list[str] = []
        try:
            process = await asyncio.create_subprocess_exec(
                self._program,
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=self._environment,
            )
        except OSError as error:
            raise refusal(ToolInstallError, "tool.uv_start", reason=error.strerror) from error
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                async for raw in process.stdout:
                    line = raw.decode("utf-8", "replace").rstrip()
                    if line:
                        tail = [*tail, line][-_TAIL_LINES:]
                        self._on_line(line)
                code = await process.wait()
        except BaseException:
            if process.returncode is None:
                process.kill()
                await process.wait()
            raise
        if code != 0:
            raise refusal(ToolInstallError, "tool.uv_failed", command=words[0], said=" / ".join(tail)[-1500:])


def _only_wheel(out: Path, source: Path) -> Path:
    wheels = sorted(out.glob("*.whl"))
    if len(wheels) != 1:
        raise refusal(ToolInstallError, "tool.one_wheel", source=source)
    return wheels[0]


def _names_any(lock: Path) -> bool:
    return any(line.strip() and not line.startswith("#") for line in lock.read_text("utf-8").splitlines())


def find_uv(environment: Mapping[str, str]) -> str:
    """Raises: ToolInstallError."""
    beside = Path(sys.executable).parent / "uv"
    found = shutil.which("uv", path=environment.get("PATH")) or (str(beside) if beside.exists() else None)
    if found is None and importlib.util.find_spec("uv") is not None:
        from importlib.metadata import files

        found = next((str(f.locate()) for f in files("uv") or () if f.name in ("uv", "uv.exe")), None)
    if found is None:
        raise refusal(ToolInstallError, "tool.no_uv")
    return found


def digest(*paths: Path) -> str:
    """What tells one set of bytes from another, short enough for a directory's name."""
    hashed = hashlib.sha256()
    for path in paths:
        hashed.update(path.read_bytes() if path.exists() else b"")
        hashed.update(b"\0")
    return hashed.hexdigest()[:10]
