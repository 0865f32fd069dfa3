"""Where a feed lies: a local directory, or a web server; and what may be read from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

from huiyan.errors import DigestMismatchError, ReleaseFeedError
from huiyan.messages import refusal
from huiyan.store.blobs import Blobs
from huiyan.updates.feed import FEED_NAME, Feed, FeedFile, check_path, parse

_PIECE_BYTES: Final = 1024 * 1024
_MAX_FEED_BYTES: Final = 4 * 1024 * 1024


class Place(Protocol):
    """Everything a feed names is read through it."""

    def feed(self) -> Feed:
        """The feed itself. Raises: ReleaseFeedError."""

    def pieces(self, url: str, *, start: int = 0) -> Iterator[bytes]:
        """The bytes of what the feed calls `url` from `start` on, unchecked. Raises: ReleaseFeedError."""


class LocalPlace:
    """A feed file, or a directory with `components.toml`, on this machine or a mounted share."""

    def __init__(self, path: Path) -> None:
        self._feed = path / FEED_NAME if path.is_dir() else path
        self._directory = self._feed.parent

    def feed(self) -> Feed:
        try:
            with self._feed.open("rb") as file:
                return parse(file.read(_MAX_FEED_BYTES + 1))
        except OSError as error:
            raise refusal(
                ReleaseFeedError, "release_feed.read", feed=self._feed, reason=error.strerror, name=FEED_NAME
            ) from error

    def pieces(self, url: str, *, start: int = 0) -> Iterator[bytes]:
        """Only what lies in the feed's own directory, also behind symlinks."""
        if url.startswith(("https://", "http://")):
            raise refusal(ReleaseFeedError, "release_feed.leads_away", feed=self._feed, url=url)
        check_path(url, str(self._feed))
        try:
            directory = self._directory.resolve(strict=True)
            path = (directory / url).resolve(strict=True)
            if not path.is_relative_to(directory) or not path.is_file():
                raise refusal(ReleaseFeedError, "release_feed.not_beside", url=url, feed=self._feed)
            with path.open("rb") as file:
                file.seek(start)
                while piece := file.read(_PIECE_BYTES):
                    yield piece
        except OSError as error:
            raise refusal(
                ReleaseFeedError,
                "release_feed.file_unreadable",
                url=url,
                feed=self._feed,
                reason=error.strerror,
            ) from error


def into_blob(place: Place, file: FeedFile, blobs: Blobs, on_bytes: Callable[[int], None]) -> Path:
    """Bring a file of a feed into a store as a blob; an interrupted one goes on where it stopped.

    on_bytes: told the size of each piece. Raises: ReleaseFeedError, DigestMismatchError, DiskFullError,
    StoreError.
    """
    with blobs.open_partial(file.sha256, file.size_bytes) as partial:
        on_bytes(partial.done_bytes)
        for start, stop in partial.missing():
            at = start
            for piece in place.pieces(file.url, start=start):
                part = piece[: stop - at]
                partial.write(at, part)
                at += len(part)
                on_bytes(len(part))
                if at >= stop:
                    break
        if partial.missing():
            raise refusal(DigestMismatchError, "release_feed.short", url=file.url)
        return partial.finish()
