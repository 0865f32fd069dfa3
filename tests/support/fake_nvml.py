"""A fake of pynvml: cards as a test describes them. Its names and errors are pynvml's own."""

# ruff: noqa: N802  # the functions are called as pynvml calls them

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import pynvml

GIB: Final = 1024**3


@dataclass(kw_only=True)
class FakeCard:
    """One card. processes: (pid, name, bytes or None). faults: function → NVML error code."""

    name: str = "NVIDIA GeForce RTX 4090"
    total_bytes: int = 24 * GIB
    free_bytes: int = 23 * GIB
    reserved_bytes: int = GIB // 2
    capability: tuple[int, int] = (8, 9)
    mig: bool | None = None
    instances: Sequence[FakeCard | None] = ()
    processes: Sequence[tuple[int, str, int | None]] = ()
    faults: dict[str, int] = field(default_factory=dict)


class FakeNvml:
    """The part of pynvml that huiyan uses. faults: of functions that are about no card."""

    NVMLError = pynvml.NVMLError
    NVMLError_NotFound = pynvml.NVMLError_NotFound
    NVMLError_NotSupported = pynvml.NVMLError_NotSupported
    nvmlMemory_v2 = pynvml.nvmlMemory_v2  # noqa: N815  # pynvml's name

    def __init__(
        self,
        *cards: FakeCard,
        driver: str = "580.82.07",
        cuda: int = 13000,
        faults: dict[str, int] | None = None,
    ) -> None:
        self.cards = cards
        self.driver = driver
        self.cuda = cuda
        self.faults = faults or {}
        self.open = 0

    def _fault(self, name: str, card: FakeCard | None = None) -> None:
        code = (self.faults if card is None else card.faults).get(name)
        if code is not None:
            raise pynvml.NVMLError(code)

    def nvmlInit(self) -> None:
        self._fault("nvmlInit")
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1
        self._fault("nvmlShutdown")

    def nvmlSystemGetDriverVersion(self) -> str:
        self._fault("nvmlSystemGetDriverVersion")
        return self.driver

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:
        self._fault("nvmlSystemGetCudaDriverVersion_v2")
        return self.cuda

    def nvmlSystemGetProcessName(self, pid: int) -> str:
        self._fault("nvmlSystemGetProcessName")
        for card in self.cards:
            for known, name, _ in card.processes:
                if known == pid:
                    return name
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)

    def nvmlDeviceGetCount(self) -> int:
        self._fault("nvmlDeviceGetCount")
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeCard:
        self._fault("nvmlDeviceGetHandleByIndex", self.cards[index])
        return self.cards[index]

    def nvmlDeviceGetName(self, handle: FakeCard) -> str | bytes:
        self._fault("nvmlDeviceGetName", handle)
        return handle.name

    def nvmlDeviceGetUUID(self, handle: FakeCard) -> str:
        self._fault("nvmlDeviceGetUUID", handle)
        return f"GPU-{handle.name.replace(' ', '-')}"

    def nvmlDeviceGetMemoryInfo(self, handle: FakeCard, version: int | None = None) -> Any:
        self._fault("nvmlDeviceGetMemoryInfo", handle)
        if version is None:
            return SimpleNamespace(total=handle.total_bytes, free=handle.free_bytes)
        self._fault("nvmlDeviceGetMemoryInfo_v2", handle)
        return SimpleNamespace(
            total=handle.total_bytes, free=handle.free_bytes, reserved=handle.reserved_bytes
        )

    def nvmlDeviceGetCudaComputeCapability(self, handle: FakeCard) -> list[int]:
        self._fault("nvmlDeviceGetCudaComputeCapability", handle)
        return list(handle.capability)

    def nvmlDeviceGetMigMode(self, device: FakeCard) -> list[int]:
        self._fault("nvmlDeviceGetMigMode", device)
        if device.mig is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return [int(device.mig), int(device.mig)]

    def nvmlDeviceGetMaxMigDeviceCount(self, device: FakeCard) -> int:
        return len(device.instances)

    def nvmlDeviceGetMigDeviceHandleByIndex(self, device: FakeCard, index: int) -> FakeCard:
        instance = device.instances[index]
        if instance is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return instance

    def nvmlDeviceGetComputeRunningProcesses(self, handle: FakeCard) -> list[Any]:
        self._fault("nvmlDeviceGetComputeRunningProcesses", handle)
        return [SimpleNamespace(pid=pid, usedGpuMemory=size_bytes) for pid, _, size_bytes in handle.processes]
