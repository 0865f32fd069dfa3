"""Makes the environment of a version with uv: its lock, then its wheel, checked before it counts as whole."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from huiyan.errors import StoreError, ToolInstallError, UpdateError
from huiyan.messages import refusal
from huiyan.store.durable import sync_directory
from huiyan.store.manifest import write_atomic
from huiyan.tools.uv import Uv
from huiyan.updates.versions import MARKER, NEW, Installed, Versions
from huiyan.updates.wheel import digest_of, read_wheel

_CHECK_TIMEOUT_S: Final = 120.0
_LOCK: Final = "requirements.lock"


@dataclass(frozen=True, kw_only=True)
class VersionFiles:
    """What a version is made from. lock: every dependency with its digests; None: resolved anew."""

    wheel: Path
    lock: Path | None = None


class VersionStaging:
    """A `transaction.Staging`: makes the environment, unless it is there."""

    def __init__(
        self,
        versions: Versions,
        files: VersionFiles,
        *,
        installer: Mapping[str, str],
        on_line: Callable[[str], None] = lambda _: None,
    ) -> None:
        """installer: uv's environment (mirrors and proxies). on_line: told what uv says."""
        self._versions = versions
        self._files = files
        self._installer = installer
        self._on_line = on_line

    async def stage(self) -> str:
        """The state of the whole environment.

        Raises: UpdateError and its kinds, DiskFullError, StoreError.
        """
        facts = await asyncio.to_thread(read_wheel, self._files.wheel)
        wheel_sha256 = await asyncio.to_thread(digest_of, self._files.wheel)
        lock = self._files.lock
        lock_sha256 = "" if lock is None else await asyncio.to_thread(digest_of, lock)
        both = hashlib.sha256(f"{wheel_sha256} {lock_sha256}".encode()).hexdigest()
        state = f"{facts.version}-{both[:12]}"
        if self._versions.find(state) is not None:
            return state
        partial = self._versions.root / f"{NEW}{state}"
        final = self._versions.directory(state)
        try:
            self._versions.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Without its marker, what lies under the final name is not whole either.
            for leftover in (partial, final):
                await asyncio.to_thread(shutil.rmtree, leftover, ignore_errors=True)
            uv = Uv(self._installer, self._on_line)
            python = await uv.make(partial)
            used = partial / _LOCK
            if lock is not None:
                await asyncio.to_thread(shutil.copyfile, lock, used)
            else:
                await uv.lock(python, facts.requires, used)
            await uv.install(python, used)
            await uv.install_wheel(python, self._files.wheel)
            await _check(python, facts.version, self._installer)
            record = Installed(
                state=state,
                version=facts.version,
                python=str(final / "bin" / "python"),
                wheel_sha256=wheel_sha256,
                lock_sha256=await asyncio.to_thread(digest_of, used),
                made_unix_s=time.time(),
            )
            write_atomic(partial / MARKER, msgspec.json.encode(record))
            partial.rename(final)
            sync_directory(self._versions.root)
        except ToolInstallError as error:
            words = {"version": facts.version, "reason": error.message}
            raise refusal(UpdateError, "upgrade.install", **words) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise refusal(StoreError, "upgrade.write", path=self._versions.root, reason=reason) from error
        finally:
            await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
        return state


async def _check(python: Path, version: str, environment: Mapping[str, str]) -> None:
    """It starts, and is what its wheel says. Raises: UpdateError."""
    process = await asyncio.create_subprocess_exec(
        *(str(python), "-P", "-X", "utf8", "-m", "huiyan", "--version"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environment),
    )
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            said, _ = await process.communicate()
    except TimeoutError:
        raise refusal(UpdateError, "upgrade.no_start", version=version, reason="") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    last = said.decode("utf-8", "replace").strip().splitlines()[-1:] or [""]
    if process.returncode != 0 or last[0] != f"huiyan {version}":
        raise refusal(UpdateError, "upgrade.no_start", version=version, reason=last[0][:300])
