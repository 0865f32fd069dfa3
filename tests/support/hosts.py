"""Hosts of a test's own: network namespaces around a router, whose links are cut and healed.

    with network("a", "data") as net:
        subprocess.Popen([*net["data"].inside(), "redis-server", "--bind", net["data"].address, …])
        net.cut("a", "data", port=6379)         # silently: packets vanish, nobody is told
        net.heal()

Nothing outside of these namespaces is touched: the test process itself reaches the hosts through sockets that
are made in one of them (`Host.connect`, `Host.listen`), or through Unix sockets, which know no namespaces.
Source: ip-netns(8), ip-rule(8), setns(2).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import enum
import os
import secrets
import shutil
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.wire import Wire

#: For tests of network devices (RFC 2544, RFC 5735); inside of the namespaces only.
_SUBNET = "198.18"
_CLONE_NEWNET = 0x40000000
_NAMES = Path("/run/netns")

T = TypeVar("T")


class Cut(enum.Enum):
    """How packets end at the router. SILENT: they vanish. REFUSED: the sender is told so."""

    SILENT = "blackhole"
    REFUSED = "unreachable"


@dataclass(frozen=True)
class Host:
    """One namespace with one address."""

    name: str
    namespace: str
    address: str

    def inside(self, user_id: int | None = None, group_id: int | None = None) -> tuple[str, ...]:
        """What to put before a command that runs on this host; its pid is that of the command."""
        who = () if user_id is None else ("--setuid", str(user_id), "--setgid", str(group_id))
        return ("nsenter", f"--net={_NAMES / self.namespace}", *who, "--")

    def listen(self, port: int = 0) -> socket.socket:
        """A socket of this host, for a server in the test process."""

        def make() -> socket.socket:
            made = socket.create_server((self.address, port))
            made.setblocking(False)
            return made

        return self._here(make)

    def connect(self, to: Host, port: int) -> socket.socket:
        """From this host to another one. Blocks. Raises: OSError."""
        return self._here(lambda: socket.create_connection((to.address, port), timeout=30.0))

    @contextlib.asynccontextmanager
    async def wire(self, to: Host, port: int, *, timeout_s: float = 5.0) -> AsyncIterator[Wire]:
        """A connection from this host to another one. Raises: OSError, TimeoutError."""
        with self._here(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as made:
            made.setblocking(False)
            async with asyncio.timeout(timeout_s):
                await asyncio.get_running_loop().sock_connect(made, (to.address, port))
            reader, writer = await asyncio.open_connection(sock=made)
            try:
                yield Wire(reader, writer, f"{to.address}:{port}")
            finally:
                writer.transport.abort()

    def _here(self, make: Callable[[], T]) -> T:
        """Call it in a thread that has entered the namespace; what it makes stays there."""
        made: list[T] = []
        failed: list[OSError] = []

        def work() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            fd = os.open(_NAMES / self.namespace, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if libc.setns(fd, _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
                made.append(make())
            except OSError as error:
                failed.append(error)
            finally:
                os.close(fd)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return made[0]


class Network:
    """Hosts in a star. `cut` and `unplug` last until `heal`."""

    def __init__(self, names: Sequence[str]) -> None:
        tag = secrets.token_hex(3)
        self._router = f"hy{tag}-router"
        self._hosts = {
            name: Host(name, f"hy{tag}-{name}", f"{_SUBNET}.{number}.2")
            for number, name in enumerate(names, start=1)
        }
        self._made: list[str] = []
        self._undo: list[tuple[str, ...]] = []

    def __getitem__(self, name: str) -> Host:
        return self._hosts[name]

    def up(self) -> None:
        """Raises: CalledProcessError where the system forbids it."""
        self._add(self._router)
        for number, host in enumerate(self._hosts.values(), start=1):
            self._add(host.namespace)
            gateway, port = f"{_SUBNET}.{number}.1", self._port(host)
            _ip("-n", self._router, *("link add", port, "type veth peer name eth0 netns", host.namespace))
            _ip("-n", self._router, *("address add", f"{gateway}/24 dev", port))
            _ip("-n", self._router, "link set", port, "up")
            _ip("-n", host.namespace, "link set lo up")
            _ip("-n", host.namespace, "address add", f"{host.address}/24 dev eth0")
            _ip("-n", host.namespace, "link set eth0 up")
            _ip("-n", host.namespace, "route add default via", gateway)
        _run("ip", "netns", "exec", self._router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")

    def down(self) -> None:
        for namespace in reversed(self._made):
            subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True, timeout=30)
        self._made.clear()

    def cut(self, one: str, other: str, *, port: int | None = None, how: Cut = Cut.SILENT) -> None:
        """No packet passes between these two, in either direction. port: only to this one of `other`."""
        here, there = self._hosts[one].address, self._hosts[other].address
        to = from_ = ""
        if port is not None:
            to, from_ = f"ipproto tcp dport {port}", f"ipproto tcp sport {port}"
        for rule in (f"from {here} to {there} {to}", f"from {there} to {here} {from_}"):
            # Before the rule that looks into the main table (32766).
            _ip("-n", self._router, "rule add pref 100", rule, how.value)
            self._undo.append(("-n", self._router, "rule delete pref 100", rule, how.value))

    def unplug(self, name: str) -> None:
        """Pull the host's cable: its interface has no carrier, and nobody answers for its address."""
        port = self._port(self._hosts[name])
        _ip("-n", self._router, "link set", port, "down")
        self._undo.append(("-n", self._router, "link set", port, "up"))

    def heal(self) -> None:
        while self._undo:
            _ip(*self._undo.pop())

    def _add(self, namespace: str) -> None:
        _ip("netns add", namespace)
        self._made.append(namespace)

    @staticmethod
    def _port(host: Host) -> str:
        """The router's end of the cable."""
        return f"to-{host.name}"


@contextlib.contextmanager
def network(*names: str) -> Iterator[Network]:
    """names: of hosts, 12 characters at most. Skips where namespaces cannot be made."""
    reason = _missing()
    if reason is not None:
        pytest.skip(f"no hosts in network namespaces: {reason}")
    made = Network(names)
    try:
        try:
            made.up()
        except (subprocess.CalledProcessError, OSError) as error:
            said = getattr(error, "stderr", b"") or str(error).encode()
            pytest.skip(f"no hosts in network namespaces: {said.decode(errors='replace').strip()}")
        yield made
    finally:
        made.down()


def _missing() -> str | None:
    if os.geteuid() != 0:
        return "only root may make them"
    for program in ("ip", "nsenter"):
        if shutil.which(program) is None:
            return f"there is no `{program}` (Debian: iproute2, util-linux)"
    return None


def _ip(*words: str) -> None:
    """Words may be several in one string."""
    _run("ip", *" ".join(words).split())


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)
