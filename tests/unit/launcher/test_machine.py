"""Layer 1: what a machine is refused for, each time with the act that mends it."""

from __future__ import annotations

import errno
import os
import shlex
from collections import namedtuple
from pathlib import Path

import msgspec
import pytest

from huiyan.errors import DiskFullError, MachineCheckError
from huiyan.hardware.probe import Gpu, Machine
from huiyan.launcher import machine

GIB = 1024**3
MACHINE = Machine(
    cpu_logical=8, cpu_physical=4, cpu_usable=8, memory_total_bytes=16 * GIB, memory_available_bytes=8 * GIB
)


def test_the_directory_is_made_and_left_empty(tmp_path: Path) -> None:
    path = tmp_path / "new" / "慧眼 data"
    assert machine.check_data_dir(path, min_free_bytes=0) > 0
    assert list(path.iterdir()) == []


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(MachineCheckError, match="cannot be written") as caught:
        machine.check_data_dir(path, min_free_bytes=0)
    assert "--data-dir" in caught.value.hint


def test_a_directory_without_permission_is_refused_with_the_quoted_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "two words"

    def forbidden(**arguments: object) -> tuple[int, str]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.mkstemp", forbidden)
    with pytest.raises(MachineCheckError, match="Permission denied") as caught:
        machine.check_data_dir(path, min_free_bytes=0)
    assert f'chown -R "$(id -un)" {shlex.quote(str(path))}' in caught.value.hint


def test_a_disk_that_takes_no_bytes_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError, match="is full"):
        machine.check_data_dir(tmp_path, min_free_bytes=0)
    assert list(tmp_path.iterdir()) == []


def test_a_nearly_full_disk_is_refused_with_both_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(10 * GIB, 10 * GIB, 5 * 1024**2))
    with pytest.raises(MachineCheckError, match=r"5\.0 MiB.*256 MiB"):
        machine.check_data_dir(tmp_path, min_free_bytes=256 * 1024**2)


def test_memory_is_refused_only_when_it_is_too_little() -> None:
    machine.check_memory(MACHINE, model="m", needed_bytes=8 * GIB)
    with pytest.raises(MachineCheckError, match=r"about 8\.\d GiB.*8\.0 GiB") as caught:
        machine.check_memory(MACHINE, model="m", needed_bytes=8 * GIB + 1)
    assert "smaller" in caught.value.hint


def test_the_summary_names_the_gpu_or_its_absence() -> None:
    gpu = Gpu(
        name="NVIDIA A10",
        memory_total_bytes=24 * GIB,
        memory_free_bytes=24 * GIB,
        driver_version="570.1",
        compute_capability="8.6",
    )
    without = machine.summary(MACHINE, GIB)
    assert "no NVIDIA GPU" in without.render("en")
    with_gpu = machine.summary(msgspec.structs.replace(MACHINE, gpus=(gpu,)), GIB)
    assert "1 x NVIDIA A10 24.0 GiB, 570.1" in with_gpu.render("zh")
