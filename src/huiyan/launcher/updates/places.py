"""From what somebody called a feed to where it is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from huiyan.settings.environment import proxies
from huiyan.settings.model import Settings
from huiyan.updates.http_place import HttpPlace, is_url
from huiyan.updates.place import LocalPlace, Place


def open_place(settings: Settings) -> Callable[[str], Place]:
    """A path is on this machine; an http(s) URL is asked for through the proxy that the environment names."""

    def open_one(feed: str) -> Place:
        if is_url(feed):
            return HttpPlace(feed, proxy=_proxy(feed), offline=settings.models.offline)
        return LocalPlace(Path(feed).expanduser().absolute())

    return open_one


def _proxy(feed: str) -> str | None:
    parts, known = urlsplit(feed), proxies()
    if known.of(parts.scheme, parts.hostname or "") is None:
        return None
    return known.https if parts.scheme == "https" else known.http
