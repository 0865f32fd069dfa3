"""A version proves that it starts on this machine with these settings before anything that runs is touched.

The version that runs calls `rehearse`; the other one's `describe` and `perform` answer. The rehearsal is a
whole start (launcher, gateway, engine with the demo model, the question about the test picture) in a
directory of its own on ports of its own, with a copy of the database, which it migrates.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from huiyan import __version__, nano
from huiyan.errors import HuiyanError, UpdateError
from huiyan.gateway.access.options import AccessOptions
from huiyan.gateway.tls import TlsOptions
from huiyan.launcher.events import Event
from huiyan.launcher.upgrade import handover
from huiyan.messages import refusal
from huiyan.settings.model import Settings
from huiyan.settings.selected import command
from huiyan.state import FILE_NAME
from huiyan.updates.versions import NEW

FLAG: Final = "--rehearse-fd"
DIRECTORY_FLAG: Final = "--rehearse-dir"
#: Beginning of the directory's name; what a kill leaves goes with the other leftovers (`updates.versions`).
SCRATCH: Final = f"{NEW}rehearsal-"
#: Of the start itself, which takes seconds; the rest is a slow disk that reads new files for the first time.
_TIMEOUT_S: Final = 300.0
_DESCRIBE_TIMEOUT_S: Final = 60.0
_DESCRIBE: Final = "huiyan.launcher.upgrade.describe"
_TAIL_CHARS: Final = 600
_SECRET: Final = "secret"  # noqa: S105 - a file's name


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What a version can do. handover: the form that it reads. schema: of the database, which it makes."""

    version: str
    handover: int
    schema: int


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    ok: bool
    version: str
    message: str = ""
    hint: str = ""


async def describe(python: str, version: str, environment: Mapping[str, str]) -> Description:
    """environment: of the process. Raises: UpdateError for a version that cannot take over."""
    code, said = await _run(
        [python, "-P", "-X", "utf8", "-m", _DESCRIBE], environment, timeout_s=_DESCRIBE_TIMEOUT_S
    )
    try:
        found = msgspec.json.decode(said.splitlines()[-1] if code == 0 and said else b"", type=Description)
    except msgspec.MsgspecError:
        tail = said.decode("utf-8", "replace").strip()[-_TAIL_CHARS:]
        raise refusal(UpdateError, "upgrade.cannot_take_over", version=version, reason=tail) from None
    if found.handover != handover.SCHEMA:
        raise refusal(
            UpdateError, "upgrade.cannot_take_over", version=version, reason=f"handover {found.handover}"
        )
    return found


async def rehearse(
    python: str,
    arguments: Sequence[str],
    *,
    version: str,
    environment: Mapping[str, str],
    scratch_root: Path,
    database: Path | None,
    secret: Path,
) -> None:
    """Let `huiyan ARGUMENTS` of another version start in isolation.

    arguments: as the running huiyan was called. database: the file whose copy is migrated; None: none.
    Raises: UpdateError with what it said.
    """
    scratch = await asyncio.to_thread(_scratch, scratch_root)
    try:
        await asyncio.to_thread(_copy_state, scratch, database, secret)
        ours, theirs = os.pipe()
        try:
            os.set_inheritable(theirs, True)
            words = [*arguments, FLAG, str(theirs), DIRECTORY_FLAG, str(scratch)]
            code, tail = await _run(
                command(python, words), environment, timeout_s=_TIMEOUT_S, pass_fds=[theirs]
            )
            said = _heard(ours)
        finally:
            os.close(ours)
            os.close(theirs)
    finally:
        await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
    if said is None:
        last = tail.decode("utf-8", "replace").strip()[-_TAIL_CHARS:] or f"code {code}"
        raise refusal(UpdateError, "upgrade.rehearsal", version=version, reason=last)
    if not said.ok or said.version != version:
        raise refusal(UpdateError, "upgrade.rehearsal", version=version, reason=f"{said.message} {said.hint}")


def _heard(fd: int) -> _Said | None:
    """What it said before it ended, if anything."""
    os.set_blocking(fd, False)
    try:
        return msgspec.json.decode(os.read(fd, 65536), type=_Said)
    except (BlockingIOError, msgspec.MsgspecError):
        return None


def isolated(settings: Settings, scratch: Path) -> Settings:
    """The same settings, but on ports and in a directory where nothing of anybody's is touched."""
    gateway = settings.gateway.model_copy(
        update={
            "host": "127.0.0.1",
            "port": 0,
            "tls": TlsOptions.model_validate({}),
            "access": AccessOptions.model_validate({}),
            "traffic": settings.gateway.traffic.model_copy(update={"workers": 1}),
        }
    )
    engine = settings.engine.model_copy(
        update={"engine": "auto", "port": 0, "model": nano.MODEL_ID, "model_path": None, "threads": 1}
    )
    launcher = settings.launcher.model_copy(update={"timeout_s": _TIMEOUT_S - 20.0, "open_browser": False})
    return settings.model_copy(
        update={"data_dir": scratch, "gateway": gateway, "engine": engine, "launcher": launcher}
    )


def perform(
    settings: Settings, scratch: Path, fd: int, launch: Callable[[Settings, Callable[[Event], None]], None]
) -> int:
    """In the process of the version that rehearses: migrate the copy, start, say how it went on `fd`.

    launch: starts everything, and ends it once it is ready. Returns the exit code.
    """
    try:
        if (scratch / "state" / FILE_NAME).exists():
            from huiyan.state.database import Database

            Database(scratch / "state").close()
        launch(isolated(settings, scratch), lambda _: None)
        said = _Said(ok=True, version=__version__)
    except HuiyanError as error:
        said = _Said(ok=False, version=__version__, message=error.message, hint=error.hint)
    os.write(fd, msgspec.json.encode(said))
    return 0 if said.ok else 1


def _scratch(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Path(tempfile.mkdtemp(prefix=SCRATCH, dir=root))


def _copy_state(scratch: Path, database: Path | None, secret: Path) -> None:
    state = scratch / "state"
    state.mkdir(mode=0o700)
    if database is None or not database.exists():
        return
    with (
        contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
        contextlib.closing(sqlite3.connect(state / FILE_NAME)) as copy,
    ):
        source.backup(copy)
    if secret.exists():
        shutil.copyfile(secret, state / _SECRET)
        (state / _SECRET).chmod(0o600)


async def _run(
    words: Sequence[str], environment: Mapping[str, str], *, timeout_s: float, pass_fds: Sequence[int] = ()
) -> tuple[int, bytes]:
    """Its exit code and the end of what it printed; killed with all its children when it takes too long."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environment),
        pass_fds=tuple(pass_fds),
    )
    try:
        async with asyncio.timeout(timeout_s):
            said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said
    except TimeoutError:
        return 124, f"it took longer than {timeout_s:.0f} s".encode()
    finally:
        if process.returncode is None:
            # Its children notice by their lifelines.
            process.kill()
            await process.wait()
