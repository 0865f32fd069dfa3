"""What this machine has: CPU, memory, GPU. Containers' limits count, not the host's size."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import psutil

from huiyan.hardware.gpu import Gpu, gpus_by_nvml

__all__ = ["Gpu", "Machine", "gpus_by_nvml", "probe"]

_CGROUP = Path("/sys/fs/cgroup")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """cpu_usable: what this process may use at once, by affinity and quota. gpu_note: why there is no GPU."""

    cpu_logical: int
    cpu_physical: int
    cpu_usable: int
    memory_total_bytes: int
    memory_available_bytes: int
    gpus: tuple[Gpu, ...] = ()
    gpu_note: str = ""


def probe(*, cgroup: Path = _CGROUP) -> Machine:
    """Look at the machine once; takes up to a second where a GPU driver has to wake up."""
    logical = psutil.cpu_count(logical=True) or 1
    memory = psutil.virtual_memory()
    total_bytes, available_bytes = _memory_limit(cgroup, memory.total, memory.available)
    gpus, note = gpus_by_nvml()
    return Machine(
        cpu_logical=logical,
        cpu_physical=psutil.cpu_count(logical=False) or logical,
        cpu_usable=_usable_cpus(cgroup, logical),
        memory_total_bytes=total_bytes,
        memory_available_bytes=available_bytes,
        gpus=gpus,
        gpu_note=note,
    )


def _usable_cpus(cgroup: Path, logical: int) -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else logical
    quota, _, period_us = _read(cgroup / "cpu.max").partition(" ")
    if quota.isdigit() and period_us.isdigit() and int(period_us) > 0:
        usable = min(usable, max(1, int(quota) // int(period_us)))
    return max(1, usable)


def _memory_limit(cgroup: Path, total_bytes: int, available_bytes: int) -> tuple[int, int]:
    limit = _read(cgroup / "memory.max")
    if limit.isdigit() and int(limit) < total_bytes:
        used = _read(cgroup / "memory.current")
        free_bytes = int(limit) - (int(used) if used.isdigit() else 0)
        return int(limit), max(0, min(available_bytes, free_bytes))
    return total_bytes, available_bytes


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
