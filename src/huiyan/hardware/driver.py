"""Which NVIDIA driver vLLM's torch runs on."""

from __future__ import annotations

from typing import Final

from huiyan.hardware.gpu import Gpu

#: CUDA 13.0, which torch 2.11.0 of the Python index is built for (vLLM 0.25.1 pins it), runs on drivers of
#: the R580 branch and later. Source: NVIDIA's CUDA 13.0 release notes, the table of driver versions.
MIN_DRIVER: Final = 580
CUDA: Final = "13.0"


def driver_number(version: str) -> int:
    """580 of `580.82.07`; 0 where it cannot be read."""
    first = version.partition(".")[0]
    return int(first) if first.isdigit() else 0


def driver_serves(gpu: Gpu) -> bool:
    """Whether vLLM runs on it. A card that only a plan is made for has no driver and is taken to have one."""
    return not gpu.driver_version or driver_number(gpu.driver_version) >= MIN_DRIVER
