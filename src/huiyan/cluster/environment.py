"""Ray's own environment, made by uv from a lock of this package that names each file by digest.

    <data_dir>/engines/.ray-2.60.0.partial/  →  (renamed when complete)  →  ray-2.60.0/

Ray pickles code from one interpreter to another, so every node of a cluster needs the same Ray and the same
minor version of Python. The lock is for every Python that huiyan runs on; the one that runs it is taken.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from huiyan.engines.install import find_uv, run_uv
from huiyan.errors import EngineNotInstalledError
from huiyan.messages import refusal
from huiyan.store.manifest import write_atomic

VERSION: Final = "2.60.0"
LOCK: Final = Path(__file__).with_name("locks") / f"ray-{VERSION}.lock"
_MARKER: Final = "huiyan-ray.json"


def directory(data_dir: Path) -> Path:
    return data_dir / "engines" / f"ray-{VERSION}"


def installed(data_dir: Path) -> Path | None:
    """The environment's interpreter, where the environment is complete."""
    found = directory(data_dir)
    return found / "bin" / "python" if (found / _MARKER).exists() else None


def interpreter(data_dir: Path) -> Path:
    """Raises: EngineNotInstalledError."""
    found = installed(data_dir)
    if found is None:
        raise refusal(EngineNotInstalledError, "cluster.no_ray", version=VERSION)
    return found


def install(data_dir: Path, environment: Mapping[str, str], on_line: Callable[[str], None]) -> Path:
    """Make it, unless it is there; the interpreter. Blocks. on_line: told what uv says, a line at a time.

    environment: of uv, with what it needs to find its index. Raises: EngineNotInstalledError, StoreError.
    """
    there = installed(data_dir)
    if there is not None:
        return there
    uv = find_uv(environment)
    final = directory(data_dir)
    partial = final.with_name(f".{final.name}.partial")
    for leftover in (partial, final):
        shutil.rmtree(leftover, ignore_errors=True)
    final.parent.mkdir(parents=True, exist_ok=True)
    python = partial / "bin" / "python"
    try:
        # Relocatable, so that it works after the rename.
        run_uv([uv, "venv", "--relocatable", "--python", sys.executable, str(partial)], environment, on_line)
        words = ["pip", "install", "--python", str(python), "--require-hashes", "--no-deps"]
        run_uv([uv, *words, "--requirements", str(LOCK)], environment, on_line)
        write_atomic(partial / _MARKER, b'{"ray": "%b"}\n' % VERSION.encode())
        partial.rename(final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return final / "bin" / "python"


def remove(data_dir: Path) -> bool:
    """Whether there was one."""
    found = directory(data_dir)
    if not found.exists():
        return False
    # Renamed first: a kill in the middle leaves nothing that looks complete.
    doomed = found.with_name(f".{found.name}.removed")
    shutil.rmtree(doomed, ignore_errors=True)
    found.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
    return True
