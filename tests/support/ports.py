"""Ports for servers that must be told theirs.

A server that can, takes port 0 and says which one it got. For the others a port that is free now is chosen,
and somebody else may take it before they listen. So these ports are none of those that the kernel hands out
by itself (to the other tests' port 0, and to every connection that leaves), and two processes of a test run
choose from different ones.
"""

from __future__ import annotations

import itertools
import os
import random
import socket
from collections.abc import Iterator

_FIRST = 18_000
#: How many a process of the run has; sixteen of them stay below 32,768, where Linux begins with its own.
_COUNT = 900


def _candidates() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
    begin = random.SystemRandom().randrange(_COUNT)  # two runs on one machine
    return itertools.cycle(_FIRST + worker * _COUNT + (begin + step) % _COUNT for step in range(_COUNT))


_ports = _candidates()


def free_port() -> int:
    """A port that nobody listens on now, and that this process has not handed out lately."""
    for port in itertools.islice(_ports, _COUNT):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")
