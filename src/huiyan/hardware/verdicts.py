"""What the probe found, judged: each part with a verdict, and with a remedy where one is needed.

A missing GPU is no fault: then the CPU answers. Sentences and remedies: `huiyan.messages.hardware`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from huiyan.hardware.driver import CUDA, MIN_DRIVER, driver_serves
from huiyan.hardware.gpu import Gpu, GpuProcess
from huiyan.hardware.plan.candidates import candidates, choose
from huiyan.hardware.plan.make import make_plan
from huiyan.hardware.plan.predict import BF16_CAPABILITY
from huiyan.hardware.plan.wish import Wish
from huiyan.hardware.probe import Machine
from huiyan.hardware.profiles import AUTO, profile
from huiyan.messages import CATALOGUE, Text

State = Literal["ok", "warning", "failed"]

_GIB: Final = 1024**3
_LOW_MEMORY_BYTES: Final = 2 * _GIB
#: An 8B checkpoint of 16.3 GiB, its environment of some 9 GiB, and room to replace a part of it.
_LOW_DISK_BYTES: Final = 40 * _GIB
_NAMED_PROCESSES: Final = 3


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """check: names the part (`doctor.layer.*`). hint: what to do, None where nothing is."""

    check: str
    state: State
    text: Text

    @property
    def hint(self) -> Text | None:
        key = f"{self.text.key}.hint"
        return Text(key, self.text.args) if key in CATALOGUE else None


def judge(machine: Machine, *, wants_vllm: bool = False) -> Iterator[Verdict]:
    """Processor, memory, container, disk, GPUs, and what they add up to.

    wants_vllm: whether vLLM was asked for by name; then what keeps it from running is a refusal, else a note.
    """
    yield _cpu(machine)
    yield _memory(machine)
    yield _container(machine)
    if machine.disk is not None:
        yield _disk(machine)
    yield from _gpus(machine, refuse="failed" if wants_vllm else "warning")
    yield _plan(machine)


def _cpu(machine: Machine) -> Verdict:
    figures = {
        "name": machine.cpu.name or machine.cpu.architecture or "CPU",
        "cores": machine.cpu_usable,
        "logical": machine.cpu_logical,
        "features": " ".join(machine.cpu.features) or "-",
    }
    slow = bool(machine.cpu.features) and not machine.cpu.fast
    return Verdict(
        check="cpu",
        state="warning" if slow else "ok",
        text=Text("hardware.cpu_slow" if slow else "hardware.cpu", figures),
    )


def _memory(machine: Machine) -> Verdict:
    low = machine.memory_available_bytes < _LOW_MEMORY_BYTES
    figures = {
        "total": gib(machine.memory_total_bytes),
        "free": gib(machine.memory_available_bytes),
    }
    return Verdict(
        check="memory",
        state="warning" if low else "ok",
        text=Text("hardware.memory_low" if low else "hardware.memory", figures),
    )


def _container(machine: Machine) -> Verdict:
    limits = machine.container
    if not limits.limited:
        return Verdict(check="container", state="ok", text=Text("hardware.unlimited", {}))
    memory = "-" if limits.memory_limit_bytes is None else gib(limits.memory_limit_bytes)
    figures = {"memory": memory, "cpus": "-" if limits.cpus is None else f"{limits.cpus:g}"}
    return Verdict(check="container", state="ok", text=Text("hardware.limited", figures))


def _disk(machine: Machine) -> Verdict:
    disk = machine.disk
    assert disk is not None
    figures = {
        "path": disk.path,
        "free": gib(disk.free_bytes),
        "filesystem": disk.filesystem or "-",
        "enough": gib(_LOW_DISK_BYTES),
    }
    if disk.free_bytes < _LOW_DISK_BYTES:
        return Verdict(check="disk", state="warning", text=Text("hardware.disk_low", figures))
    if disk.remote:
        return Verdict(check="disk", state="warning", text=Text("hardware.disk_remote", figures))
    return Verdict(check="disk", state="ok", text=Text("hardware.disk", figures))


def _gpus(machine: Machine, *, refuse: State) -> Iterator[Verdict]:
    if not machine.gpus:
        if machine.nvidia_cards:
            figures = {"count": machine.nvidia_cards, "reason": machine.gpu_note}
            yield Verdict(check="gpu", state=refuse, text=Text("hardware.gpu_silent", figures))
        else:
            yield Verdict(
                check="gpu",
                state="ok" if refuse == "warning" else refuse,
                text=Text("hardware.no_gpu", {"reason": machine.gpu_note}),
            )
        return
    yield _driver(machine.gpus[0], refuse=refuse)
    for gpu in machine.gpus:
        yield _card(gpu, refuse=refuse)
        if gpu.notes:
            figures = {"index": gpu.index, "notes": "; ".join(gpu.notes)}
            yield Verdict(check="gpu", state="warning", text=Text("hardware.gpu_notes", figures))
    if machine.gpu_note:
        yield Verdict(
            check="gpu", state="warning", text=Text("hardware.gpu_lost", {"reason": machine.gpu_note})
        )


def _driver(gpu: Gpu, *, refuse: State) -> Verdict:
    figures = {
        "driver": gpu.driver_version,
        "cuda": gpu.cuda_version or "-",
        "needed": MIN_DRIVER,
        "needed_cuda": CUDA,
    }
    if not driver_serves(gpu):
        return Verdict(check="driver", state=refuse, text=Text("hardware.driver_old", figures))
    return Verdict(check="driver", state="ok", text=Text("hardware.driver", figures))


def _card(gpu: Gpu, *, refuse: State) -> Verdict:
    figures = {
        "index": gpu.index,
        "name": gpu.name,
        "total": gib(gpu.memory_total_bytes),
        "free": gib(gpu.memory_free_bytes),
        "capability": gpu.compute_capability,
    }
    if gpu.capability < BF16_CAPABILITY:
        return Verdict(check="gpu", state=refuse, text=Text("hardware.gpu_old", figures))
    if gpu.mig:
        names = ", ".join(one.name for one in gpu.mig_instances)
        key = "hardware.gpu_mig" if names else "hardware.gpu_mig_empty"
        return Verdict(
            check="gpu", state="ok" if names else refuse, text=Text(key, {**figures, "names": names})
        )
    if _suits(gpu):
        return Verdict(check="gpu", state="ok", text=Text("hardware.gpu", figures))
    empty = msgspec.structs.replace(gpu, memory_free_bytes=gpu.cuda_total_bytes)
    if not _suits(empty):
        return Verdict(check="gpu", state=refuse, text=Text("hardware.gpu_small", figures))
    if not gpu.processes:
        return Verdict(check="gpu", state=refuse, text=Text("hardware.gpu_full_hidden", figures))
    holders = sorted(gpu.processes, key=lambda one: -(one.memory_bytes or 0))
    figures |= {
        "holders": ", ".join(_holder(one) for one in holders[:_NAMED_PROCESSES]),
        "pid": holders[0].pid,
    }
    return Verdict(check="gpu", state=refuse, text=Text("hardware.gpu_full", figures))


def _holder(process: GpuProcess) -> str:
    parts = [str(process.pid)]
    if process.memory_bytes is not None:
        parts.append(gib(process.memory_bytes))
    return f"{process.name or '?'} ({', '.join(parts)})"


def _suits(gpu: Gpu) -> bool:
    return choose(candidates(gpu, Wish(), profile(AUTO))) is not None


def _plan(machine: Machine) -> Verdict:
    found = make_plan(machine, Wish(), profile(AUTO))
    if found.chosen is not None:
        one = found.chosen
        figures = {
            "model": one.shape.name,
            "weights": one.quantization,
            "context": f"{one.context:,}",
            "at_once": one.at_once,
        }
        return Verdict(check="plan", state="ok", text=Text("hardware.plan_gpu", figures))
    if found.chosen_cpu is not None:
        low, high = found.chosen_cpu.tokens_per_s
        figures = {"model": f"Qwen3-VL-{found.chosen_cpu.model}", "low": f"{low:.1f}", "high": f"{high:.1f}"}
        return Verdict(check="plan", state="ok", text=Text("hardware.plan_cpu", figures))
    return Verdict(check="plan", state="warning", text=Text("hardware.plan_nano", {}))


def gib(size_bytes: int) -> str:
    """12.3 GiB: one decimal is enough to judge by."""
    return f"{size_bytes / _GIB:.1f} GiB"
