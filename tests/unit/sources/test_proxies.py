from __future__ import annotations

import base64
import socket
import threading

import pytest

from huiyan.errors import SourceProtocolError, SourceUnreachableError
from huiyan.sources.offline import Network
from huiyan.sources.protocol import FileRequest
from huiyan.sources.proxies import Proxies
from huiyan.sources.transfer import Item, Transfer
from huiyan.sources.transfer.exchange import checked_url
from huiyan.store.blobs import Blobs
from huiyan.testing.hub import FakeHub
from tests.unit.sources.conftest import QUICK, item_of

SECRET = "Basic " + base64.b64encode(b"user:p@ss").decode()


def test_lower_case_names_win_and_all_proxy_fills_what_is_left() -> None:
    found = Proxies.from_variables(
        {"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:2", "ALL_PROXY": "c:3"}
    )
    assert (found.https, found.http) == ("http://a:1", "c:3")
    proxy = found.of("http", "mirror.example")
    assert proxy is not None
    assert (proxy.host, proxy.port, proxy.tls) == ("c", 3, False)


@pytest.mark.parametrize(
    ("no_proxy", "host", "direct"),
    [
        ("mirror.lan", "mirror.lan", True),
        ("mirror.lan", "a.mirror.lan", True),
        (".mirror.lan", "a.mirror.lan", True),
        ("*.mirror.lan", "a.mirror.lan", True),
        ("mirror.lan", "notmirror.lan", False),
        ("a, mirror.lan ,b", "MIRROR.LAN", True),
        ("*", "anything", True),
        ("", "anything", False),
        (",,", "anything", False),
    ],
)
def test_hosts_that_are_reached_directly(no_proxy: str, host: str, direct: bool) -> None:
    found = Proxies(https="http://proxy:3128", no_proxy=no_proxy).of("https", host)
    assert (found is None) is direct


def test_plain_http_goes_through_the_proxy_without_a_lookup(hub: FakeHub, blobs: Blobs) -> None:
    here = item_of(hub, b"x" * 500, "config.json")
    proxies = Proxies(http=hub.url.replace("//", "//user:p%40ss@"))
    item = Item(
        path=here.path,
        origin=FileRequest(url="http://mirror.invalid/mirror/m/m/config.json"),
        size_bytes=here.size_bytes,
        sha256=here.sha256,
    )
    Transfer(QUICK, Network(proxies=proxies)).fetch(blobs, [item])
    (request,) = hub.file_requests()
    assert request.target.startswith("http://mirror.invalid/")
    assert request.headers["Proxy-Authorization"] == SECRET


def test_https_is_tunnelled_and_the_proxy_alone_sees_its_password(blobs: Blobs) -> None:
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    heads.append(connection.recv(65536))
                    connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        proxies = Proxies(https=f"http://user:p%40ss@127.0.0.1:{listener.getsockname()[1]}")
        item = Item(
            path="config.json",
            origin=FileRequest(
                url="https://hub.invalid/config.json", headers={"Authorization": "Bearer hf_secret"}
            ),
            size_bytes=5,
            sha256="0" * 64,
        )
        with pytest.raises(SourceUnreachableError, match="403"):
            Transfer(QUICK, Network(proxies=proxies)).fetch(blobs, [item])
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(20)
    assert heads[0].startswith(b"CONNECT hub.invalid:443 ")
    assert SECRET.encode() in heads[0]
    assert b"hf_secret" not in b"".join(heads)


def test_no_redirect_leads_from_https_to_http() -> None:
    with pytest.raises(SourceProtocolError, match="HTTPS to HTTP"):
        checked_url("http://hub.example/file", came_from="https://hub.example/file")
    assert checked_url("https://cdn.example/file", came_from="http://hub.example/file").startswith(
        "https://cdn"
    )


def test_urls_are_made_sendable() -> None:
    assert (
        checked_url("/a b?q=ü#part", came_from="http://user:pw@h.example/x")
        == "http://h.example/a%20b?q=%C3%BC"
    )
    assert checked_url("http://h.example", came_from="") == "http://h.example/"
    assert checked_url("http://h.example/a%20b%2Fc", came_from="") == "http://h.example/a%20b%2Fc"
