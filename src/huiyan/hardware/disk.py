"""The disk that holds the data directory: room for models, and whether it is another machine's."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import msgspec
import psutil

#: File systems that are read over a network: memory-mapped loading crawls there.
_REMOTE: Final = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "ceph", "glusterfs", "9p", "fuse.sshfs")


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """path: what was asked about. filesystem: "ext4", "nfs4"; "" where it is not known."""

    path: Path
    total_bytes: int
    free_bytes: int
    filesystem: str = ""

    @property
    def remote(self) -> bool:
        return self.filesystem in _REMOTE


def disk_of(path: Path) -> Disk | None:
    """The disk that `path` lies on or would be made on; None where not even the root can be asked."""
    path = path.absolute()
    place = next((one for one in (path, *path.parents) if one.exists()), None)
    if place is None:
        return None
    try:
        usage = shutil.disk_usage(place)
    except OSError:
        return None
    return Disk(path=path, total_bytes=usage.total, free_bytes=usage.free, filesystem=_filesystem(place))


def _filesystem(place: Path) -> str:
    try:
        mounts = psutil.disk_partitions(all=True)
        real = place.resolve()
    except (OSError, RuntimeError):
        return ""
    found = [mount for mount in mounts if real.is_relative_to(mount.mountpoint)]
    # The deepest one holds the path; of several mounts on one point the last one does.
    deepest = max((len(Path(mount.mountpoint).parts) for mount in found), default=0)
    last = [mount.fstype for mount in found if len(Path(mount.mountpoint).parts) == deepest]
    return last[-1] if last else ""
