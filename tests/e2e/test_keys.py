"""Keys with the installed command: made, used, revoked and counted while huiyan runs; others need one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation import START_TIMEOUT_S, Finished, Huiyan
from tests.support.refusals import REFUSED, error_of
from tests.support.wait import wait_until
from tests.support.web import chat, request

MODELS = "/v1/models"


def make_key(huiyan: Huiyan, *more: str) -> str:
    made = run(huiyan, "keys", "create", "e2e", *more)
    assert made.returncode == 0, made.said
    return made.stdout.strip()


def run(huiyan: Huiyan, *arguments: str) -> Finished:
    return huiyan.run(*arguments, "--data-dir", str(huiyan.data_dir))


def usage(huiyan: Huiyan) -> list[dict[str, Any]]:
    shown = run(huiyan, "usage", "--json")
    assert shown.returncode == 0, shown.said
    rows: list[dict[str, Any]] = shown.json()["usage"]
    return rows


def first_key(huiyan: Huiyan) -> str:
    (event,) = [line for line in huiyan.events() if line["event"] == "first_key"]
    key: str = event["key"]
    return key


def files_with(directory: Path, text: str) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_on_loopback_the_local_user_goes_on_without_a_key(fresh: Huiyan) -> None:
    fresh.start()
    assert not any("key" in line for line in fresh.events()), "nobody else can come in: no key is made"
    assert request(fresh.port, "GET", MODELS, key="sk-whatever-an-sdk-sends").status == 200
    key = make_key(fresh)
    wait_until(
        lambda: request(fresh.port, "GET", MODELS, key="hy-wrong").status == 401, "the key is noticed", 30
    )
    assert request(fresh.port, "GET", MODELS).status == 200
    assert chat(fresh.port, key=key).status == 200
    assert request(fresh.port, "GET", MODELS, key=key[:-1]).status == 401

    wait_until(lambda: any(row["key_id"] == key.split("-")[1] for row in usage(fresh)), "usage is kept", 30)
    (row,) = [row for row in usage(fresh) if row["key_id"] == key.split("-")[1]]
    assert (row["name"], row["requests"]) == ("e2e", 1)
    assert row["prompt_tokens"] > 0
    assert row["completion_tokens"] > 0

    assert run(fresh, "keys", "revoke", key.split("-")[1]).returncode == 0
    # Where nobody has a usable key any more, any Bearer is the local user again.
    wait_until(lambda: request(fresh.port, "GET", MODELS, key="hy-wrong").status == 200, "revoked", 30)
    assert files_with(fresh.home, key) == []


def test_others_need_a_key_and_the_first_start_shows_one_once(fresh: Huiyan) -> None:
    fresh.start("--host", "0.0.0.0")
    key = first_key(fresh)
    assert fresh.output.count(json.dumps(key)) == 1
    assert files_with(fresh.data_dir, key) == []
    assert request(fresh.port, "GET", MODELS).status == 401
    assert request(fresh.port, "GET", MODELS, key="hy-wrong").status == 401
    assert request(fresh.port, "GET", MODELS, key=key).status == 200
    assert chat(fresh.port).status == 401
    assert chat(fresh.port, key=key).status == 200
    assert request(fresh.port, "GET", "/").status == 200, "the page itself, where one signs in"

    asked = run(fresh, "ask", "hello")
    assert asked.returncode == 0, asked.said
    assert asked.stdout.strip()
    assert run(fresh, "status").returncode == 0
    assert run(fresh, "doctor").returncode == 0

    narrow = make_key(fresh, "--requests-per-min", "1")
    wait_until(lambda: chat(fresh.port, key=narrow).status != 401, "the key is noticed", 30)
    limited = chat(fresh.port, key=narrow)
    assert limited.status == 429
    assert int(limited.headers["retry-after"]) > 0
    assert chat(fresh.port, key=key).status == 200

    assert fresh.stop().returncode == 0
    fresh.wait_nothing_left()
    fresh.start("--host", "0.0.0.0")
    assert not fresh.has_said("first_key")
    assert request(fresh.port, "GET", MODELS, key=key).status == 200
    kept = {row["key_id"]: row["requests"] for row in usage(fresh)}
    assert kept[key.split("-")[1]] == 2, "a clean stop wrote what was counted"


def test_a_browser_signs_in_with_the_first_key(fresh: Huiyan) -> None:
    fresh.start("--host", "0.0.0.0")
    origin = {"Origin": fresh.url}
    assert request(fresh.port, "GET", "/api/session").json()["signed_in"] is False
    wrong = request(fresh.port, "POST", "/api/session", json_body={"key": "hy-wrong"}, headers=origin)
    assert wrong.status == 401
    signed = request(fresh.port, "POST", "/api/session", json_body={"key": first_key(fresh)}, headers=origin)
    assert signed.status == 201, signed.body
    cookie = signed.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    browser = {**origin, "Cookie": cookie.partition(";")[0]}
    assert request(fresh.port, "GET", MODELS, headers=browser).status == 200
    assert chat(fresh.port, headers=browser).status == 403, "without the session's token"
    browser["x-huiyan-csrf"] = signed.json()["csrf"]
    assert chat(fresh.port, headers=browser).status == 200
    elsewhere = {**browser, "Origin": "http://evil.example"}
    assert chat(fresh.port, headers=elsewhere).status == 403
    assert request(fresh.port, "DELETE", "/api/session", headers=browser).status == 204
    assert request(fresh.port, "GET", MODELS, headers=browser).status == 401


def test_a_detached_start_shows_the_key_where_it_was_typed(fresh: Huiyan) -> None:
    arguments = [word for word in fresh.start_arguments("--detach", "--host", "0.0.0.0") if word != "--json"]
    try:
        started = fresh.run(*arguments)
        assert started.returncode == 0, started.said
        (key,) = [word for word in started.stdout.split() if word.startswith("hy-")]
        assert request(fresh.port, "GET", MODELS, key=key).status == 200
        assert files_with(fresh.data_dir, key) == []
    finally:
        assert fresh.stop().returncode == 0


def test_https_with_a_certificate_of_its_own(fresh: Huiyan) -> None:
    fresh.start("--host", "0.0.0.0", "--tls-self-signed", wait=False)
    wait_until(lambda: fresh.has_said("ready"), "ready", START_TIMEOUT_S)
    report = fresh.report()
    assert report["url"] == f"https://127.0.0.1:{fresh.port}"
    trusted = Path(report["certificate"])
    key = first_key(fresh)
    assert request(fresh.port, "GET", "/health", trusted=trusted).json()["status"] == "ok"
    assert request(fresh.port, "GET", MODELS, trusted=trusted).status == 401
    assert chat(fresh.port, key=key, trusted=trusted).status == 200
    notes = " ".join(line.get("message", "") for line in fresh.events())
    assert report["fingerprint"] in notes

    page = {"Origin": report["url"]}
    signed = request(
        fresh.port, "POST", "/api/session", json_body={"key": key}, headers=page, trusted=trusted
    )
    assert signed.status == 201, signed.body
    assert "Secure" in signed.headers["set-cookie"]
    plain_page = {"Origin": fresh.url}
    assert fresh.url.startswith("http://")
    refused = request(
        fresh.port, "POST", "/api/session", json_body={"key": key}, headers=plain_page, trusted=trusted
    )
    assert refused.status == 403

    asked = run(fresh, "ask", "hello")
    assert asked.returncode == 0, asked.said
    assert run(fresh, "doctor").returncode == 0
    gateway = fresh.kill("gateway")
    wait_until(lambda: fresh.pid_of("gateway") != gateway, "another gateway", 30)
    wait_until(lambda: run(fresh, "ask", "hello").returncode == 0, "it answers over HTTPS", 60)


def test_a_certificate_that_cannot_be_used_is_refused(fresh: Huiyan, tmp_path: Path) -> None:
    fresh.home.mkdir(exist_ok=True)
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate\n")
    for flags, code, word in (
        (("--tls-cert", str(nothing), "--tls-key", str(nothing)), 2, "BEGIN CERTIFICATE"),
        (("--tls-cert", str(nothing)), 2, "--tls-cert"),
        (
            ("--tls-cert", str(nothing), "--tls-key", str(nothing), "--tls-self-signed"),
            2,
            "--tls-self-signed",
        ),
    ):
        for command in (fresh.start_arguments(*flags), ["serve", "--json", "--port", "0", *flags]):
            refused = fresh.run(*command)
            assert refused.returncode == code, refused.said
            assert word in error_of(refused)["hint"], refused.said
    fresh.wait_nothing_left()


def test_an_expired_certificate_is_refused(fresh: Huiyan, tmp_path: Path, expired: tuple[Path, Path]) -> None:
    cert, key = expired
    refused = fresh.run(*fresh.start_arguments("--tls-cert", str(cert), "--tls-key", str(key)))
    assert refused.returncode == REFUSED, refused.said
    assert "--tls-self-signed" in error_of(refused)["hint"]
    fresh.wait_nothing_left()


@pytest.fixture
def expired(tmp_path: Path) -> tuple[Path, Path]:
    """A pair whose time is over."""
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "expired")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=9))
        .not_valid_after(now - dt.timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    cert, key = tmp_path / "expired.crt", tmp_path / "expired.key"
    cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert, key
