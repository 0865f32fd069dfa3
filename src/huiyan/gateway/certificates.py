"""X.509: reads certificates and makes the self-signed one. `cryptography` is imported here alone.

A self-signed certificate holds for 397 days, the longest that browsers accept, and is made anew 30 days
before its end or when this machine has a name or address that it lacks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import ipaddress
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from huiyan.errors import CheckRefusedError, SettingsError
from huiyan.gateway.tls import Certificate
from huiyan.log import get_logger
from huiyan.messages import refusal
from huiyan.store.manifest import write_atomic

_log = get_logger(__name__)

_VALID: Final = dt.timedelta(days=397)
_RENEW_BEFORE: Final = dt.timedelta(days=30)
#: A clock that is a little slow must not find the certificate not yet valid.
_CLOCK_SKEW: Final = dt.timedelta(hours=1)
#: Old addresses stay in a renewed certificate; a machine that moves a lot must not collect them for ever.
_MAX_NAMES: Final = 40


def inspect(cert: Path, key: Path) -> Certificate:
    """What a person is told of a certificate that they brought.

    Raises: SettingsError for files that cannot be used, CheckRefusedError outside of the time it is valid.
    """
    certificate = _read_certificate(cert)
    private = _read_key(key)
    if _public_bytes(private.public_key()) != _public_bytes(certificate.public_key()):
        raise refusal(SettingsError, "tls.pair", cert=cert, key_file=key)
    now = dt.datetime.now(dt.UTC)
    if certificate.not_valid_after_utc <= now:
        raise refusal(
            CheckRefusedError,
            "tls.expired",
            cert=cert,
            when=certificate.not_valid_after_utc.date().isoformat(),
        )
    if certificate.not_valid_before_utc > now:
        raise refusal(
            CheckRefusedError, "tls.early", cert=cert, when=certificate.not_valid_before_utc.isoformat()
        )
    if certificate.not_valid_after_utc - now < _RENEW_BEFORE:
        _log.warning(
            "the certificate expires on %s", certificate.not_valid_after_utc.date(), extra={"path": cert}
        )
    return _describe(cert, key, certificate)


def self_signed(directory: Path, names: Sequence[str]) -> Certificate:
    """The certificate in `directory`, made or renewed where that is needed.

    names: that it must hold. The private key is readable by its owner alone.
    Raises: DiskFullError, StoreError.
    """
    cert, key = directory / "huiyan.crt", directory / "huiyan.key"
    kept: list[str] = []
    with contextlib.suppress(SettingsError, CheckRefusedError):
        certificate = _read_certificate(cert)
        kept = _names_of(certificate)
        remaining = certificate.not_valid_after_utc - dt.datetime.now(dt.UTC)
        if remaining > _RENEW_BEFORE and set(names) <= set(kept):
            found = inspect(cert, key)
            # It may have been copied here from somewhere.
            key.chmod(0o600)
            return dataclasses.replace(found, self_signed=True)
    wanted = list(dict.fromkeys([*names, *kept]))[:_MAX_NAMES]
    private = ec.generate_private_key(ec.SECP256R1())
    certificate = _make(private, wanted)
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    key_bytes = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # A kill between the two leaves a pair that does not match, which the next start makes anew.
    write_atomic(key, key_bytes, mode=0o600)
    write_atomic(cert, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return dataclasses.replace(_describe(cert, key, certificate), made=True)


def local_names(host: str) -> list[str]:
    """What this machine may be called in an address: localhost, its host name, its addresses, `host`."""
    names = ["localhost", "127.0.0.1", "::1"]
    own = socket.gethostname().rstrip(".").lower()
    if own:
        names += [own] if "." in own else [own, f"{own}.local"]
    for addresses in psutil.net_if_addrs().values():
        for entry in addresses:
            if entry.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            with contextlib.suppress(ValueError):
                address = ipaddress.ip_address(entry.address.partition("%")[0])
                # Link-local ones cannot be typed into a browser.
                if not address.is_link_local and not address.is_loopback:
                    names.append(str(address))
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_unspecified:
            host = ""
    if host:
        names.append(host.strip("[]").lower())
    return [name for name in dict.fromkeys(names) if _general_name(name) is not None]


def _make(private: ec.EllipticCurvePrivateKey, names: Sequence[str]) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "huiyan (self-signed)")])
    now = dt.datetime.now(dt.UTC)
    alternatives = [found for name in names if (found := _general_name(name)) is not None]
    key_id = x509.SubjectKeyIdentifier.from_public_key(private.public_key())
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _VALID - _CLOCK_SKEW)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(key_id, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id), critical=False)
        .sign(private, hashes.SHA256())
    )


def _general_name(name: str) -> x509.GeneralName | None:
    """None for what cannot stand in a certificate (a host name with an underscore or of other letters)."""
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    letters = name.replace("-", "").replace(".", "")
    if not letters.isascii() or not letters.isalnum() or len(name) > 253:
        return None
    return x509.DNSName(name)


def _names_of(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    names = extension.value
    return [
        *names.get_values_for_type(x509.DNSName),
        *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    ]


def _describe(cert: Path, key: Path, certificate: x509.Certificate) -> Certificate:
    return Certificate(
        cert=cert,
        key=key,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(":").upper(),
        names=tuple(_names_of(certificate)),
        expires_unix_s=certificate.not_valid_after_utc.timestamp(),
        self_signed=certificate.issuer == certificate.subject,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise refusal(SettingsError, "tls.unreadable", path=path, reason=error.strerror) from error


def _read_certificate(path: Path) -> x509.Certificate:
    data = _read(path)
    try:
        return x509.load_pem_x509_certificate(data)
    except ValueError as error:
        raise refusal(SettingsError, "tls.no_certificate", path=path) from error


def _read_key(path: Path) -> PrivateKeyTypes:
    data = _read(path)
    try:
        return serialization.load_pem_private_key(data, password=None)
    except TypeError as error:
        raise refusal(SettingsError, "tls.encrypted_key", path=path) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise refusal(SettingsError, "tls.no_key", path=path) from error


def _public_bytes(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
