"""A plan as JSON: everything that was tried, with figures and flags."""

from __future__ import annotations

from typing import Any

import msgspec

from huiyan.hardware.plan.candidates import Candidate
from huiyan.hardware.plan.cpu import CpuCandidate
from huiyan.hardware.plan.make import Plan
from huiyan.hardware.probe import Machine
from huiyan.messages import Language, Text


def to_json(plan: Plan, machine: Machine, language: Language) -> dict[str, Any]:
    """Sizes in bytes, reasons in the reader's language with their keys."""
    wish = msgspec.to_builtins(plan.wish)
    return {
        "engine": plan.engine,
        "wish": {**wish, "request_tokens": plan.wish.request_tokens},
        "gpu": None if plan.gpu is None else msgspec.to_builtins(plan.gpu),
        "imagined": plan.imagined,
        "gpu_note": machine.gpu_note,
        "candidates": [_candidate(one, one is plan.chosen, language) for one in plan.table],
        "cpu_candidates": [_cpu(one, one is plan.chosen_cpu, language) for one in plan.cpu_table],
        "environment": plan.profile.environment,
    }


def _candidate(one: Candidate, chosen: bool, language: Language) -> dict[str, Any]:
    found = one.prediction
    return {
        "chosen": chosen,
        "model": one.model,
        "weights": one.quantization,
        "context_tokens": one.context,
        "images": one.images,
        "at_once": one.at_once,
        "weights_bytes": found.weights_bytes,
        "activation_bytes": found.activation_bytes,
        "graphs_bytes": found.graphs_bytes,
        "encoder_bytes": found.encoder_bytes,
        "requested_bytes": found.requested_bytes,
        "needed_bytes": found.needed_bytes,
        "kv_bytes": found.kv_bytes,
        "kv_tokens": found.kv_tokens,
        "max_concurrency": round(found.max_concurrency, 2),
        "flags": one.flags.arguments(),
        **_reason(one.reason, language),
    }


def _cpu(one: CpuCandidate, chosen: bool, language: Language) -> dict[str, Any]:
    return {
        "chosen": chosen,
        "model": one.model,
        "file_bytes": one.file_bytes,
        "needed_bytes": one.needed_bytes,
        "context_tokens": one.flags.context_tokens,
        "images": one.images,
        "tokens_per_s": [round(rate, 1) for rate in one.tokens_per_s],
        "flags": one.flags.arguments(),
        **_reason(one.reason, language),
    }


def _reason(reason: Text | None, language: Language) -> dict[str, Any]:
    if reason is None:
        return {"suits": True}
    return {"suits": False, "reason": reason.key, "reason_text": reason.render(language)}
