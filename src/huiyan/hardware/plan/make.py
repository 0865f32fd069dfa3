"""A plan: from what is there and what is wished to an engine with its flags."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from huiyan.errors import SettingsError
from huiyan.hardware.driver import driver_serves
from huiyan.hardware.gpu import Gpu
from huiyan.hardware.model_files import shape_of
from huiyan.hardware.model_shape import ModelShape
from huiyan.hardware.plan.candidates import Candidate, candidates, choose
from huiyan.hardware.plan.cpu import CpuCandidate, GgufFile, choose_cpu, cpu_candidates
from huiyan.hardware.plan.wish import Wish
from huiyan.hardware.presets import SHAPES
from huiyan.hardware.probe import Machine
from huiyan.hardware.profiles import Profile
from huiyan.messages import refusal

Engine = Literal["vllm", "llama_cpp", "nano"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """gpu: the card that the plan is for, None on a machine without one. table: what was tried on it.

    imagined: the card is not in this machine. chosen, chosen_cpu: at most one of them; neither: nano answers.
    """

    wish: Wish
    profile: Profile
    gpu: Gpu | None
    imagined: bool
    table: list[Candidate]
    chosen: Candidate | None
    cpu_table: list[CpuCandidate]
    chosen_cpu: CpuCandidate | None

    @property
    def engine(self) -> Engine:
        if self.chosen is not None:
            return "vllm"
        return "llama_cpp" if self.chosen_cpu is not None else "nano"


def make_plan(
    machine: Machine,
    wish: Wish,
    profile: Profile,
    *,
    card: Gpu | None = None,
    shape: ModelShape | None = None,
    gguf: GgufFile | None = None,
) -> Plan:
    """card: plan for this one, whatever the machine has. shape, gguf: the one model that is meant.

    The CPU is planned for as well where no GPU does. Nothing is looked at and nothing is changed.
    """
    gpu = None if gguf is not None else card or best_gpu(machine)
    table: list[Candidate] = []
    if gpu is not None:
        host = None if card else machine.memory_total_bytes
        table = candidates(gpu, wish, profile, shape=shape, host_memory_bytes=host)
    chosen = choose(table)
    cpu_table: list[CpuCandidate] = []
    if chosen is None and card is None and shape is None:
        cpu_table = cpu_candidates(machine, wish, gguf)
    return Plan(
        wish=wish,
        profile=profile,
        gpu=gpu,
        imagined=card is not None,
        table=table,
        chosen=chosen,
        cpu_table=cpu_table,
        chosen_cpu=choose_cpu(cpu_table, wish),
    )


def best_gpu(machine: Machine) -> Gpu | None:
    """The card with the most free memory whose driver serves; in MIG mode, its slices are the cards."""
    cards = [one for gpu in machine.gpus if driver_serves(gpu) for one in devices(gpu)]
    return max(cards, key=lambda one: one.memory_free_bytes, default=None)


def devices(gpu: Gpu) -> list[Gpu]:
    """What CUDA sees of a card: itself, or its MIG instances. A card in MIG mode without any gives none."""
    if not gpu.mig:
        return [gpu]
    return [
        msgspec.structs.replace(
            gpu,
            name=one.name,
            uuid=one.uuid,
            memory_total_bytes=one.memory_total_bytes,
            memory_free_bytes=one.memory_free_bytes,
            memory_reserved_bytes=0,
            mig_instances=(),
        )
        for one in gpu.mig_instances
    ]


def model_named(text: str) -> tuple[str | None, ModelShape | None]:
    """(preset, None) for `8B` or a hub name that ends so, (None, shape) for a directory.

    Raises: SettingsError, ModelFileMissingError, StoreError.
    """
    path = Path(text).expanduser()
    if path.is_dir():
        return None, shape_of(path)
    words = text.upper().replace("/", "-").split("-")
    found = [name for name in SHAPES if name in words]
    if not found:
        raise refusal(SettingsError, "plan.no_model", name=text, names=", ".join(SHAPES))
    return found[0], None
