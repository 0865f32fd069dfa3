"""TLS to a gateway of our own: its certificate and no other, whatever name that is for."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from huiyan.errors import SettingsError, StartFailedError
from huiyan.gateway import tls
from huiyan.gateway.certificates import self_signed
from huiyan.gateway.tls import Certificate
from huiyan.launcher import health, own_gateway


@contextlib.contextmanager
def https_server(certificate: Certificate) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"status": "ok"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            return

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that does not like the certificate."""

    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = tls.context(certificate.options).wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def brought(tmp_path: Path) -> Certificate:
    """For a public name, not for the loopback address by which the launcher reaches it."""
    return self_signed(tmp_path / "brought", ["shop.example"])


def test_its_own_certificate_is_enough(brought: Certificate) -> None:
    with https_server(brought) as port:
        assert health.gateway_health("127.0.0.1", port, certificate=brought.cert) == "ok"


def test_a_chain_is_pinned_by_its_first_certificate(brought: Certificate, tmp_path: Path) -> None:
    other = self_signed(tmp_path / "other", ["shop.example"])
    chain = tmp_path / "chain.pem"
    chain.write_text(f"a comment\n{brought.cert.read_text()}{other.cert.read_text()}")
    with https_server(brought) as port:
        assert health.gateway_health("127.0.0.1", port, certificate=chain) == "ok"
    chain.write_text(other.cert.read_text() + brought.cert.read_text())
    with https_server(brought) as port, pytest.raises(StartFailedError):
        health.gateway_health("127.0.0.1", port, certificate=chain)


def test_any_other_certificate_is_refused(brought: Certificate, tmp_path: Path) -> None:
    other = self_signed(tmp_path / "other", ["127.0.0.1", "localhost"])
    with https_server(other) as port:
        connection = own_gateway.connect("127.0.0.1", port, certificate=brought.cert, timeout_s=5)
        with pytest.raises(ssl.SSLCertVerificationError):
            connection.request("GET", "/")
        connection.close()


def test_a_certificate_that_the_pinned_one_has_issued_is_refused(
    brought: Certificate, tmp_path: Path
) -> None:
    """It verifies: somebody might bring a certificate that may issue others."""
    other = self_signed(tmp_path / "other", ["127.0.0.1"])
    with https_server(other) as port:
        connection = own_gateway.connect("127.0.0.1", port, certificate=other.cert, timeout_s=5)
        assert isinstance(connection, own_gateway._Pinned)
        connection._certificate_der = b"of another one"
        with pytest.raises(ssl.SSLCertVerificationError, match="another certificate"):
            connection.request("GET", "/")


@pytest.mark.parametrize("text", [None, "", "no PEM", "-----BEGIN CERTIFICATE-----\nx"])
def test_a_file_that_is_none(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "cert.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError):
        own_gateway.connect("127.0.0.1", 1, certificate=path, timeout_s=1)
