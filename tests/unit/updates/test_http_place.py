"""A feed on a web server: ranges, bounds, redirects."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from huiyan.errors import OfflineError, ReleaseFeedError
from huiyan.updates.http_place import HttpPlace

FEED = b'schema = 1\nname = "here"\n'
DATA = bytes(range(256)) * 2000


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ranges = True

    def do_GET(self) -> None:
        if self.path == "/f/components.toml":
            self._answer(200, FEED)
        elif self.path in {"/f/data", "/plain/data"}:
            wanted = self.headers.get("Range")
            if wanted and self.path == "/f/data":
                self._answer(206, DATA[int(wanted.removeprefix("bytes=").removesuffix("-")) :])
            else:
                self._answer(200, DATA)
        elif self.path == "/f/moved":
            self._answer(302, b"", location="/f/data")
        elif self.path == "/f/file":
            self._answer(302, b"", location="file:///etc/passwd")
        elif self.path == "/f/ftp":
            self._answer(302, b"", location="ftp://127.0.0.1/x")
        elif self.path == "/f/circle":
            self._answer(302, b"", location="/f/circle")
        elif self.path == "/endless/components.toml":
            self._answer(200, b"#" * (5 * 1024 * 1024))
        else:
            self._answer(404, b"no")

    def _answer(self, status: int, data: bytes, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("location", location)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def base() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_feed_and_files(base: str) -> None:
    for feed in (f"{base}/f", f"{base}/f/", f"{base}/f/components.toml"):
        place = HttpPlace(feed)
        assert place.feed().name == "here"
        assert b"".join(place.pieces("data")) == DATA
        assert b"".join(place.pieces("moved")) == DATA


@pytest.mark.parametrize("folder", ["f", "plain"])
def test_from_any_byte_on(base: str, folder: str) -> None:
    """Also from a server that knows no ranges."""
    place = HttpPlace(f"{base}/f")
    assert b"".join(place.pieces(f"{base}/{folder}/data", start=300_001)) == DATA[300_001:]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("file", "another protocol|HTTP 302"),
        ("ftp", "another protocol"),
        ("circle", "cannot be read|HTTP 302"),
        ("missing", "HTTP 404"),
        ("../../etc/passwd", "no path below"),
        ("file:///etc/passwd", "no path below"),
        ("http://127.0.0.1:1/x", "cannot be read"),
    ],
)
def test_what_is_not_read(base: str, url: str, says: str) -> None:
    with pytest.raises(ReleaseFeedError, match=says):
        b"".join(HttpPlace(f"{base}/f").pieces(url))


def test_a_feed_without_end(base: str) -> None:
    with pytest.raises(ReleaseFeedError, match="at most"):
        HttpPlace(f"{base}/endless").feed()


def test_https_names_no_plain_http() -> None:
    with pytest.raises(ReleaseFeedError, match="not https"):
        b"".join(HttpPlace("https://127.0.0.1:1/f").pieces("http://127.0.0.1:1/x"))


def test_offline() -> None:
    with pytest.raises(OfflineError):
        HttpPlace("https://127.0.0.1:1/f", offline=True).feed()
