"""Blocking HTTP to an engine, by host and port or by its unix socket."""

from __future__ import annotations

import http.client
import socket

from huiyan.engines.status import EngineEndpoint


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, *, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def connect(endpoint: EngineEndpoint, *, timeout_s: float) -> http.client.HTTPConnection:
    """Not connected yet. timeout_s: for each step of an exchange."""
    if endpoint.socket:
        return _UnixConnection(endpoint.socket, timeout_s=timeout_s)
    return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout_s)


def authorization(endpoint: EngineEndpoint) -> dict[str, str]:
    return {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
