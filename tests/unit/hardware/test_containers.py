"""huiyan.hardware.containers, cpu, disk: limits of both kinds of control groups; what the files say."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from huiyan.hardware import cpu, disk
from huiyan.hardware.containers import ContainerLimits, count_cpus, limits
from huiyan.hardware.probe import probe
from tests.support.fake_nvml import FakeCard, FakeNvml

GIB = 1024**3


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def read(root: Path, membership: str = "") -> ContainerLimits:
    own = root / "self-cgroup"
    own.write_text(membership)
    return limits(cgroup=root, own=own)


def test_version_2_in_a_container(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "cgroup.controllers": "cpu memory",
            "memory.max": str(8 * GIB),
            "memory.current": str(5 * GIB),
            "memory.stat": f"anon 1\ninactive_file {2 * GIB}\n",
            "cpu.max": "150000 100000",
            "cpuset.cpus.effective": "0-3,8",
        },
    )
    assert read(tmp_path, "0::/\n") == ContainerLimits(
        version=2, memory_limit_bytes=8 * GIB, memory_used_bytes=3 * GIB, cpus=1.5, cpuset=5
    )


def test_version_2_takes_the_tightest_of_the_groups_above(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "cgroup.controllers": "cpu memory",
            "system.slice/memory.max": str(4 * GIB),
            "system.slice/memory.current": str(GIB),
            "system.slice/huiyan.service/memory.max": "max",
            "system.slice/huiyan.service/cpu.max": "max 100000",
            "system.slice/cpu.max": "400000 100000",
        },
    )
    found = read(tmp_path, "0::/system.slice/huiyan.service\n")
    assert (found.memory_limit_bytes, found.memory_used_bytes, found.cpus) == (4 * GIB, GIB, 4.0)
    assert found.limited


def test_version_1(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "memory/memory.limit_in_bytes": str(2**63 - 4096),
            "memory/docker/abc/memory.limit_in_bytes": str(6 * GIB),
            "memory/docker/abc/memory.usage_in_bytes": str(4 * GIB),
            "memory/docker/abc/memory.stat": f"total_inactive_file {GIB}",
            "cpu/docker/abc/cpu.cfs_quota_us": "250000",
            "cpu/docker/abc/cpu.cfs_period_us": "100000",
            "cpuset/docker/abc/cpuset.cpus": "2-3",
        },
    )
    group = "/docker/abc"
    found = read(tmp_path, f"5:memory:{group}\n4:cpu,cpuacct:{group}\n3:cpuset:{group}\n")
    assert found == ContainerLimits(
        version=1, memory_limit_bytes=6 * GIB, memory_used_bytes=3 * GIB, cpus=2.5, cpuset=2
    )


def test_version_1_without_limits(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"memory/memory.limit_in_bytes": str(2**63 - 4096), "cpu/cpu.cfs_quota_us": "-1"},
    )
    found = read(tmp_path, "5:memory:/\n")
    assert (found.version, found.memory_limit_bytes, found.cpus, found.limited) == (1, None, None, False)


@pytest.mark.parametrize("membership", ["", "garbage", "0::/../../etc", "9:memory"])
def test_without_groups_there_are_no_limits(tmp_path: Path, membership: str) -> None:
    assert read(tmp_path, membership) == ContainerLimits()


@pytest.mark.parametrize(
    ("text", "count"),
    [("0", 1), ("0-3", 4), ("0-1,4-5,9", 5), ("", 0), ("a", 0), ("1-", 1), ("3-1", 0), ("0-x", 0)],
)
def test_lists_of_cpus(text: str, count: int) -> None:
    assert count_cpus(text) == count


def test_a_quota_and_a_set_bound_what_may_be_used(tmp_path: Path) -> None:
    write(tmp_path, {"cgroup.controllers": "", "cpu.max": "50000 100000", "cpuset.cpus": "0"})
    assert probe(cgroup=tmp_path, nvml=FakeNvml()).cpu_usable == 1


def test_the_probe_takes_another_driver(tmp_path: Path) -> None:
    found = probe(cgroup=tmp_path, nvml=FakeNvml(FakeCard()), data_dir=tmp_path / "not" / "yet")
    assert [gpu.name for gpu in found.gpus] == ["NVIDIA GeForce RTX 4090"]
    assert found.disk is not None
    assert found.disk.free_bytes > 0
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize(
    ("text", "features", "fast"),
    [
        (
            "model name : Intel(R) Xeon(R)\nflags : fpu avx2 avx512f amx_tile sse\n",
            ("amx", "avx2", "avx512"),
            True,
        ),
        ("model name : Old\nflags : fpu sse4_2\n", (), False),
        ("CPU part : 0xd0c\nFeatures : fp asimd i8mm sve\n", ("i8mm", "neon", "sve"), True),
        ("", (), False),
    ],
)
def test_instructions(tmp_path: Path, text: str, features: tuple[str, ...], fast: bool) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    found = cpu.describe(cpuinfo=path, architecture="x86_64")
    assert found.features == features
    assert found.fast is fast


def test_a_missing_cpuinfo_is_no_error(tmp_path: Path) -> None:
    assert cpu.describe(cpuinfo=tmp_path / "none", architecture="riscv64").features == ()


def test_the_deepest_mount_holds_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = [
        SimpleNamespace(mountpoint="/", fstype="ext4"),
        SimpleNamespace(mountpoint=str(tmp_path), fstype="nfs4"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)  # noqa: A006  # psutil's own name
    found = disk.disk_of(tmp_path / "models")
    assert found is not None
    assert (found.filesystem, found.remote) == ("nfs4", True)
    elsewhere = disk.disk_of(Path("/usr"))
    assert elsewhere is not None
    assert not elsewhere.remote
