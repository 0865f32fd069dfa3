"""The gateway's process, spawned before the launcher has imported, checked or decided anything.

Both import for some tenths of a second; side by side they take half as long. The process waits for
its boot message; a launcher that ends without sending one takes it along.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from huiyan.engines.child import ChildProcess, spawn

MODULE = "huiyan.app"

#: glibc gives and takes back the pages of each large body with system calls, which doubles its cost
#: (bench/gateway); with these it keeps them. Other C libraries take no notice.
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824"}


def gateway_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {**environment, **_MALLOC}


@dataclass(frozen=True)
class Prestarted:
    """socket: not bound yet; the child has inherited it and will listen on it once it is."""

    child: ChildProcess
    socket: socket.socket

    def discard(self) -> None:
        self.child.kill_now()
        self.socket.close()


def prestart(environment: Mapping[str, str]) -> Prestarted:
    """Raises: OSError."""
    unbound = socket.socket(socket.AF_INET)
    try:
        return Prestarted(
            spawn(MODULE, environment=gateway_environment(environment), pass_fds=[unbound.fileno()]),
            unbound,
        )
    except OSError:
        unbound.close()
        raise
