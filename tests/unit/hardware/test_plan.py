"""huiyan.hardware: containers' limits, and the plan for a machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest

from huiyan.hardware import plan
from huiyan.hardware.probe import Machine, probe


def machine(**changes: Any) -> Machine:
    fields: dict[str, Any] = {
        "cpu_logical": 16,
        "cpu_physical": 8,
        "cpu_usable": 16,
        "memory_total_bytes": 32 * 1024**3,
        "memory_available_bytes": 24 * 1024**3,
    }
    return Machine(**{**fields, **changes})


@pytest.mark.parametrize(
    ("physical", "usable", "demo", "threads"),
    [
        (8, 16, False, 8),
        (8, 16, True, 4),
        (8, 3, False, 3),
        (2, 2, False, 1),
        (1, 1, True, 1),
        (4, 4, True, 4),
    ],
)
def test_threads_are_the_physical_cores_that_may_be_used(
    physical: int, usable: int, demo: bool, threads: int
) -> None:
    assert plan.threads(machine(cpu_physical=physical, cpu_usable=usable), demo=demo) == threads


def test_memory_counts_weights_cache_and_overhead() -> None:
    small = plan.memory_needed_bytes(weights_bytes=10, kv_bytes_per_token=2, context_tokens=100, slots=1)
    large = plan.memory_needed_bytes(weights_bytes=10, kv_bytes_per_token=2, context_tokens=100, slots=3)
    assert large - small == 400


def test_limits_of_a_container_count(tmp_path: Path) -> None:
    total = psutil.virtual_memory().total
    limit = total // 4
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text(f"{limit // 2}\n")
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    found = probe(cgroup=tmp_path)
    assert found.memory_total_bytes == limit
    assert found.memory_available_bytes <= limit // 2
    assert found.cpu_usable == 1


@pytest.mark.parametrize("cpu_max", ["max 100000", "", "garbage"])
def test_no_limit_means_the_machine(tmp_path: Path, cpu_max: str) -> None:
    (tmp_path / "cpu.max").write_text(cpu_max)
    (tmp_path / "memory.max").write_text("max")
    found = probe(cgroup=tmp_path)
    assert found.memory_total_bytes == psutil.virtual_memory().total
    assert 1 <= found.cpu_usable <= found.cpu_logical
