"""A feed on a web server: read up to a bound, over HTTP and nothing else, its files from any byte on."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from huiyan.errors import OfflineError, ReleaseFeedError
from huiyan.messages import refusal
from huiyan.updates.feed import FEED_NAME, Feed, check_url, parse

_PIECE_BYTES: Final = 256 * 1024
_MAX_FEED_BYTES: Final = 4 * 1024 * 1024
#: For each step of an exchange; a server that says nothing for so long is given up.
_TIMEOUT_S: Final = 30.0


def is_url(feed: str) -> bool:
    return feed.startswith(("http://", "https://"))


class HttpPlace:
    """feed: URL of `components.toml`, or of the directory that it lies in. proxy: its URL; None: none."""

    def __init__(self, feed: str, *, proxy: str | None = None, offline: bool = False) -> None:
        if not feed.endswith(".toml"):
            feed = feed.rstrip("/") + "/" + FEED_NAME
        self._feed = feed
        self._proxy = proxy
        self._offline = offline

    def feed(self) -> Feed:
        """Raises: ReleaseFeedError, OfflineError."""
        data = bytearray()
        for piece in self._get(self._feed, 0):
            data += piece
            if len(data) > _MAX_FEED_BYTES:
                break
        return parse(bytes(data))

    def pieces(self, url: str, *, start: int = 0) -> Iterator[bytes]:
        """Relative ones beside the feed; what a feed on the web names elsewhere must be https if it is."""
        check_url(url, _shown(self._feed))
        return self._get(urljoin(self._feed, url), start)

    def _get(self, url: str, start: int) -> Iterator[bytes]:
        if self._offline:
            raise refusal(OfflineError, "release_feed.offline", url=_shown(url))
        if urlsplit(self._feed).scheme == "https" and urlsplit(url).scheme != "https":
            raise refusal(ReleaseFeedError, "release_feed.no_https", feed=_shown(self._feed), url=_shown(url))
        headers = {"User-Agent": "huiyan", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the opener speaks HTTP alone
        try:
            with _opener(urlsplit(url).scheme, self._proxy).open(request, timeout=_TIMEOUT_S) as response:
                skip = start if start and response.status != http.client.PARTIAL_CONTENT else 0
                while piece := response.read(_PIECE_BYTES):
                    # A server that knows no ranges begins at the beginning.
                    kept = piece[skip:]
                    skip = max(0, skip - len(piece))
                    if kept:
                        yield kept
        except urllib.error.HTTPError as error:
            raise refusal(
                ReleaseFeedError, "release_feed.http", url=_shown(url), status=error.code
            ) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise refusal(
                ReleaseFeedError, "release_feed.no_answer", url=_shown(url), reason=str(error)[:200]
            ) from error


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Files may lie on another host, as behind a CDN; no redirect leads to another protocol."""

    max_redirections = 5

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != urlsplit(req.full_url).scheme:
            raise refusal(
                ReleaseFeedError, "release_feed.redirect", url=_shown(req.full_url), target=_shown(newurl)
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(scheme: str, proxy: str | None) -> urllib.request.OpenerDirector:
    """Speaks HTTP and nothing else: no files, no FTP, no proxy that nobody named."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler({scheme: proxy} if proxy else {}),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _SameScheme(),
    ):
        opener.add_handler(handler)
    return opener


def _shown(url: str) -> str:
    """Without what may be a password or a token."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
