"""A plan as lines for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from huiyan.hardware.driver import MIN_DRIVER, driver_serves
from huiyan.hardware.plan.candidates import Candidate
from huiyan.hardware.plan.cpu import CpuCandidate
from huiyan.hardware.plan.make import Plan, best_gpu
from huiyan.hardware.plan.predict import gib
from huiyan.hardware.presets import SHAPES
from huiyan.hardware.probe import Machine
from huiyan.messages import Language, say

_COLUMNS = ("model", "weights", "context", "cache", "at_once", "pictures", "note")
_CPU_COLUMNS = ("model", "context", "memory", "rate", "pictures", "note")
_GAP = "  "


def lines(plan: Plan, machine: Machine, language: Language) -> Iterator[str]:
    """The plan from top to bottom: what for, what was tried, what is chosen, its memory and its flags."""
    yield from _subject(plan, machine, language)
    if plan.table:
        yield ""
        head = [say(f"plan.head.{name}", language) for name in _COLUMNS]
        yield from _table(head, [_row(one, one is plan.chosen, language) for one in plan.table])
    if plan.cpu_table:
        yield ""
        head = [say(f"plan.head.{name}", language) for name in _CPU_COLUMNS]
        yield from _table(head, [_cpu_row(one, one is plan.chosen_cpu, language) for one in plan.cpu_table])
    yield ""
    if plan.chosen is not None:
        yield from _chosen(plan.chosen, plan, language)
    elif plan.chosen_cpu is not None:
        yield from _chosen_cpu(plan.chosen_cpu, language)
    elif not plan.table:
        yield say("plan.nano", language)


def _subject(plan: Plan, machine: Machine, language: Language) -> Iterator[str]:
    wish = plan.wish
    if plan.gpu is not None:
        yield say(
            "plan.card_imagined" if plan.imagined else "plan.card",
            language,
            name=plan.gpu.name,
            total=gib(plan.gpu.memory_total_bytes),
            free=gib(plan.gpu.memory_free_bytes),
            capability=plan.gpu.compute_capability,
        )
    elif best_gpu(machine) is None:
        yield _no_card(machine, language)
    if plan.cpu_table:
        yield say(
            "plan.processor",
            language,
            cores=machine.cpu_usable,
            free=gib(machine.memory_available_bytes),
            features=" ".join(machine.cpu.features) or "-",
        )
    yield say(
        "plan.wish",
        language,
        users=wish.users,
        images=wish.images,
        size="x".join(map(str, wish.image_size)),
        each=f"{wish.tokens_per_image:,}",
        tokens=f"{wish.request_tokens:,}",
    )


def _no_card(machine: Machine, language: Language) -> str:
    """Why there is none to plan for: no card, a driver that is too old, MIG mode without an instance."""
    if not machine.gpus:
        return say("plan.no_card", language, reason=machine.gpu_note)
    gpu = machine.gpus[0]
    if not driver_serves(gpu):
        return say("plan.driver", language, name=gpu.name, driver=gpu.driver_version, needed=MIN_DRIVER)
    return say("plan.no_instance", language, name=gpu.name)


def _row(one: Candidate, chosen: bool, language: Language) -> list[str]:
    return [
        ("* " if chosen else "  ") + one.model,
        one.quantization,
        f"{one.context:,}",
        f"{one.prediction.kv_tokens:,}",
        str(one.at_once),
        str(one.images),
        _note(one, language),
    ]


def _cpu_row(one: CpuCandidate, chosen: bool, language: Language) -> list[str]:
    low, high = one.tokens_per_s
    return [
        ("* " if chosen else "  ") + one.model,
        f"{one.flags.context_tokens:,}",
        gib(one.needed_bytes),
        f"{low:.1f} - {high:.1f}",
        str(one.images),
        _note(one, language),
    ]


def _note(one: Candidate | CpuCandidate, language: Language) -> str:
    return say("plan.suits", language) if one.reason is None else one.reason.render(language)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns padded by the width that a terminal gives the characters; the last one runs free."""
    whole = [["  " + head[0], *head[1:]], *rows]
    widths = [max(cell_len(row[column]) for row in whole) for column in range(len(head) - 1)]
    for row in whole:
        cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=False)]
        yield _GAP.join([*cells, row[-1]]).rstrip()


def _chosen(one: Candidate, plan: Plan, language: Language) -> Iterator[str]:
    found = one.prediction
    yield say(
        "plan.chosen",
        language,
        model=one.shape.name,
        weights=one.quantization,
        context=f"{one.context:,}",
        at_once=one.at_once,
        full=f"{found.max_concurrency:.1f}",
    )
    yield say(
        "plan.memory",
        language,
        weights=gib(found.weights_bytes),
        activation=gib(found.activation_bytes),
        cache=gib(found.kv_bytes),
        beyond=gib(found.needed_bytes - found.requested_bytes),
        needed=gib(found.needed_bytes),
        free=gib(plan.gpu.memory_free_bytes if plan.gpu is not None else 0),
    )
    yield say("plan.flags", language, flags=shlex.join(one.flags.arguments()))


def _chosen_cpu(one: CpuCandidate, language: Language) -> Iterator[str]:
    low, high = one.tokens_per_s
    yield say(
        "plan.chosen_cpu",
        language,
        model=f"Qwen3-VL-{one.model} Q4_K_M" if one.model in SHAPES else one.model,
        size=gib(one.file_bytes),
        context=f"{one.flags.context_tokens:,}",
        low=f"{low:.1f}",
        high=f"{high:.1f}",
    )
    yield say("plan.rate_source", language)
    yield say("plan.flags", language, flags=shlex.join(one.flags.arguments()))
