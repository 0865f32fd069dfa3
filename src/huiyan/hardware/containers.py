"""Limits that a container or a service manager puts on this process: control groups, versions 1 and 2."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

CGROUP: Final = Path("/sys/fs/cgroup")
SELF_CGROUP: Final = Path("/proc/self/cgroup")


class ContainerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """None: no limit of that kind. version: of the control groups, 0 where there are none.

    memory_used_bytes: without the file cache that the kernel would give up first. cpus: quota in CPUs, may be
    a fraction. cpuset: how many CPUs the group may use at all.
    """

    version: int = 0
    memory_limit_bytes: int | None = None
    memory_used_bytes: int = 0
    cpus: float | None = None
    cpuset: int | None = None

    @property
    def limited(self) -> bool:
        return self.memory_limit_bytes is not None or self.cpus is not None


def limits(*, cgroup: Path = CGROUP, own: Path = SELF_CGROUP) -> ContainerLimits:
    """The tightest limits on the way from this process's group up to the root. Never raises.

    Source: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
    """
    membership = _read(own)
    if (cgroup / "cgroup.controllers").exists() or not (cgroup / "memory").is_dir():
        return _version_2(_ancestry(cgroup, _path_of(membership, "")))
    return _version_1(cgroup, membership)


def _version_2(groups: list[Path]) -> ContainerLimits:
    limit, used = None, 0
    cpus: list[float] = []
    for group in groups:
        ceiling = _number(group / "memory.max")
        if ceiling is not None and (limit is None or ceiling < limit):
            limit = ceiling
            used = (_number(group / "memory.current") or 0) - _inactive_file(group, "inactive_file")
        quota, _, period = _read(group / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit() and int(period) > 0:
            cpus.append(int(quota) / int(period))
    there = any(
        (group / name).exists() for group in groups for name in ("cgroup.procs", "memory.max", "cpu.max")
    )
    return ContainerLimits(
        version=2 if there else 0,
        memory_limit_bytes=limit,
        memory_used_bytes=max(0, used),
        cpus=min(cpus, default=None),
        cpuset=_cpuset(groups, ("cpuset.cpus.effective", "cpuset.cpus")),
    )


def _version_1(cgroup: Path, membership: str) -> ContainerLimits:
    limit, used = None, 0
    for group in _ancestry(cgroup / "memory", _path_of(membership, "memory")):
        ceiling = _number(group / "memory.limit_in_bytes")
        if ceiling is not None and (limit is None or ceiling < limit):
            limit = ceiling
            usage = _number(group / "memory.usage_in_bytes") or 0
            used = usage - _inactive_file(group, "total_inactive_file")
    cpus = []
    for group in _ancestry(cgroup / "cpu", _path_of(membership, "cpu")):
        quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period) > 0:
            cpus.append(int(quota) / int(period))
    return ContainerLimits(
        version=1,
        # "No limit" is a number near 2**63 here.
        memory_limit_bytes=limit if limit is not None and limit < 2**62 else None,
        memory_used_bytes=max(0, used),
        cpus=min(cpus, default=None),
        cpuset=_cpuset(
            _ancestry(cgroup / "cpuset", _path_of(membership, "cpuset")),
            ("cpuset.effective_cpus", "cpuset.cpus"),
        ),
    )


def _path_of(membership: str, controller: str) -> str:
    """This process's group below the mount, from /proc/self/cgroup: `N:controllers:/path` a line."""
    for line in membership.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3 and controller in parts[1].split(","):
            return parts[2]
    return ""


def _ancestry(root: Path, path: str) -> list[Path]:
    """The group and those above it, up to the mount. In a container the path may be the host's: then the
    mount itself is the group.
    """
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    groups = [root.joinpath(*parts[:depth]) for depth in range(len(parts), 0, -1)]
    return [group for group in groups if group.is_dir()] + [root]


def _cpuset(groups: list[Path], names: tuple[str, ...]) -> int | None:
    for group in groups:
        for name in names:
            count = count_cpus(_read(group / name))
            if count:
                return count
    return None


def count_cpus(text: str) -> int:
    """CPUs in a list as the kernel writes it: `0-3,8` has five; 0 for anything else."""
    count = 0
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            return 0
        count += int(last or first) - int(first) + 1
    return max(0, count)


def _inactive_file(group: Path, key: str) -> int:
    for line in _read(group / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name == key and value.isdigit():
            return int(value)
    return 0


def _number(path: Path) -> int | None:
    text = _read(path)
    return int(text) if text.isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
