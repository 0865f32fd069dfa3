"""Makes an engine's environment with uv from a lock file of this package, which names each file by digest.

    <data_dir>/engines/.vllm-0.25.1.partial/  →  (renamed when complete)  →  vllm-0.25.1/

A kill at any point leaves a `.partial` directory, which the next attempt removes. Which index serves the
files is uv's own configuration (UV_DEFAULT_INDEX, uv.toml).
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from huiyan.engines.environments import Environments, Interpreter, examine
from huiyan.errors import EngineNotInstalledError, StoreError
from huiyan.messages import refusal
from huiyan.store.manifest import write_atomic

_LOCKS: Final = Path(__file__).with_name("locks")
_CANCEL_POLL_S: Final = 0.2
_STEP: Final = re.compile(r"(?i)^(resolved|prepared|installed|downloading|downloaded|building|built) ")


class Recipe(NamedTuple):
    """measured: started and measured on a GPU; others are only known to resolve.

    min_driver: of CUDA 13.0, for which this torch is built (CUDA Toolkit release notes, table 3).
    """

    version: str
    torch: str
    min_driver: str
    measured: bool
    python: str = "3.12"

    @property
    def lock(self) -> Path:
        return _LOCKS / f"vllm-{self.version}.lock"


#: The first is what `engines install vllm` takes.
RECIPES: Final = (
    Recipe("0.25.1", "2.11.0", "580.65.06", measured=True),
    Recipe("0.32.0", "2.13.0", "580.65.06", measured=False),
)


def recipe(name: str) -> Recipe:
    """`vllm`, or with a version `vllm==0.25.1`. Raises: EngineNotInstalledError."""
    wanted, _, version = name.partition("==")
    found = next((each for each in RECIPES if version in {"", each.version}), None)
    if wanted != "vllm" or found is None:
        names = ", ".join(f"vllm=={each.version}" for each in RECIPES)
        raise refusal(EngineNotInstalledError, "engines.unknown", name=name, names=names)
    return found


def check_driver(chosen: Recipe, driver: str | None) -> None:
    """driver: as NVML says it; None where there is none. Raises: EngineNotInstalledError."""
    if driver is None:
        raise refusal(EngineNotInstalledError, "engines.no_driver", needed=chosen.min_driver)
    if _numbers(driver) < _numbers(chosen.min_driver):
        figures = {"found": driver, "needed": chosen.min_driver, "torch": chosen.torch}
        raise refusal(EngineNotInstalledError, "engines.driver_old", **figures)


def install(
    environments: Environments,
    chosen: Recipe,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    *,
    cancel: threading.Event | None = None,
) -> Interpreter:
    """Make it, unless it is there. Blocks for minutes. on_line: told what uv says, a line at a time.

    environment: of uv, with what it needs to find its index. cancel: once it is set, uv is ended.
    Raises: EngineNotInstalledError, StoreError.
    """
    final = environments.directory(chosen.version)
    there = next((each for each in environments.installed() if each.vllm == chosen.version), None)
    if there is not None:
        return there
    uv = find_uv(environment)
    partial = final.with_name(f".{final.name}.partial")
    for leftover in (partial, final):
        shutil.rmtree(leftover, ignore_errors=True)
    environments.root.mkdir(parents=True, exist_ok=True)
    python = partial / "bin" / "python"
    try:
        # Relocatable, so that it works after the rename.
        make = [uv, "venv", "--relocatable", "--python", chosen.python, str(partial)]
        run_uv(make, environment, on_line, cancel)
        lock = str(chosen.lock)
        words = [
            "pip",
            "install",
            "--python",
            str(python),
            "--require-hashes",
            "--no-deps",
            "--compile-bytecode",
        ]
        run_uv([uv, *words, "--requirements", lock], environment, on_line, cancel)
        found = examine(python, environment)
        marked = msgspec.structs.replace(found, path=str(final / "bin" / "python"), registered=False)
        write_atomic(partial / "huiyan-engine.json", msgspec.json.encode(marked))
        partial.rename(final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return marked


def remove(environments: Environments, interpreter: Interpreter) -> None:
    """Its directory, or its registration where huiyan did not make it. Raises: StoreError."""
    if not interpreter.registered:
        directory = environments.directory(interpreter.vllm)
        # Renamed first: a kill in the middle leaves nothing that looks complete.
        doomed = directory.with_name(f".{directory.name}.removed")
        shutil.rmtree(doomed, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            directory.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
    environments.forget(interpreter)


def find_uv(environment: Mapping[str, str]) -> str:
    """Beside this interpreter, or on the path. Raises: EngineNotInstalledError."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv", path=environment.get("PATH"))
    if found is None:
        raise refusal(EngineNotInstalledError, "engines.no_uv")
    return found


def run_uv(
    command: list[str],
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    cancel: threading.Event | None = None,
) -> None:
    """Raises: EngineNotInstalledError, StoreError for a full disk."""
    last = ""
    try:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise refusal(EngineNotInstalledError, "engines.uv_failed", reason=error.strerror) from error
    assert process.stdout is not None
    if cancel is not None:
        threading.Thread(target=_end_when_set, args=(process, cancel), daemon=True).start()
    with process:
        for line in process.stdout:
            if line.strip():
                last = line.strip()
                if _STEP.match(last):
                    on_line(last)
    if process.returncode:
        kind = StoreError if "No space left" in last else EngineNotInstalledError
        raise refusal(kind, "engines.uv_failed", reason=last[:300] or f"code {process.returncode}")


def _end_when_set(process: subprocess.Popen[str], cancel: threading.Event) -> None:
    while process.poll() is None:
        if cancel.wait(_CANCEL_POLL_S):
            process.terminate()
            return


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
