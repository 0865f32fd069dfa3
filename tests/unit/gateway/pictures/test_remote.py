"""Links: refused, or fetched from allowed hosts at checked addresses, within bounds."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from huiyan.errors import ImageFetchError, ImageUrlRefusedError, PayloadTooLargeError, RequestError
from huiyan.gateway.pictures.remote import Connect, RemoteRules, Resolve, fetch

PUBLIC = "93.184.216.34"


class Server:
    """Answers each connection with the next of `answers`, whatever was asked; keeps the requests."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: list[bytes | None] = []
        self.requests: list[bytes] = []
        self.dialled: list[tuple[str, int]] = []
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def connect(self, address: str, port: int, timeout_s: float) -> socket.socket:
        """Stands where the Internet is."""
        self.dialled.append((address, port))
        return socket.create_connection(self._listener.getsockname(), timeout_s)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(60)
        for held in self._held:
            held.close()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                if self._tls is not None:
                    sock = self._tls.wrap_socket(sock, server_side=True)
                request = b""
                while b"\r\n\r\n" not in request:
                    piece = sock.recv(65536)
                    if not piece:
                        break
                    request += piece
                self.requests.append(request)
                answer = self.answers.pop(0)
                if answer is None:  # say nothing, for ever
                    self._held.append(sock)
                    sock.sendall(b"HTTP/1.1 200 OK\r\n")
                    continue
                sock.sendall(answer)
            with contextlib.suppress(OSError):
                sock.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", *(headers or (f"Content-Length: {len(body)}",))]
    return "\r\n".join([*lines, "", ""]).encode() + body


def to(url: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()


def resolve_to(*addresses: str) -> Resolve:
    return lambda host, port: addresses


_RESOLVE_PUBLIC = resolve_to(PUBLIC)


def unused(address: str, port: int, timeout_s: float) -> socket.socket:
    raise AssertionError("no connection may be made")


def rules(
    connect: Connect,
    *hosts: str,
    resolve: Resolve = _RESOLVE_PUBLIC,
    max_bytes: int = 10_000,
    time_limit_s: float = 60.0,
    tls: ssl.SSLContext | None = None,
) -> RemoteRules:
    return RemoteRules(
        allowed_hosts=hosts or ("example.com",),
        max_bytes=max_bytes,
        time_limit_s=time_limit_s,
        resolve=resolve,
        connect=connect,
        tls=tls,
    )


def test_by_default_no_link_is_fetched() -> None:
    with pytest.raises(ImageUrlRefusedError) as caught:
        fetch("https://example.com/a.png", RemoteRules(connect=unused), "Picture 1")
    assert "data:" in caught.value.hint


def test_an_allowed_link_is_fetched_from_the_address_that_was_checked(server: Server) -> None:
    server.answers = [ok(b"a picture")]
    assert fetch("http://example.com/a%20b.png?x=1#y", rules(server.connect), "Picture 1") == b"a picture"
    assert server.dialled == [(PUBLIC, 80)]
    (request,) = server.requests
    assert request.startswith(b"GET /a%20b.png?x=1 HTTP/1.1\r\nHost: example.com\r\n")
    assert b"cookie" not in request.lower()
    assert b"authorization" not in request.lower()


def test_bodies_without_a_length_are_read_to_their_end(server: Server) -> None:
    server.answers = [
        ok(b"to the end", "Connection: close"),
        ok(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
    ]
    assert fetch("http://example.com/", rules(server.connect), "P") == b"to the end"
    assert fetch("http://example.com/", rules(server.connect), "P") == b"abcde"


def test_a_proxy_in_the_environment_is_not_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    server.answers = [ok(b"x")]
    assert fetch("http://example.com/", rules(server.connect), "P") == b"x"


@pytest.mark.parametrize(
    "url",
    [
        "http://other.com/",
        "http://example.com.evil.com/",
        "http://evilexample.com/",
        "http://sub.example.com/",
        "http://example.com:8080/",
        "https://example.com:80/",
        "http://user:pass@example.com/",
        "http://user@example.com/",
        "http://example.com@evil.com/",
        "http://evil.com#@example.com/",
        "http://evil.com\\@example.com/",
        "http://",
        "http:///a",
        "http://[::1/",
        "http://example.com:99999/",
        "http://127.0.0.1/",
        "http://example.com/\r\nHost: evil.com",
        "http://example.com/" + "a" * 5000,
        "gopher://example.com/",
    ],
)
def test_links_that_are_not_allowed_are_never_dialled(url: str) -> None:
    with pytest.raises(ImageUrlRefusedError) as caught:
        fetch(url, rules(unused), "Picture 1")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("*.example.com", "http://a.example.com/"),
        ("*.example.com", "http://a.b.example.com/"),
        ("EXAMPLE.com", "http://Example.COM/"),
        ("example.com", "http://example.com./"),
        ("example.com:8080", "http://example.com:8080/"),
        ("example.com", "http://example.com:80/"),
        ("bücher.example", "http://bücher.example/"),
    ],
)
def test_what_an_entry_of_the_list_allows(server: Server, allowed: str, url: str) -> None:
    server.answers = [ok(b"x")]
    assert fetch(url, rules(server.connect, allowed), "P") == b"x"


