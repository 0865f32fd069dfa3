"""Real PostgreSQL and Redis or Valkey servers of a test run's own, where their programs are installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wait import wait_until

_START_TIMEOUT_S = 120


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A server on a unix socket; its URL without a database name. Skips where there is no program."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
    if initdb is None:
        pytest.skip("PostgreSQL's programs are not installed (Debian: apt-get install postgresql)")
    programs = Path(initdb).parent
    user = _unprivileged()
    # A unix socket's path may have 107 bytes at most, which pytest's own directories exceed.
    root = Path(tempfile.mkdtemp(prefix="huiyan-pg-"))
    log = root / "log"
    try:
        if user is not None:
            shutil.chown(root, user=user)
        subprocess.run(
            [
                initdb,
                "--pgdata",
                root / "data",
                "--username=huiyan",
                "--auth=trust",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
            ],
            check=True,
            capture_output=True,
            timeout=_START_TIMEOUT_S,
            user=user,
            cwd=root,
        )
        with log.open("wb") as output:
            server = subprocess.Popen(
                [
                    programs / "postgres",
                    *("-D", root / "data", "-k", root, "-c", "listen_addresses=", "-c", "fsync=off"),
                ],
                stdout=output,
                stderr=output,
                user=user,
                cwd=root,
            )
        try:
            wait_until(
                lambda: (root / ".s.PGSQL.5432").exists() and b"ready to accept" in log.read_bytes(),
                "PostgreSQL listens",
                timeout_s=_START_TIMEOUT_S,
            )
            yield f"postgresql://huiyan:not-shown@/{{}}?host={root}"
        finally:
            server.terminate()
            server.wait(timeout=60)
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """A server on a unix socket; its URL. Skips where there is no program."""
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        pytest.skip("Neither Valkey nor Redis is installed (Debian: apt-get install redis-server)")
    root = Path(tempfile.mkdtemp(prefix="huiyan-redis-"))
    path = root / "socket"
    command = [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen([*command, "--dir", str(root)], stdout=subprocess.DEVNULL)
    try:
        wait_until(path.exists, "Redis listens", timeout_s=_START_TIMEOUT_S)
        yield f"redis+unix://{path}"
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(root, ignore_errors=True)


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
