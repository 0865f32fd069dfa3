"""Pictures behind http(s) links: refused, unless an allow list names the host.

What a link may not do: reach anything but a public address (each address of the name is checked, and the
connection goes to a checked one, so that a second answer of the name server changes nothing), follow a
redirect past these rules, take longer or bring more than it may, or see a cookie, a password or a proxy.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import SplitResult, urljoin, urlsplit

from huiyan.errors import ImageFetchError, ImageUrlRefusedError, PayloadTooLargeError
from huiyan.gateway.pictures.addresses import Address, is_public

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK_BYTES = 256 * 1024
_MAX_URL = 4096

#: Name and port to addresses. Raises: OSError.
Resolve = Callable[[str, int], Sequence[str]]

#: To a checked address, within so many seconds. Raises: OSError.
Connect = Callable[[str, int, float], socket.socket]


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _connect(address: str, port: int, timeout_s: float) -> socket.socket:
    return socket.create_connection((address, port), timeout_s)


@dataclass(frozen=True, kw_only=True)
class RemoteRules:
    """allowed_hosts: "example.com", "*.example.com" (below it), with ":8443" for another port than 80, 443.

    Empty (the default) refuses every link. time_limit_s: of the whole fetch, redirects included.
    """

    allowed_hosts: Sequence[str] = ()
    max_bytes: int = 32 * 1024 * 1024
    max_redirects: int = 3
    time_limit_s: float = 20.0
    resolve: Resolve = field(default=_resolve, repr=False)
    connect: Connect = field(default=_connect, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)


def fetch(url: str, rules: RemoteRules, label: str) -> bytes:
    """The bytes behind a link. Blocks: call it in a thread.

    Raises: ImageUrlRefusedError (the rules do not allow it), ImageFetchError, PayloadTooLargeError.
    """
    if not rules.allowed_hosts:
        raise ImageUrlRefusedError(f"{label} is given as a link; links are not fetched on a client's word.")
    deadline_s = time.monotonic() + rules.time_limit_s
    for _ in range(rules.max_redirects + 1):
        target = _checked(url, rules, label)
        try:
            found = _get(target, rules, label, deadline_s)
        except (OSError, http.client.HTTPException, ssl.SSLError, ValueError) as error:
            late = time.monotonic() >= deadline_s or isinstance(error, TimeoutError)
            reason = f"it took longer than {rules.time_limit_s:g} s" if late else type(error).__name__
            raise ImageFetchError(f"{label} could not be fetched: {reason}.") from None
        if isinstance(found, bytes):
            return found
        url = urljoin(url, found.location)
    raise ImageFetchError(f"{label} could not be fetched: more than {rules.max_redirects} redirects.")


@dataclass(frozen=True, slots=True)
class _Redirect:
    location: str


def _checked(url: str, rules: RemoteRules, label: str) -> SplitResult:
    """The parts of a URL that the rules allow by its looks. Raises: ImageUrlRefusedError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if not host or parts.scheme not in ("http", "https") or len(url) > _MAX_URL or not url.isprintable():
        raise ImageUrlRefusedError(f"{label} is no http(s) link.")
    if parts.username is not None or parts.password is not None:
        raise ImageUrlRefusedError(f"{label} is a link with a user name in it.")
    default_port = port is None or port == (443 if parts.scheme == "https" else 80)
    if not any(_matches(host, port, default_port, allowed) for allowed in rules.allowed_hosts):
        raise ImageUrlRefusedError(
            f"{label} is a link to {host[:100]}, which is not allowed here.",
            hint="Whoever runs this server can allow the host; or send the picture as a data URL.",
        )
    return parts


def _matches(host: str, port: int | None, default_port: bool, allowed: str) -> bool:
    name, _, allowed_port = allowed.lower().rpartition(":") if ":" in allowed else (allowed.lower(), "", "")
    if not (default_port if not allowed_port else str(port) == allowed_port):
        return False
    host = host.rstrip(".")
    return host.endswith(name[1:]) and len(host) > len(name) - 1 if name.startswith("*.") else host == name


def _get(target: SplitResult, rules: RemoteRules, label: str, deadline_s: float) -> bytes | _Redirect:
    host = (target.hostname or "").encode("idna").decode("ascii")
    port = target.port or (443 if target.scheme == "https" else 80)
    socks = [_open(host, port, rules, label, deadline_s)]
    # A server that sends a byte now and then keeps every single read within its time: the whole is watched.
    watch = threading.Timer(max(0.0, deadline_s - time.monotonic()), _cut_off, (socks,))
    watch.daemon = True
    watch.start()
    connection = http.client.HTTPConnection(host, port)
    try:
        if target.scheme == "https":
            context = rules.tls or ssl.create_default_context()
            socks.append(context.wrap_socket(socks[0], server_hostname=host, do_handshake_on_connect=False))
            cast("ssl.SSLSocket", socks[-1]).do_handshake()
        connection.sock = socks[-1]
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        default = port == (443 if target.scheme == "https" else 80)
        connection.request(
            "GET",
            path,
            headers={
                "Host": host if default else f"{host}:{port}",
                "Accept": "image/*",
                "Accept-Encoding": "identity",
                "User-Agent": "huiyan",
                "Connection": "close",
            },
        )
        with contextlib.closing(connection.getresponse()) as response:
            return _answer(response, rules, label, deadline_s)
    finally:
        watch.cancel()
        connection.close()
        for sock in socks:
            sock.close()


def _open(host: str, port: int, rules: RemoteRules, label: str, deadline_s: float) -> socket.socket:
    addresses: list[Address] = []
    for text in rules.resolve(host, port):
        address = ipaddress.ip_address(text.partition("%")[0])
        if not is_public(address):
            # All of them: a name that also points inwards is not one to trust.
            raise ImageUrlRefusedError(
                f"{label} is a link into a private network.", hint=ImageUrlRefusedError.default_hint
            )
        addresses.append(address)
    error: OSError = OSError("the name has no address")
    for address in addresses:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        try:
            return rules.connect(str(address), port, left_s)
        except OSError as caught:
            error = caught
    raise error


def _answer(
    response: http.client.HTTPResponse, rules: RemoteRules, label: str, deadline_s: float
) -> bytes | _Redirect:
    if response.status in _REDIRECTS:
        return _Redirect(response.getheader("Location") or "")
    if response.status != 200:
        raise ImageFetchError(f"{label} could not be fetched: the server answered {response.status}.")
    if response.length is not None and response.length > rules.max_bytes:
        raise _too_large(label, rules)
    pieces: list[bytes] = []
    size_bytes = 0
    while piece := response.read1(_CHUNK_BYTES):
        size_bytes += len(piece)
        if size_bytes > rules.max_bytes:
            raise _too_large(label, rules)
        pieces.append(piece)
    if time.monotonic() >= deadline_s:
        raise TimeoutError
    if response.length:
        raise ImageFetchError(f"{label} could not be fetched: it ended too early.")
    return b"".join(pieces)


def _cut_off(socks: list[socket.socket]) -> None:
    # The newest: what TLS has wrapped is an empty shell.
    with contextlib.suppress(OSError):
        socks[-1].shutdown(socket.SHUT_RDWR)


def _too_large(label: str, rules: RemoteRules) -> PayloadTooLargeError:
    return PayloadTooLargeError(
        f"{label} is larger than the limit of {rules.max_bytes:,} bytes.",
        hint="Save it smaller, or as JPEG, and send it again.",
    )
