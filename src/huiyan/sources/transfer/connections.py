"""Connections to sources, direct or through a proxy, kept for the next request.

`http.client` because it reads from the socket into our own buffer: bench/store compares it with others.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from typing import Final

from huiyan.sources.offline import Network
from huiyan.sources.proxies import Proxy
from huiyan.sources.transfer.options import TransferOptions

_IDLE_PER_ORIGIN: Final = 16

#: Scheme, host, port.
Origin = tuple[str, str, int]


class Connection:
    """One connection. reused: it has served before, so a failure may only mean that its time was over."""

    def __init__(self, origin: Origin, http_: http.client.HTTPConnection, proxy: Proxy | None) -> None:
        self.origin = origin
        self.http = http_
        self.reused = False
        self._proxy = proxy

    def send(self, target: str, url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        """target: path and query; url: the whole, which a proxy for plain HTTP wants to see."""
        plain_proxy = self._proxy is not None and self.origin[0] == "http"
        if plain_proxy and self._proxy is not None and self._proxy.credentials:
            headers = {**headers, "Proxy-Authorization": self._proxy.credentials}
        self.http.request("GET", url if plain_proxy else target, headers=headers)
        return self.http.getresponse()

    def abort(self) -> None:
        """End it from another thread: a read that is waiting returns at once."""
        with contextlib.suppress(OSError, AttributeError):
            self.http.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.http.close()


class Connections:
    """Thread-safe."""

    def __init__(self, network: Network, options: TransferOptions) -> None:
        self._network = network
        self._options = options
        self._lock = threading.Lock()
        self._idle: dict[Origin, list[Connection]] = {}
        self._busy: set[Connection] = set()
        self._tls: ssl.SSLContext | None = None
        self._closed = False

    def take(self, origin: Origin, *, fresh: bool = False) -> Connection:
        """Raises: OfflineError before any socket; OSError."""
        scheme, host, port = origin
        self._network.require(f"{scheme}://{_bracketed(host)}:{port}")
        connection: Connection | None = None
        with self._lock:
            idle = self._idle.get(origin)
            if idle and not fresh:
                connection = idle.pop()
        if connection is None:
            connection = self._open(origin)
        with self._lock:
            self._busy.add(connection)
            closed = self._closed
        if closed:
            self.drop(connection)
            raise ConnectionAbortedError("the transfer has ended")
        return connection

    def give_back(self, connection: Connection) -> None:
        """Of a connection whose answer was read to its end."""
        connection.reused = True
        with self._lock:
            self._busy.discard(connection)
            idle = self._idle.setdefault(connection.origin, [])
            if not self._closed and len(idle) < _IDLE_PER_ORIGIN:
                idle.append(connection)
                return
        connection.close()

    def drop(self, connection: Connection) -> None:
        with self._lock:
            self._busy.discard(connection)
        connection.close()

    def close(self) -> None:
        """Ends every connection, those in use too."""
        with self._lock:
            self._closed = True
            idle = [each for connections in self._idle.values() for each in connections]
            busy = list(self._busy)
            self._idle.clear()
        for connection in idle:
            connection.close()
        for connection in busy:
            connection.abort()

    def _open(self, origin: Origin) -> Connection:
        scheme, host, port = origin
        proxy = self._network.proxies.of(scheme, host)
        peer_host, peer_port = (host, port) if proxy is None else (proxy.host, proxy.port)
        timeout_s = self._options.connect_timeout_s
        made: http.client.HTTPConnection
        if scheme == "https" or (proxy is not None and proxy.tls):
            made = http.client.HTTPSConnection(
                peer_host, peer_port, timeout=timeout_s, context=self._tls_context()
            )
        else:
            made = http.client.HTTPConnection(peer_host, peer_port, timeout=timeout_s)
        if proxy is not None and scheme == "https":
            headers = {"Proxy-Authorization": proxy.credentials} if proxy.credentials else {}
            made.set_tunnel(host, port, headers=headers)
        try:
            made.connect()
            made.sock.settimeout(self._options.read_timeout_s)
        except BaseException:
            made.close()
            raise
        return Connection(origin, made, proxy)

    def _tls_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                self._tls = ssl.create_default_context()
            return self._tls


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
