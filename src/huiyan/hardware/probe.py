"""What this machine has: CPU, memory, disk, GPU. Containers' limits count, not the host's size."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import psutil

from huiyan.hardware import containers, cpu
from huiyan.hardware.containers import ContainerLimits
from huiyan.hardware.cpu import Cpu
from huiyan.hardware.disk import Disk, disk_of
from huiyan.hardware.gpu import Gpu, cards_on_bus, gpus_by_nvml

__all__ = ["Gpu", "Machine", "gpus_by_nvml", "probe"]


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """cpu_usable: what this process may use at once, by affinity, set and quota. gpu_note: why there is no
    GPU, or not every one. nvidia_cards: on the PCI bus, whether a driver knows them or not. disk: of the data
    directory, where one was named.
    """

    cpu_logical: int
    cpu_physical: int
    cpu_usable: int
    memory_total_bytes: int
    memory_available_bytes: int
    gpus: tuple[Gpu, ...] = ()
    gpu_note: str = ""
    cpu: Cpu = Cpu()
    container: ContainerLimits = ContainerLimits()
    nvidia_cards: int = 0
    disk: Disk | None = None


def probe(*, data_dir: Path | None = None, cgroup: Path = containers.CGROUP, nvml: Any = None) -> Machine:
    """Look at the machine once; takes up to a second where a GPU driver has to wake up.

    nvml: a module with pynvml's names; the installed one unless given. Never raises for what is not there.
    """
    logical = psutil.cpu_count(logical=True) or 1
    memory = psutil.virtual_memory()
    limits = containers.limits(cgroup=cgroup)
    total_bytes, available_bytes = _memory(limits, memory.total, memory.available)
    gpus, note = gpus_by_nvml(nvml)
    return Machine(
        cpu_logical=logical,
        cpu_physical=psutil.cpu_count(logical=False) or logical,
        cpu_usable=_usable_cpus(limits, logical),
        memory_total_bytes=total_bytes,
        memory_available_bytes=available_bytes,
        gpus=gpus,
        gpu_note=note,
        cpu=cpu.describe(),
        container=limits,
        nvidia_cards=len(gpus) or cards_on_bus(),
        disk=None if data_dir is None else disk_of(data_dir),
    )


def _usable_cpus(limits: ContainerLimits, logical: int) -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else logical
    if limits.cpuset is not None:
        usable = min(usable, limits.cpuset)
    if limits.cpus is not None:
        usable = min(usable, int(limits.cpus))
    return max(1, usable)


def _memory(limits: ContainerLimits, total_bytes: int, available_bytes: int) -> tuple[int, int]:
    """(size, what is free of it): the container's where that is smaller than the machine."""
    limit = limits.memory_limit_bytes
    if limit is None or limit >= total_bytes:
        return total_bytes, available_bytes
    return limit, max(0, min(available_bytes, limit - limits.memory_used_bytes))
