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
        return Prestarted(spawn(MODULE, environment=environment, pass_fds=[unbound.fileno()]), unbound)
    except OSError:
        unbound.close()
        raise
