"""What the engine holds: resident memory of its processes, and of each card what is theirs."""

from __future__ import annotations

import contextlib

import msgspec
import psutil


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """In bytes. gpu_bytes: None where there is no NVIDIA driver, or it does not tell."""

    resident_bytes: int
    gpu_bytes: int | None = None


def held_by(pid: int | None) -> Held | None:
    """Of the process and its children; None when there is no such process."""
    if pid is None:
        return None
    try:
        engine = psutil.Process(pid)
        family = [engine, *engine.children(recursive=True)]
    except psutil.Error:
        return None
    resident_bytes = 0
    for process in family:
        with contextlib.suppress(psutil.Error):
            resident_bytes += process.memory_info().rss
    return Held(resident_bytes=resident_bytes, gpu_bytes=_gpu_bytes({process.pid for process in family}))


def _gpu_bytes(pids: set[int]) -> int | None:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        total_bytes, told = 0, False
        for index in range(pynvml.nvmlDeviceGetCount()):
            card = pynvml.nvmlDeviceGetHandleByIndex(index)
            for process in pynvml.nvmlDeviceGetComputeRunningProcesses(card):
                # In a container the driver may name the host's pids, or hide what each holds.
                if process.pid in pids and process.usedGpuMemory is not None:
                    total_bytes += int(process.usedGpuMemory)
                    told = True
        return total_bytes if told else None
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()
