"""Layer 3: ports. A listening socket is bound here and handed on, so nothing can come in between.

A default port that is taken moves to the next free one; a port that somebody asked for is refused.
Whoever holds a port is named where the system lets us see it, and is left alone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from huiyan.errors import CheckRefusedError, PortInUseError
from huiyan.launcher.addresses import bind_address
from huiyan.messages import Text, refusal

#: How far a default port may move.
_ATTEMPTS: Final = 50
_BACKLOG: Final = 1024
_LOOPBACK: Final = "127.0.0.1"
_ANSWER_TIMEOUT_S: Final = 2.0
#: No interface has the address, or the machine has no such family at all.
_NOT_OURS: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port that is ours. moved: the note to show when it is not the wanted one."""

    socket: socket.socket
    number: int
    moved: Text | None = None


def listen(host: str, wanted: int, *, explicit: bool, unbound: socket.socket | None = None) -> Port:
    """A listening socket for the page.

    unbound: a socket that a child has inherited already; it is used unless it turns out useless.
    Raises: PortInUseError, CheckRefusedError.
    """
    family, address = bind_address(host)
    if unbound is not None and (unbound.family != family or unbound.getsockname()[1] != 0):
        unbound = None
    for number in _candidates(wanted, explicit=explicit):
        sock = unbound
        try:
            if sock is None:
                sock = socket.socket(family)
            # Else the port is blocked for a minute after each stop.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if address == "::":
                # All of this machine's addresses, whatever the system's default is.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind((address, number))
            sock.listen(_BACKLOG)
        except OSError as error:
            if sock is not None and sock is not unbound:
                sock.close()
            if error.errno in _NOT_OURS:
                raise refusal(CheckRefusedError, "port.host", host=host) from error
            if unbound is not None and unbound.getsockname()[1] != 0:
                # Bound, but another listens: it cannot be bound to anything else any more.
                unbound = None
            _refuse(error, number, explicit=explicit, flag="--port")
            continue
        return _port(sock, wanted, "--port")
    raise refusal(PortInUseError, "port.none_free", port=wanted, flag="--port")


def reserve(wanted: int, *, explicit: bool) -> Port:
    """A loopback port for the engine, which binds it itself (SO_REUSEPORT) once and after each restart.

    The socket is bound alone and never listens; only then is sharing allowed, and only processes of
    the same user can share. So the port is nobody else's while the socket is open. Where connections of
    an engine that ended still linger on the port (TIME_WAIT, a minute), binding alone is refused; then a
    lock takes its place, against another launcher of this user.
    Raises: PortInUseError, CheckRefusedError.
    """
    for number in _candidates(wanted, explicit=explicit):
        sock = _Reservation(socket.AF_INET)
        try:
            sock.take(number)
        except OSError as error:
            sock.close()
            _refuse(error, number, explicit=explicit, flag="--engine-port")
            continue
        return _port(sock, wanted, "--engine-port")
    raise refusal(PortInUseError, "port.none_free", port=wanted, flag="--engine-port")


class _Reservation(socket.socket):
    """A bound socket that never listens, with the lock that goes with its port; both end in `close`."""

    _lock_fd = -1

    def take(self, number: int) -> None:
        """Raises: OSError (EADDRINUSE) if the port is somebody else's."""
        if number != 0:
            self._lock_fd = _lock_port(number)
        try:
            self.bind((_LOOPBACK, number))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not hasattr(socket, "SO_REUSEPORT") or _answers(number):
                raise
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self.bind((_LOOPBACK, number))
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if number == 0:
            self._lock_fd = _lock_port(self.getsockname()[1])

    def close(self) -> None:
        super().close()
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1


def _lock_port(number: int) -> int:
    """A descriptor that keeps other launchers of this user from the port. Raises: OSError (EADDRINUSE)."""
    path = Path(tempfile.gettempdir()) / f"huiyan-{os.getuid()}-engine-port-{number}.lock"
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise OSError(errno.EADDRINUSE, f"{path} belongs to somebody else") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise OSError(errno.EADDRINUSE, f"{path} is locked") from None
    return fd


def _answers(number: int) -> bool:
    """Whether something listens on the port."""
    try:
        socket.create_connection((_LOOPBACK, number), timeout=_ANSWER_TIMEOUT_S).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True
    return True


def holder_of(number: int) -> tuple[str, int] | None:
    """(name, pid) of the process that listens on the port, where this user may know it."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == number
                and connection.pid is not None
            ):
                return psutil.Process(connection.pid).name(), connection.pid
    return None


def _candidates(wanted: int, *, explicit: bool) -> range:
    if wanted == 0 or explicit:
        return range(wanted, wanted + 1)
    return range(wanted, min(wanted + _ATTEMPTS, 65536))


def _port(sock: socket.socket, wanted: int, flag: str) -> Port:
    number: int = sock.getsockname()[1]
    if wanted in (0, number):
        return Port(socket=sock, number=number)
    holder = holder_of(wanted)
    if holder is None:
        return Port(socket=sock, number=number, moved=Text("port.moved", {"wanted": wanted, "port": number}))
    name, pid = holder
    return Port(
        socket=sock,
        number=number,
        moved=Text("port.moved_holder", {"wanted": wanted, "port": number, "name": name, "pid": pid}),
    )


def _refuse(error: OSError, number: int, *, explicit: bool, flag: str) -> None:
    """Raise unless the next port may be tried."""
    if error.errno == errno.EADDRINUSE:
        if not explicit:
            return
        holder = holder_of(number)
        free = _next_free(number)
        if holder is None:
            raise refusal(PortInUseError, "port.in_use", port=number, flag=flag, free=free) from error
        name, pid = holder
        raise refusal(
            PortInUseError, "port.in_use_holder", port=number, flag=flag, free=free, name=name, pid=pid
        ) from error
    raise refusal(
        CheckRefusedError, "port.forbidden", port=number, flag=flag, reason=error.strerror
    ) from error


def _next_free(number: int) -> int:
    """A port that the hint can name; 0 lets the system choose."""
    for candidate in range(number + 1, min(number + _ATTEMPTS, 65536)):
        with socket.socket(socket.AF_INET) as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", candidate))
            return candidate
    return 0
