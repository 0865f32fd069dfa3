"""From the setting `host` to an address to bind, one to connect to, and the URLs that people are told."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Sequence

import psutil

from huiyan.errors import CheckRefusedError
from huiyan.gateway.guard import is_loopback
from huiyan.gateway.tls import Certificate
from huiyan.messages import refusal

#: More than these would fill the terminal; a machine with containers has dozens of networks.
_MAX_SHOWN = 4


def bind_address(host: str) -> tuple[socket.AddressFamily, str]:
    """(family, numeric address) to listen on.

    A name that the gateway takes for loopback is loopback, whatever the resolver says of it: behind such a
    name no key is asked for. Raises: CheckRefusedError for a name that is not known.
    """
    literal = host.strip("[]")
    with contextlib.suppress(ValueError):
        version = ipaddress.ip_address(literal).version
        return (socket.AF_INET6 if version == 6 else socket.AF_INET), literal
    if is_loopback(host):
        return socket.AF_INET, "127.0.0.1"
    try:
        if not host.strip():
            raise socket.gaierror(socket.EAI_NONAME, "an empty name")
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise refusal(CheckRefusedError, "port.host", host=host or '""') from error
    # IPv4 first: that is what the names in a local network nearly always mean.
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, str(address[0])


def connect_address(host: str) -> str:
    """Where this machine itself reaches a gateway that listens on `host`. Raises: CheckRefusedError."""
    _, address = bind_address(host)
    if not ipaddress.ip_address(address.partition("%")[0]).is_unspecified:
        return address
    return "::1" if ":" in address else "127.0.0.1"


def page_url(host: str, port: int, certificate: Certificate | None) -> str:
    """The page's address for the person at this machine; with TLS, one that the certificate holds for."""
    scheme = "http" if certificate is None else "https"
    literal = host.strip("[]")
    names = () if certificate is None else certificate.names
    candidates = [literal]
    if is_loopback(literal):
        # Another name would be refused there as a rebound one.
        candidates += ["localhost", "127.0.0.1", "::1"]
    elif _is_unspecified(literal):
        candidates = [connect_address(literal), "localhost"]
        candidates += [name for name in names if "*" not in name]
    shown = next((name for name in candidates if certificate is not None and name in names), candidates[0])
    return f"{scheme}://{bracketed(shown)}:{port}"


def urls_for_others(host: str, port: int, certificate: Certificate | None) -> list[str]:
    """How other machines reach the page, as far as this one can know; empty on loopback."""
    literal = host.strip("[]")
    if is_loopback(literal):
        return []
    scheme = "http" if certificate is None else "https"
    names: Sequence[str]
    if not _is_unspecified(literal):
        names = [literal]
    else:
        names = _own_addresses(socket.AF_INET)
        if literal != "0.0.0.0":  # noqa: S104 - compared, not bound
            names = [*names, *_own_addresses(socket.AF_INET6)]
    if certificate is not None and not set(names) & set(certificate.names):
        given = [name for name in certificate.names if "*" not in name and not is_loopback(name)]
        names = given or names
    return [f"{scheme}://{bracketed(name)}:{port}" for name in names[:_MAX_SHOWN]]


def bracketed(address: str) -> str:
    """As it stands in a URL."""
    return f"[{address}]" if ":" in address else address


def _is_unspecified(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_unspecified
    return False


def _own_addresses(family: socket.AddressFamily) -> list[str]:
    found = []
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            if entry.family != family:
                continue
            with contextlib.suppress(ValueError):
                address = ipaddress.ip_address(entry.address.partition("%")[0])
                # Link-local ones cannot be typed into a browser.
                if not address.is_link_local and not address.is_loopback:
                    found.append(str(address))
    return found
