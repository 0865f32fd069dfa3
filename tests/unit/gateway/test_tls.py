"""Certificates: refused with a reason, made for this machine, renewed in time, and served."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from huiyan.errors import CheckRefusedError, SettingsError
from huiyan.gateway import certificates
from huiyan.gateway.certificates import local_names, self_signed
from huiyan.gateway.tls import Certificate, TlsOptions, context, prepare

NAMES = ["localhost", "127.0.0.1"]


def private_key(path: Path, password: bytes | None = None) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    )
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    return key


def issue(path: Path, key: ec.EllipticCurvePrivateKey, *, begins_day: int, ends_day: int) -> None:
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=begins_day))
        .not_valid_after(now + dt.timedelta(days=ends_day))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("test.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


@pytest.fixture
def files(tmp_path: Path) -> TlsOptions:
    """A pair that somebody might bring."""
    cert, key = tmp_path / "own.crt", tmp_path / "own.key"
    issue(cert, private_key(key), begins_day=-1, ends_day=90)
    return TlsOptions(cert=cert, key=key, self_signed=False)


def refused(options: TlsOptions, tmp_path: Path) -> str:
    with pytest.raises((SettingsError, CheckRefusedError)) as caught:
        prepare(options, directory=tmp_path / "made", host="127.0.0.1")
    assert caught.value.hint
    assert caught.value.sentence is not None
    return caught.value.sentence[0]


def test_nothing_asked_is_plain_http(tmp_path: Path) -> None:
    assert prepare(TlsOptions.model_validate({}), directory=tmp_path, host="127.0.0.1") is None
    assert not TlsOptions.model_validate({}).on
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "fields", [{"cert": "a"}, {"key": "a"}, {"cert": "a", "key": "b", "self_signed": True}, {"crt": "a"}]
)
def test_options_that_contradict_themselves(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TlsOptions.model_validate(fields)


def test_a_pair_that_somebody_brings_is_described(files: TlsOptions, tmp_path: Path) -> None:
    found = prepare(files, directory=tmp_path / "made", host="127.0.0.1")
    assert found is not None
    assert found.names == ("test.example",)
    assert not found.made
    assert len(found.fingerprint) == 95
    assert not (tmp_path / "made").exists()


def test_bad_pairs_are_refused_with_their_reason(files: TlsOptions, tmp_path: Path) -> None:
    assert files.cert is not None
    assert files.key is not None
    other = tmp_path / "other.key"
    private_key(other)
    assert refused(files.model_copy(update={"key": other}), tmp_path) == "tls.pair"
    private_key(other, b"secret")
    assert refused(files.model_copy(update={"key": other}), tmp_path) == "tls.encrypted_key"
    assert refused(files.model_copy(update={"key": files.cert}), tmp_path) == "tls.no_key"
    assert refused(files.model_copy(update={"cert": files.key}), tmp_path) == "tls.no_certificate"
    assert refused(files.model_copy(update={"cert": tmp_path / "no"}), tmp_path) == "tls.unreadable"
    issue(files.cert, private_key(files.key), begins_day=-9, ends_day=-1)
    assert refused(files, tmp_path) == "tls.expired"
    issue(files.cert, private_key(files.key), begins_day=1, ends_day=9)
    assert refused(files, tmp_path) == "tls.early"


def test_a_certificate_is_made_once_and_kept(tmp_path: Path) -> None:
    first = self_signed(tmp_path / "tls", NAMES)
    second = self_signed(tmp_path / "tls", NAMES)
    assert (first.made, second.made) == (True, False)
    assert first.fingerprint == second.fingerprint
    assert first.self_signed
    for found in (first, second):
        assert found.fingerprint in found.text.render("en")
        assert found.fingerprint in found.text.render("zh")
    assert first.text.key != second.text.key
    assert set(first.names) == set(NAMES)
    assert first.key.stat().st_mode & 0o777 == 0o600
    assert first.key.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in first.key.parent.iterdir()) == ["huiyan.crt", "huiyan.key"]


def test_a_key_that_others_could_read_is_closed_again(tmp_path: Path) -> None:
    first = self_signed(tmp_path, NAMES)
    first.key.chmod(0o644)
    self_signed(tmp_path, NAMES)
    assert first.key.stat().st_mode & 0o777 == 0o600


def test_it_is_made_anew_before_it_ends_and_for_a_new_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = self_signed(tmp_path, NAMES)
    wider = self_signed(tmp_path, ["localhost", "192.0.2.7"])
    assert wider.made
    assert set(wider.names) == {"localhost", "127.0.0.1", "192.0.2.7"}, "old names stay"
    assert self_signed(tmp_path, NAMES).fingerprint == wider.fingerprint
    monkeypatch.setattr(certificates, "_RENEW_BEFORE", dt.timedelta(days=500))
    renewed = self_signed(tmp_path, NAMES)
    assert renewed.made
    assert len({first.fingerprint, wider.fingerprint, renewed.fingerprint}) == 3


@pytest.mark.parametrize("name", ["huiyan.crt", "huiyan.key"])
def test_a_broken_pair_is_replaced(tmp_path: Path, name: str) -> None:
    first = self_signed(tmp_path, NAMES)
    (tmp_path / name).write_bytes(b"torn")
    second = self_signed(tmp_path, NAMES)
    assert second.made
    assert second.fingerprint != first.fingerprint
    context(second.options)


def test_names_of_this_machine() -> None:
    names = local_names("0.0.0.0")
    assert {"localhost", "127.0.0.1", "::1"} <= set(names)
    assert "0.0.0.0" not in names
    assert len(set(names)) == len(names)
    assert "shop.example" in local_names("Shop.Example")
    assert "192.0.2.9" in local_names("192.0.2.9")
    assert not [name for name in names if name.startswith(("fe80", "169.254."))]
    assert "not_a_name" not in local_names("not_a_name")


@contextlib.asynccontextmanager
async def served(certificate: Certificate) -> AsyncIterator[int]:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(b"hello")
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context(certificate.options))
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_client_that_was_given_the_certificate_trusts_it(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, NAMES)
    trusting = ssl.create_default_context(cafile=str(certificate.cert))
    trusting.set_alpn_protocols(["h2", "http/1.1"])
    async with served(certificate) as port, asyncio.timeout(30):
        for name in NAMES:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=trusting, server_hostname=name
            )
            assert await reader.read() == b"hello"
            found = writer.get_extra_info("ssl_object")
            assert found.version() in ("TLSv1.2", "TLSv1.3")
            assert found.selected_alpn_protocol() == "http/1.1"
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname="evil.example")


async def test_old_tls_is_refused(tmp_path: Path) -> None:
    found = context(self_signed(tmp_path, NAMES).options)
    assert found.minimum_version is ssl.TLSVersion.TLSv1_2


def test_addresses_stand_as_addresses(tmp_path: Path) -> None:
    made = self_signed(tmp_path, ["localhost", "192.0.2.7", "::1"])
    certificate = x509.load_pem_x509_certificate(made.cert.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("192.0.2.7"),
        ipaddress.ip_address("::1"),
    ]
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