@pytest.mark.parametrize("url", ["http://example.com/", "http://notexample.com/", "http://.example.com/"])
def test_a_wildcard_is_about_names_below(url: str) -> None:
    with pytest.raises((ImageUrlRefusedError, ImageFetchError)):
        fetch(url, rules(unused, "*.example.com"), "P")


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"], [PUBLIC, "127.0.0.1"]],
)
def test_a_name_that_points_inwards_is_refused(addresses: list[str]) -> None:
    with pytest.raises(ImageUrlRefusedError, match="private") as caught:
        fetch("http://example.com/", rules(unused, resolve=resolve_to(*addresses)), "Picture 1")
    assert caught.value.hint


def test_an_address_in_the_list_is_judged_like_a_names(server: Server) -> None:
    server.answers = [ok(b"x")]
    numeric = rules(server.connect, PUBLIC, "127.0.0.1", resolve=lambda host, port: [host])
    assert fetch(f"http://{PUBLIC}/", numeric, "P") == b"x"
    with pytest.raises(ImageUrlRefusedError):
        fetch("http://127.0.0.1/", numeric, "P")


def test_a_name_whose_second_answer_differs_is_asked_once(server: Server) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    server.answers = [ok(b"x")]
    assert fetch("http://example.com/", rules(server.connect, resolve=rebinding), "P") == b"x"
    assert server.dialled == [(PUBLIC, 80)]


def test_redirects_are_followed_within_the_rules(server: Server) -> None:
    server.answers = [to("/b"), to("http://example.com/c", 307), ok(b"x")]
    assert fetch("http://example.com/a", rules(server.connect), "P") == b"x"
    assert [request.split()[1] for request in server.requests] == [b"/a", b"/b", b"/c"]


@pytest.mark.parametrize(
    "location",
    ["http://evil.com/", "http://127.0.0.1/", "file:///etc/passwd", "//evil.com/", "ftp://example.com/"],
)
def test_a_redirect_out_of_the_rules_is_refused(server: Server, location: str) -> None:
    server.answers = [to(location)]
    with pytest.raises(ImageUrlRefusedError):
        fetch("http://example.com/", rules(server.connect), "P")
    assert len(server.dialled) == 1


def test_a_redirect_to_a_name_that_points_inwards_is_refused(server: Server) -> None:
    server.answers = [to("http://inside.example.com/")]
    resolve = {"example.com": [PUBLIC], "inside.example.com": ["10.0.0.1"]}
    allowed = rules(
        server.connect, "example.com", "inside.example.com", resolve=lambda host, port: resolve[host]
    )
    with pytest.raises(ImageUrlRefusedError, match="private"):
        fetch("http://example.com/", allowed, "P")


def test_redirects_end(server: Server) -> None:
    server.answers = [to("/again")] * 10
    with pytest.raises(ImageFetchError, match="3 redirects"):
        fetch("http://example.com/", rules(server.connect), "P")
    assert len(server.dialled) == 4


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (ok(bytes(20_000)), PayloadTooLargeError),
        (ok(bytes(20_000), "Connection: close"), PayloadTooLargeError),
        (ok(b"short", "Content-Length: 100"), ImageFetchError),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", ImageFetchError),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", ImageFetchError),
        (b"no HTTP at all\r\n\r\n", ImageFetchError),
        (b"", ImageFetchError),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n", ImageFetchError),
        (b"HTTP/1.1 302 Found\r\n\r\n", ImageFetchError),
    ],
)
def test_answers_that_are_no_picture(server: Server, answer: bytes, error: type[RequestError]) -> None:
    server.answers = [answer] * 4
    with pytest.raises(error) as caught:
        fetch("http://example.com/", rules(server.connect), "Picture 4")
    assert "Picture 4" in caught.value.message
    assert caught.value.hint


def test_a_server_that_falls_silent_is_left(server: Server) -> None:
    server.answers = [None]
    with pytest.raises(ImageFetchError, match="longer than"):
        fetch("http://example.com/", rules(server.connect, time_limit_s=0.5), "P")


def test_a_server_that_drips_is_left_too() -> None:
    stop = threading.Event()

    def connect(address: str, port: int, timeout_s: float) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.settimeout(timeout_s)

        def drip() -> None:
            with contextlib.suppress(OSError):
                theirs.sendall(b"HTTP/1.1 200 OK\r\n")
                while not stop.wait(0.02):
                    theirs.sendall(b"X: y\r\n"[:1])
            theirs.close()

        threading.Thread(target=drip, daemon=True).start()
        return ours

    try:
        with pytest.raises(ImageFetchError, match="longer than"):
            fetch("http://example.com/", rules(connect, time_limit_s=0.5), "P")
    finally:
        stop.set()


def test_a_name_without_an_address_or_a_host_that_is_down() -> None:
    def down(address: str, port: int, timeout_s: float) -> socket.socket:
        raise ConnectionRefusedError

    for resolve in (resolve_to(PUBLIC), resolve_to()):
        with pytest.raises(ImageFetchError) as caught:
            fetch("http://example.com/", rules(down, resolve=resolve), "P")
        assert caught.value.hint


def _certificate(directory: Path, host: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "both.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


def test_tls_is_checked_against_the_name_in_the_link(tmp_path: Path) -> None:
    pem = _certificate(tmp_path, "example.com")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    server = Server(serving)
    trusting = ssl.create_default_context(cafile=str(pem))
    try:
        server.answers = [ok(b"x")]
        allowed = rules(server.connect, "example.com", "other.com", tls=trusting)
        assert fetch("https://example.com/", allowed, "P") == b"x"
        assert server.dialled == [(PUBLIC, 443)]
        with pytest.raises(ImageFetchError):
            fetch("https://other.com/", allowed, "P")
        with pytest.raises(ImageFetchError):
            fetch("https://example.com/", rules(server.connect), "P")
    finally:
        server.close()
