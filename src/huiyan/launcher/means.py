"""What this machine can run models with, and which one the planner would have it run.

`start` without a model's name takes the planner's choice where the store has it, else another one of the
store that this machine runs, else nano, whose card names the choice: the page offers to fetch it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec

from huiyan.engines.environments import Environments
from huiyan.engines.options import EngineOptions
from huiyan.errors import EngineNotInstalledError, StoreError
from huiyan.hardware.plan.make import Plan, best_gpu, make_plan
from huiyan.hardware.plan.wish import wish_of
from huiyan.hardware.probe import Machine, probe
from huiyan.hardware.profiles import profile
from huiyan.settings.model import Settings
from huiyan.store import catalogue
from huiyan.store.snapshots import Store

Engine = Literal["vllm", "llama_cpp"]

_PROFILE: Final = "auto"
#: The planner's kinds of weights, as the catalogue names them. What it says of 4 bits holds for both.
_PRECISIONS: Final[dict[str, tuple[str, ...]]] = {
    "bf16": ("bf16",),
    "fp8": ("fp8",),
    "gptq-int4": ("awq", "gptq"),
    "awq-int4": ("awq",),
}
_PLANNED_AS: Final = {"bf16": "bf16", "fp8": "fp8", "gptq": "gptq-int4", "awq": "gptq-int4"}


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """The model for this machine. id: of the catalogue. size_bytes: about what a fetch of it takes."""

    id: str
    engine: Engine
    size_bytes: int


class Means:
    """Of one machine with one set of options."""

    def __init__(
        self, machine: Machine, options: EngineOptions, *, vllm_installed: bool, offline: bool
    ) -> None:
        """vllm_installed: an environment with it is in use. offline: nothing may be fetched."""
        self._machine = machine
        self._options = options
        self._vllm_installed = vllm_installed
        self.offline = offline

    def engine(self, model: str) -> Engine:
        """Which one runs this model now. A GGUF that was named is llama.cpp's, whatever the machine has."""
        entry = catalogue.find(model)
        if entry is not None and entry.engine == "llama_cpp":
            return "llama_cpp"
        return "vllm" if self._has_card() and self._vllm_installed else "llama_cpp"

    def engine_after_fetch(self, model: str) -> Engine:
        """Which one will run this model once it is here; what it needs is fetched along."""
        entry = catalogue.find(model)
        fits = entry is not None and entry.engine == "vllm" and self._has_card() and self._fits_card(entry)
        return "vllm" if fits else "llama_cpp"

    def suggestion(self) -> Suggestion | None:
        """None where the planner would have nano answer, too."""
        plan = self._plan(None, None)
        if plan.chosen is not None:
            return _known(plan.chosen.model, "vllm", _PRECISIONS.get(plan.chosen.quantization, ()))
        if plan.chosen_cpu is not None and self._options.engine != "vllm":
            return _known(plan.chosen_cpu.model, "llama_cpp", ("q4_k_m",))
        return None

    def best_stored(self, store_dir: Path) -> str | None:
        """The id of the largest model of the store that this machine runs now, the card's before the others.

        Raises: StoreError.
        """
        if not store_dir.is_dir():
            return None
        names = [model.id for model in Store(store_dir).models() if not model.damaged]
        entries = [entry for entry in map(catalogue.find, names) if entry is not None and self._runs(entry)]
        best = max(entries, key=lambda each: (each.engine == "vllm", each.size_bytes), default=None)
        return None if best is None else best.id

    def _runs(self, entry: catalogue.Entry) -> bool:
        if entry.engine == "vllm":
            return self._vllm_installed and self._has_card() and self._fits_card(entry)
        return self._options.engine != "vllm" and entry.memory_bytes <= self._machine.memory_available_bytes

    def _has_card(self) -> bool:
        return self._options.engine != "llama_cpp" and best_gpu(self._machine) is not None

    def _fits_card(self, entry: catalogue.Entry) -> bool:
        kind = _PLANNED_AS.get(entry.precision)
        return kind is not None and self._plan(entry.parameters, kind).chosen is not None

    def _plan(self, model: str | None, quantization: str | None) -> Plan:
        named = profile(_PROFILE)
        wish = wish_of(
            named, images=self._options.max_images, context=self._options.context_tokens, model=model
        )
        wish = msgspec.structs.replace(wish, quantization=quantization)
        machine = self._machine
        if self._options.engine == "llama_cpp":
            machine = msgspec.structs.replace(machine, gpus=())
        return make_plan(machine, wish, named)


def _known(parameters: str, engine: Engine, precisions: tuple[str, ...]) -> Suggestion | None:
    """The catalogue's own of this size: its publisher's before other people's."""
    found = [
        entry
        for entry in catalogue.catalogue()
        if (entry.parameters, entry.engine, entry.tuning) == (parameters, engine, "instruct")
        and entry.precision in precisions
    ]
    if not found:
        return None
    entry = min(found, key=lambda each: each.publisher != "official")
    return Suggestion(id=entry.id, engine=engine, size_bytes=entry.size_bytes)


def means(settings: Settings, machine: Machine | None = None, *, vllm: bool = True) -> Means:
    """machine: looked at where it is not given. vllm: False where only llama.cpp is of use. Blocks."""
    options = settings.engine if vllm else settings.engine.model_copy(update={"engine": "llama_cpp"})
    installed = False
    if vllm:
        try:
            installed = bool(Environments(settings.data_dir).used().path)
        except (EngineNotInstalledError, StoreError):
            installed = False
    return Means(machine or probe(), options, vllm_installed=installed, offline=settings.models.offline)
