"""HTTP to the gateway of this machine: over TLS only with the very certificate that it was given.

The gateway is reached by a loopback address, for which the certificate of a public name does not hold, so the
certificate itself is compared in place of the name: the first one in the file that the gateway serves.
"""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path

from huiyan.errors import SettingsError
from huiyan.messages import refusal

_END = "-----END CERTIFICATE-----"


class _Pinned(http.client.HTTPSConnection):
    def __init__(self, host: str, port: int, *, timeout_s: float, certificate_der: bytes) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        # It is trusted by itself, whoever has issued it.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=certificate_der)
        super().__init__(host, port, timeout=timeout_s, context=context)
        self._certificate_der = certificate_der

    def connect(self) -> None:
        super().connect()
        assert isinstance(self.sock, ssl.SSLSocket)
        # One that it has issued to somebody else would be valid, too.
        if self.sock.getpeercert(binary_form=True) != self._certificate_der:
            self.close()
            raise ssl.SSLCertVerificationError("the gateway shows another certificate than its own")


def connect(
    host: str, port: int, *, certificate: Path | None = None, timeout_s: float
) -> http.client.HTTPConnection:
    """Not connected yet. host: of this machine. certificate: PEM file that the gateway serves; None: no TLS.

    Raises: SettingsError when the file cannot be read.
    """
    if certificate is None:
        return http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        leaf, end, _ = certificate.read_text("ascii").partition(_END)
        der = ssl.PEM_cert_to_DER_cert(leaf[leaf.index("-----BEGIN CERTIFICATE-----") :] + end)
    except OSError as error:
        raise refusal(SettingsError, "tls.unreadable", path=certificate, reason=error.strerror) from error
    except ValueError as error:
        raise refusal(SettingsError, "tls.no_certificate", path=certificate) from error
    return _Pinned(host, port, timeout_s=timeout_s, certificate_der=der)
