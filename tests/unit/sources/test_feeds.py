"""Channels: the right lock for its name, and nothing that a hostile feed would like."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from huiyan.errors import FeedError
from huiyan.sources.feeds import lock_bytes

LOCK = b"format = 1\n"
DIGEST = hashlib.sha256(LOCK).hexdigest()


def feed(lock: str, digest: str = DIGEST, channel: str = "stable") -> str:
    return f'[channels.{channel}]\nlock = "{lock}"\nsha256 = "{digest}"\n'


def test_channel_of_a_local_feed(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "a.lock").write_bytes(LOCK)
    (tmp_path / "feed.toml").write_text(feed("locks/a.lock"))
    assert lock_bytes(str(tmp_path / "feed.toml"), "stable") == LOCK


def test_unknown_channel_names_the_known(tmp_path: Path) -> None:
    (tmp_path / "feed.toml").write_text(feed("a.lock", channel="nightly"))
    with pytest.raises(FeedError, match="nightly"):
        lock_bytes(str(tmp_path / "feed.toml"), "stable")


def test_lock_of_another_digest(tmp_path: Path) -> None:
    (tmp_path / "a.lock").write_bytes(LOCK + b"# more\n")
    (tmp_path / "feed.toml").write_text(feed("a.lock"))
    with pytest.raises(FeedError, match="digest"):
        lock_bytes(str(tmp_path / "feed.toml"), "stable")


@pytest.mark.parametrize("lock", ["../a.lock", "/etc/passwd", "x/../../a.lock", "link/a.lock", "a\\\\b"])
def test_lock_elsewhere_on_the_disk(tmp_path: Path, lock: str) -> None:
    (tmp_path / "a.lock").write_bytes(LOCK)
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "link").symlink_to(tmp_path)
    (inner / "feed.toml").write_text(feed(lock))
    with pytest.raises(FeedError):
        lock_bytes(str(inner / "feed.toml"), "stable")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not toml",
        "channels = 1",
        "[channels]\nstable = 1",
        feed("a.lock", "abc"),
        feed(""),
        "[channels.stable]\n" + 'lock = "a"\n',
        "a = " + "[" * 20_000,
    ],
)
def test_feed_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "feed.toml").write_text(text)
    with pytest.raises(FeedError) as caught:
        lock_bytes(str(tmp_path / "feed.toml"), "stable")
    assert caught.value.hint


def test_feed_that_is_not_there_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(FeedError):
        lock_bytes(str(tmp_path / "none.toml"), "stable")
    (tmp_path / "large.toml").write_bytes(b"#" * (2 * 1024 * 1024))
    with pytest.raises(FeedError, match="bytes"):
        lock_bytes(str(tmp_path / "large.toml"), "stable")


class _Server(http.server.BaseHTTPRequestHandler):
    """Answers what `files` says; a value that is a str is a redirect's location."""

    files: dict[str, bytes | str]

    def do_GET(self) -> None:
        answer = self.files.get(self.path.partition("?")[0])
        if answer is None:
            self.send_error(404)
        elif isinstance(answer, str):
            self.send_response(302)
            self.send_header("Location", answer)
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@pytest.fixture
def web() -> Iterator[tuple[str, dict[str, bytes | str]]]:
    files: dict[str, bytes | str] = {}
    handler = type("Handler", (_Server,), {"files": files})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", files
        server.shutdown()
        thread.join()


def test_channel_of_a_feed_on_the_web(web: tuple[str, dict[str, bytes | str]]) -> None:
    base, files = web
    files |= {"/x/feed.toml": feed("locks/a.lock").encode(), "/x/locks/a.lock": LOCK}
    assert lock_bytes(f"{base}/x/feed.toml", "stable") == LOCK
    files["/moved.toml"] = f"{base}/x/feed.toml"
    assert lock_bytes(f"{base}/x/feed.toml", "stable") == LOCK


def test_feed_behind_a_proxy(web: tuple[str, dict[str, bytes | str]]) -> None:
    """The name is the proxy's to look up."""
    base, files = web
    files |= {
        "http://feeds.invalid/feed.toml": feed("a.lock").encode(),
        "http://feeds.invalid/a.lock": LOCK,
    }
    assert lock_bytes("http://feeds.invalid/feed.toml", "stable", proxy=base) == LOCK


@pytest.mark.parametrize(
    "lock", ["file:///etc/passwd", "http://192.0.2.1/a.lock", "//192.0.2.1/a.lock", "ftp://192.0.2.1/a"]
)
def test_lock_elsewhere_on_the_web(web: tuple[str, dict[str, bytes | str]], lock: str) -> None:
    base, files = web
    files["/feed.toml"] = feed(lock).encode()
    with pytest.raises(FeedError, match="elsewhere"):
        lock_bytes(f"{base}/feed.toml", "stable")


@pytest.mark.parametrize("target", ["http://192.0.2.1/feed.toml", "file:///etc/passwd", "ftp://192.0.2.1/x"])
def test_redirect_elsewhere(web: tuple[str, dict[str, bytes | str]], target: str) -> None:
    base, files = web
    files["/feed.toml"] = target
    with pytest.raises(FeedError):
        lock_bytes(f"{base}/feed.toml", "stable")


def test_redirect_without_end(web: tuple[str, dict[str, bytes | str]]) -> None:
    base, files = web
    files["/feed.toml"] = f"{base}/feed.toml"
    with pytest.raises(FeedError):
        lock_bytes(f"{base}/feed.toml", "stable")


def test_password_of_an_address_is_not_shown(web: tuple[str, dict[str, bytes | str]]) -> None:
    base, _ = web
    secret = base.replace("http://", "http://user:pass-word@") + "/none.toml?token=hidden"
    with pytest.raises(FeedError) as caught:
        lock_bytes(secret, "stable")
    assert "pass-word" not in caught.value.message
    assert "hidden" not in caught.value.message


def test_offline_asks_nobody() -> None:
    with pytest.raises(FeedError, match="Offline"):
        lock_bytes("http://huiyan.invalid/feed.toml", "stable", offline=True)
