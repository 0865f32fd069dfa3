"""Layer 1: the machine. Refuses what cannot work; a missing GPU is only another plan."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import shutil
import tempfile
from pathlib import Path

from huiyan.errors import DiskFullError, MachineCheckError
from huiyan.hardware.probe import Machine
from huiyan.messages import Text, refusal

_GIB = 1024**3
_MIB = 1024**2
#: Written and removed again: a full disk often still takes an empty file.
_TRIAL_BYTES = 64 * 1024


def check_data_dir(path: Path, *, min_free_bytes: int) -> int:
    """Make the directory if need be, write in it for a trial, and return the free bytes of its disk.

    Raises: MachineCheckError, DiskFullError.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        fd, name = tempfile.mkstemp(prefix=".trial-", dir=path)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(bytes(_TRIAL_BYTES))
                file.flush()
                os.fsync(file.fileno())
        finally:
            with contextlib.suppress(OSError):
                Path(name).unlink()
        free_bytes = shutil.disk_usage(path).free
    except OSError as error:
        raise _refusal(error, path) from error
    if free_bytes < min_free_bytes:
        raise refusal(
            MachineCheckError,
            "machine.disk_low",
            path=path,
            quoted=shlex.quote(str(path)),
            free=size(free_bytes),
            needed=size(min_free_bytes),
        )
    return free_bytes


def check_memory(machine: Machine, *, model: str, needed_bytes: int) -> None:
    """Raises: MachineCheckError when the model would drive the machine into swapping or the OOM killer."""
    if needed_bytes > machine.memory_available_bytes:
        raise refusal(
            MachineCheckError,
            "machine.memory",
            model=model,
            needed=size(needed_bytes),
            available=size(machine.memory_available_bytes),
        )


def summary(machine: Machine, free_bytes: int) -> Text:
    """The machine in one sentence."""
    figures = {
        "cores": machine.cpu_usable,
        "memory": size(machine.memory_total_bytes),
        "available": size(machine.memory_available_bytes),
        "disk": size(free_bytes),
    }
    if not machine.gpus:
        return Text("machine.ok", figures)
    first = machine.gpus[0]
    gpu = f"{first.name} {size(first.memory_total_bytes)}, {first.driver_version}"
    return Text("machine.ok_gpu", {**figures, "gpu": f"{len(machine.gpus)} x {gpu}"})


def size(size_bytes: int) -> str:
    """For people: 12.3 MB of a download, in binary units as memory is counted."""
    if size_bytes >= _GIB:
        return f"{size_bytes / _GIB:.1f} GiB"
    return f"{size_bytes / _MIB:.1f} MiB" if size_bytes < 10 * _MIB else f"{size_bytes / _MIB:.0f} MiB"


def _refusal(error: OSError, path: Path) -> MachineCheckError | DiskFullError:
    quoted = shlex.quote(str(path))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return refusal(DiskFullError, "machine.disk_full", path=path, quoted=quoted)
    return refusal(MachineCheckError, "machine.data_dir", path=path, quoted=quoted, reason=error.strerror)
