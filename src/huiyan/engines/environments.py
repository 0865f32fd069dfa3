"""Environments that hold an engine: which are there, which is used. Made by `engine_install`.

    <data_dir>/engines/<name>-<version>/          made from a lock file of the package
    <data_dir>/engines/registry.json              which is used; interpreters that somebody registered

An engine pins torch and its friends, so it never shares an environment with huiyan itself.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from huiyan.errors import EngineNotInstalledError, StoreError
from huiyan.messages import refusal
from huiyan.store.manifest import write_atomic

VLLM: Final = "vllm"
#: Measured on a GPU, with the table in docs/concepts/engines.md.
DEFAULT_VERSION: Final = "0.25.1"

_PROBE_TIMEOUT_S: Final = 120.0
#: Without importing either: vLLM's import takes half a minute.
_PROBE: Final = """
import importlib.metadata as m, json, sys
def version(name):
    try:
        return m.version(name)
    except m.PackageNotFoundError:
        return ""
names = ("vllm", "torch", "transformers")
print(json.dumps({"python": sys.version.split()[0], **{name: version(name) for name in names}}))
"""


class Interpreter(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter that has vLLM. path: absolute. registered: by hand, and never removed by huiyan."""

    path: str
    vllm: str
    torch: str = ""
    transformers: str = ""
    python: str = ""
    registered: bool = False


class Registry(msgspec.Struct, kw_only=True):
    """registry.json. used: path of the interpreter in use, "" for none."""

    used: str = ""
    registered: list[Interpreter] = []


class Environments:
    """Of one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.root = data_dir / "engines"
        self._registry = self.root / "registry.json"

    def directory(self, version: str) -> Path:
        return self.root / f"{VLLM}-{version}"

    def installed(self) -> list[Interpreter]:
        """Made by huiyan, complete, oldest version first."""
        found = []
        for marker in sorted(self.root.glob(f"{VLLM}-*/huiyan-engine.json")):
            try:
                found.append(msgspec.json.decode(marker.read_bytes(), type=Interpreter))
            except (OSError, msgspec.MsgspecError):
                continue  # an environment of another huiyan, or a broken one: not ours to offer
        return found

    def all(self) -> list[Interpreter]:
        return [*self.installed(), *self.registry().registered]

    def registry(self) -> Registry:
        """Raises: StoreError for a file that cannot be read."""
        try:
            return msgspec.json.decode(self._registry.read_bytes(), type=Registry)
        except FileNotFoundError:
            return Registry()
        except (OSError, msgspec.MsgspecError) as error:
            raise refusal(StoreError, "engines.registry", path=self._registry, reason=error) from error

    def used(self) -> Interpreter:
        """The chosen one; without a choice, the newest that huiyan installed, else the last registered.

        Raises: EngineNotInstalledError.
        """
        registry = self.registry()
        there = self.all()
        chosen = next((each for each in there if each.path == registry.used), None)
        if chosen is None:
            own = sorted(self.installed(), key=lambda each: _order(each.vllm))
            chosen = own[-1] if own else (registry.registered[-1] if registry.registered else None)
        if chosen is None or not Path(chosen.path).exists():
            raise refusal(EngineNotInstalledError, "engines.none")
        return chosen

    def use(self, interpreter: Interpreter) -> None:
        """Choose it; one that huiyan did not make is remembered. Raises: DiskFullError, StoreError."""
        registry = self.registry()
        others = [each for each in registry.registered if each.path != interpreter.path]
        kept = [*others, interpreter] if interpreter.registered else others
        self._write(Registry(used=interpreter.path, registered=kept))

    def forget(self, interpreter: Interpreter) -> None:
        registry = self.registry()
        used = "" if registry.used == interpreter.path else registry.used
        kept = [each for each in registry.registered if each.path != interpreter.path]
        self._write(Registry(used=used, registered=kept))

    def _write(self, registry: Registry) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        write_atomic(self._registry, msgspec.json.format(msgspec.json.encode(registry)), mode=0o600)


def examine(path: Path, environment: Mapping[str, str]) -> Interpreter:
    """What this interpreter has. Blocks.

    Raises: EngineNotInstalledError when it has no vLLM or does not run.
    """
    path = path.expanduser().absolute()
    if path.is_dir():
        path = path / "bin" / "python"
    try:
        done = subprocess.run(
            [str(path), "-c", _PROBE],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT_S,
            check=True,
        )
        said = json.loads(done.stdout.strip().splitlines()[-1])
        found = msgspec.convert({**said, "path": str(path), "registered": True}, type=Interpreter)
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, IndexError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise refusal(EngineNotInstalledError, "engines.no_interpreter", path=path, reason=reason) from error
    if not found.vllm:
        raise refusal(EngineNotInstalledError, "engines.no_vllm", path=path)
    return found


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
