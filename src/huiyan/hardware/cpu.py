"""The processor: its name, and the instructions that make llama.cpp fast."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Final

import msgspec

CPUINFO: Final = Path("/proc/cpuinfo")

#: Flag of /proc/cpuinfo → what it is called here. arm64 lists `asimd` for NEON.
_FEATURES: Final = {
    "avx2": "avx2",
    "avx512f": "avx512",
    "avx512_vnni": "avx512_vnni",
    "amx_tile": "amx",
    "asimd": "neon",
    "neon": "neon",
    "i8mm": "i8mm",
    "sve": "sve",
}


class Cpu(msgspec.Struct, frozen=True, kw_only=True):
    """name: "" where the system does not tell. features: of avx2, avx512, amx, neon and their kin, sorted."""

    name: str = ""
    architecture: str = ""
    features: tuple[str, ...] = ()

    @property
    def fast(self) -> bool:
        """Whether llama.cpp has vector kernels for it; without, it is several times slower."""
        return bool({"avx2", "avx512", "neon"} & set(self.features))


def describe(*, cpuinfo: Path = CPUINFO, architecture: str | None = None) -> Cpu:
    """Never raises. architecture: `platform.machine()` unless given."""
    machine = architecture or platform.machine()
    name, flags = "", set[str]()
    for line in _read(cpuinfo).splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name" and not name:
            name = value.strip()
        elif key.strip() in ("flags", "Features"):
            flags |= set(value.split())
    features = {_FEATURES[flag] for flag in flags if flag in _FEATURES}
    if sys.platform == "darwin" and machine == "arm64":
        features.add("neon")  # every Apple processor of that architecture
    return Cpu(name=name or platform.processor(), architecture=machine, features=tuple(sorted(features)))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
