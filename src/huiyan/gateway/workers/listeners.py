"""The listening sockets of one port, one for each worker."""

from __future__ import annotations

import socket
import sys


def listeners(first: socket.socket, count: int, *, backlog: int = 1024) -> list[socket.socket]:
    """`first` and, on Linux, `count - 1` more on its address, among which the kernel shares connections out.

    first: bound by the launcher, whose bind was the port check. The caller keeps all of them open as
    long as the gateway lives: the connections in a dead worker's backlog then wait for its successor.
    Elsewhere SO_REUSEPORT does not balance, and all workers share `first`. Raises OSError.
    """
    if count == 1 or not sys.platform.startswith("linux"):
        first.listen(backlog)
        return [first] * count
    # Allowed after the bind: the kernel looks at the option when another socket wants the port.
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sockets = [first]
    try:
        for _ in range(count - 1):
            another = socket.socket(first.family, first.type)
            sockets.append(another)
            another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if first.family == socket.AF_INET6:
                only_v6 = first.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
                another.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only_v6)
            another.bind(first.getsockname())
    except OSError:
        for opened in sockets[1:]:
            opened.close()
        raise
    for opened in sockets:
        opened.listen(backlog)
        opened.setblocking(False)
    return sockets
