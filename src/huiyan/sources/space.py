"""Whether the disk can take what is to come, before the first byte."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from huiyan.errors import DiskFullError
from huiyan.messages import refusal

#: Left over for everything else that runs on this disk.
_RESERVE_BYTES: Final = 64 * 1024 * 1024


def check_space(directory: Path, needed_bytes: int) -> None:
    """directory: need not exist yet. Raises: DiskFullError."""
    if needed_bytes == 0:
        return
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    free_bytes = shutil.disk_usage(existing).free
    if needed_bytes + _RESERVE_BYTES > free_bytes:
        raise refusal(
            DiskFullError,
            "sources.space",
            needed=_size(needed_bytes + _RESERVE_BYTES),
            free=_size(free_bytes),
            path=directory,
        )


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1024**3:.1f} GiB" if size_bytes >= 1024**3 else f"{size_bytes / 1024**2:.0f} MiB"
