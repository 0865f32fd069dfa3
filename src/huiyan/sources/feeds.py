"""Channels: a feed maps `stable` and `nightly` to lock files, each with its digest.

    [channels.stable]
    lock = "locks/2026-11.lock"     # beside the feed, or below; for a feed on the web, on the same host
    sha256 = "…"                    # of the lock file's bytes

A feed is a local file or lies on a web server. It and its locks are hostile input, read up to a bound
and from no other scheme, host or directory than the feed's own, and a lock with another digest is refused.
"""

from __future__ import annotations

import hashlib
import http.client
import tomllib
import urllib.request
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Literal
from urllib.parse import urljoin, urlsplit

import msgspec

from huiyan.errors import FeedError
from huiyan.messages import refusal

Channel = Literal["stable", "nightly"]

_MAX_FEED_BYTES: Final = 1024 * 1024
#: A lock of the largest models with a digest for each of a hundred thousand tensors.
_MAX_LOCK_BYTES: Final = 64 * 1024 * 1024
_TIMEOUT_S: Final = 30.0


class _Channel(msgspec.Struct, forbid_unknown_fields=True):
    lock: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class _Feed(msgspec.Struct):
    """Fields that a later version adds are not this one's business."""

    channels: dict[str, _Channel]


def is_url(feed: str) -> bool:
    return feed.startswith(("http://", "https://"))


def lock_bytes(feed: str, channel: Channel, *, offline: bool = False, proxy: str | None = None) -> bytes:
    """The bytes of the lock file that `channel` stands for.

    feed: path or URL. offline: a feed on the web is refused, before any name is looked up.
    Raises: FeedError.
    """
    if is_url(feed):
        if offline:
            raise refusal(FeedError, "feed.offline", feed=_shown(feed))
        opener = _opener(feed, proxy)
        chosen = _chosen(_get(opener, feed, _MAX_FEED_BYTES), feed, channel)
        location = urljoin(feed, chosen.lock)
        if urlsplit(location)[:2] != urlsplit(feed)[:2]:
            raise refusal(FeedError, "feed.elsewhere", lock=chosen.lock)
        data = _get(opener, location, _MAX_LOCK_BYTES)
    else:
        path = Path(feed).expanduser()
        chosen = _chosen(_read(path, _MAX_FEED_BYTES), feed, channel)
        data = _read(_beside(path, chosen.lock), _MAX_LOCK_BYTES)
    if hashlib.sha256(data).hexdigest() != chosen.sha256:
        raise refusal(FeedError, "feed.digest", lock=chosen.lock, channel=channel)
    return data


def _chosen(data: bytes, feed: str, channel: Channel) -> _Channel:
    try:
        read = msgspec.convert(tomllib.loads(data.decode("utf-8")), _Feed)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise refusal(FeedError, "feed.unreadable", feed=_shown(feed), reason=str(error)[:200]) from error
    if channel not in read.channels:
        known = ", ".join(sorted(read.channels)[:20]) or "-"
        raise refusal(FeedError, "feed.no_channel", feed=_shown(feed), channel=channel, known=known[:200])
    return read.channels[channel]


def _beside(feed: Path, lock: str) -> Path:
    """Below the feed's directory, links resolved."""
    parts = PurePosixPath(lock).parts
    directory = feed.parent.resolve()
    path = (directory / lock).resolve()
    if "\0" in lock or "\\" in lock or ".." in parts or not path.is_relative_to(directory):
        raise refusal(FeedError, "feed.elsewhere", lock=lock)
    return path


def _read(path: Path, limit_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            return _bounded(file.read(limit_bytes + 1), limit_bytes, str(path))
    except (OSError, ValueError) as error:
        raise refusal(FeedError, "feed.unreadable", feed=path, reason=str(error)[:200]) from error


def _bounded(data: bytes, limit_bytes: int, name: str) -> bytes:
    if len(data) > limit_bytes:
        raise refusal(FeedError, "feed.unreadable", feed=name, reason=f"> {limit_bytes:,} bytes")
    return data


class _SameHost(urllib.request.HTTPRedirectHandler):
    """A redirect to another host would be somebody else's feed."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            raise refusal(FeedError, "feed.elsewhere", lock=_shown(newurl))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(feed: str, proxy: str | None) -> urllib.request.OpenerDirector:
    """Speaks HTTP and nothing else: no files, no FTP, no proxy that the settings do not name."""
    opener = urllib.request.OpenerDirector()
    scheme = urlsplit(feed).scheme
    for handler in (
        urllib.request.ProxyHandler({scheme: proxy} if proxy else {}),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _SameHost(),
    ):
        opener.add_handler(handler)
    return opener


def _get(opener: urllib.request.OpenerDirector, url: str, limit_bytes: int) -> bytes:
    headers = {"User-Agent": "huiyan", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - `_opener` speaks HTTP alone
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as response:
            return _bounded(response.read(limit_bytes + 1), limit_bytes, _shown(url))
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise refusal(FeedError, "feed.unreadable", feed=_shown(url), reason=str(error)[:200]) from error


def _shown(url: str) -> str:
    """Without what may be a password or a token."""
    if not is_url(url):
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{':' + str(parts.port) if parts.port else ''}{parts.path}"
