"""Machines as the probe would describe them, for plans and verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huiyan.hardware.containers import ContainerLimits
from huiyan.hardware.cpu import Cpu
from huiyan.hardware.disk import Disk
from huiyan.hardware.gpu import gpus_by_nvml
from huiyan.hardware.probe import Machine
from tests.support.fake_nvml import GIB, FakeCard, FakeNvml


def machine(nvml: FakeNvml | None = None, **changes: Any) -> Machine:
    """Eight cores, 32 GiB, half a terabyte, and the cards of `nvml`."""
    gpus, note = gpus_by_nvml(nvml or FakeNvml(faults={"nvmlInit": 12}))
    fields: dict[str, Any] = {
        "cpu_logical": 16,
        "cpu_physical": 8,
        "cpu_usable": 16,
        "memory_total_bytes": 32 * GIB,
        "memory_available_bytes": 24 * GIB,
        "gpus": gpus,
        "gpu_note": note,
        "cpu": Cpu(name="AMD Ryzen 7 7700", architecture="x86_64", features=("avx2", "avx512")),
        "container": ContainerLimits(),
        "nvidia_cards": len(gpus),
        "disk": Disk(
            path=Path("/home/li/.local/share/huiyan"),
            total_bytes=512 * GIB,
            free_bytes=300 * GIB,
            filesystem="ext4",
        ),
    }
    return Machine(**{**fields, **changes})


def rtx_4090(**changes: Any) -> FakeCard:
    """As a driver describes one that nobody uses: 24,564 MiB, of which it keeps some for itself."""
    mib = 1024**2
    fields: dict[str, Any] = {
        "total_bytes": 24_564 * mib,
        "reserved_bytes": 357 * mib,
        "free_bytes": 24_100 * mib,
    }
    return FakeCard(**{**fields, **changes})
