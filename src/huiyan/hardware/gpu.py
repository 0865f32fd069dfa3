"""NVIDIA GPUs as the driver describes them, through NVML.

Faults are notes: no GPU is another plan, no error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

PCI_DEVICES: Final = Path("/sys/bus/pci/devices")
_NVIDIA: Final = "0x10de"
_DISPLAY: Final = "0x03"
_NAME_LENGTH: Final = 64


class GpuProcess(msgspec.Struct, frozen=True, kw_only=True):
    """A process that holds memory of a card. name: "" where the driver or a container hides it.

    memory_bytes: None where the driver does not say (in a container, or under WDDM).
    """

    pid: int
    name: str
    memory_bytes: int | None


class MigInstance(msgspec.Struct, frozen=True, kw_only=True):
    """A slice of a card in MIG mode: it is what CUDA sees as a device. uuid: for CUDA_VISIBLE_DEVICES."""

    uuid: str
    name: str
    memory_total_bytes: int
    memory_free_bytes: int


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """One NVIDIA GPU. compute_capability: "8.9". driver_version: "" where only a plan is made for it.

    memory_reserved_bytes: kept by the driver; CUDA's total is the rest. cuda_version: the newest that the
    driver runs, "13.0". mig: None where the card has no such mode. notes: what the driver would not say.
    """

    name: str
    memory_total_bytes: int
    memory_free_bytes: int
    driver_version: str
    compute_capability: str
    index: int = 0
    uuid: str = ""
    memory_reserved_bytes: int = 0
    cuda_version: str = ""
    mig: bool | None = None
    mig_instances: tuple[MigInstance, ...] = ()
    processes: tuple[GpuProcess, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def cuda_total_bytes(self) -> int:
        """What CUDA calls the card's total (cudaMemGetInfo): utilisation is a share of this."""
        return self.memory_total_bytes - self.memory_reserved_bytes

    @property
    def capability(self) -> tuple[int, int]:
        """compute_capability as numbers; (0, 0) where it is unknown."""
        major, _, minor = self.compute_capability.partition(".")
        return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


def cards_on_bus(devices: Path = PCI_DEVICES) -> int:
    """NVIDIA display controllers that Linux sees, with or without a driver; 0 elsewhere."""
    count = 0
    for device in devices.glob("*"):
        try:
            vendor, kind = (device / "vendor").read_text().strip(), (device / "class").read_text().strip()
        except OSError:
            continue
        count += vendor == _NVIDIA and kind.startswith(_DISPLAY)
    return count


def gpus_by_nvml(nvml: Any = None) -> tuple[tuple[Gpu, ...], str]:
    """GPUs that the driver lists; otherwise the reason why there are none.

    nvml: a module with pynvml's names; the installed one unless given. Any: pynvml has no types.
    """
    if nvml is None:
        import pynvml

        nvml = pynvml
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return (), str(error)
    try:
        driver = _text(nvml.nvmlSystemGetDriverVersion())
        cuda = _cuda_version(nvml)
        count = nvml.nvmlDeviceGetCount()
        gpus, notes = [], []
        for index in range(count):
            try:
                gpus.append(_describe(nvml, index, driver=driver, cuda=cuda))
            except nvml.NVMLError as error:
                # A card that fell off the bus must not hide the others.
                notes.append(f"GPU {index}: {error}")
        return tuple(gpus), "; ".join(notes) or ("" if gpus else "the driver lists no GPU")
    except nvml.NVMLError as error:
        return (), str(error)
    finally:
        with contextlib.suppress(nvml.NVMLError):
            nvml.nvmlShutdown()


def _describe(nvml: Any, index: int, *, driver: str, cuda: str) -> Gpu:
    """Raises: NVMLError where the driver does not give name and memory; all else is optional."""
    notes: list[str] = []

    def ask(what: str, question: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return question()
        except nvml.NVMLError_NotSupported:
            return otherwise
        except nvml.NVMLError as error:
            notes.append(f"{what}: {error}")
            return otherwise

    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    total, free, reserved = _memory(nvml, handle)
    major, minor = ask("compute capability", lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle), (0, 0))
    mig = ask("MIG mode", lambda: bool(nvml.nvmlDeviceGetMigMode(handle)[0]), None)
    return Gpu(
        name=_text(nvml.nvmlDeviceGetName(handle)),
        memory_total_bytes=total,
        memory_free_bytes=free,
        memory_reserved_bytes=reserved,
        driver_version=driver,
        compute_capability=f"{major}.{minor}",
        cuda_version=cuda,
        index=index,
        uuid=_text(ask("UUID", lambda: nvml.nvmlDeviceGetUUID(handle), "")),
        mig=mig,
        mig_instances=ask("MIG instances", lambda: _mig_instances(nvml, handle), ()) if mig else (),
        processes=ask("processes", lambda: _processes(nvml, handle), ()),
        notes=tuple(notes),
    )


def _memory(nvml: Any, handle: Any) -> tuple[int, int, int]:
    """(total, free, reserved by the driver); the second version of the call tells the last."""
    try:
        found = nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
    except nvml.NVMLError:
        found = nvml.nvmlDeviceGetMemoryInfo(handle)
        return int(found.total), int(found.free), 0
    return int(found.total), int(found.free), int(found.reserved)


def _mig_instances(nvml: Any, handle: Any) -> tuple[MigInstance, ...]:
    found = []
    for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            instance = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
        except nvml.NVMLError_NotFound:
            continue  # slots need not be filled in order
        memory = nvml.nvmlDeviceGetMemoryInfo(instance)
        found.append(
            MigInstance(
                uuid=_text(nvml.nvmlDeviceGetUUID(instance)),
                name=_text(nvml.nvmlDeviceGetName(instance)),
                memory_total_bytes=int(memory.total),
                memory_free_bytes=int(memory.free),
            )
        )
    return tuple(found)


def _processes(nvml: Any, handle: Any) -> tuple[GpuProcess, ...]:
    return tuple(
        GpuProcess(
            pid=int(one.pid),
            name=_process_name(nvml, int(one.pid)),
            memory_bytes=None if one.usedGpuMemory is None else int(one.usedGpuMemory),
        )
        for one in nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    )


def _process_name(nvml: Any, pid: int) -> str:
    try:
        name = Path(_text(nvml.nvmlSystemGetProcessName(pid))).name
    except nvml.NVMLError:
        return ""
    # A process names itself: no control characters onto somebody's terminal.
    return "".join(letter for letter in name if letter.isprintable())[:_NAME_LENGTH]


def _cuda_version(nvml: Any) -> str:
    try:
        number = int(nvml.nvmlSystemGetCudaDriverVersion_v2())
    except nvml.NVMLError:
        return ""
    return f"{number // 1000}.{number % 1000 // 10}"


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
