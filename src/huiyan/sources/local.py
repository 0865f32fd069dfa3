"""A directory of this machine: a model's files themselves, or a directory of models.

    DIR/config.json …                  one model, or
    DIR/<owner>/<name>/config.json …   several, each under its id

A models.lock (in DIR or beside the files) says what they have to be; without one they are taken as they are.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from huiyan.errors import LockError, SourceNotFoundError, SourceProtocolError, SourceUnreachableError
from huiyan.messages import refusal
from huiyan.sources.listed import checked_listing
from huiyan.sources.locked import listing_of
from huiyan.sources.protocol import Listing, LocalFile, RemoteFile, SourceName
from huiyan.store.lock import read_lock
from huiyan.store.names import check_model_id, same_but_for_case

LOCK_NAME: Final = "models.lock"
_MOST_FILES: Final = 100_000


class LocalDirectory:
    """Opens no socket, so it serves offline, too."""

    name: SourceName = "local"

    def __init__(self, directory: Path) -> None:
        self._directory = directory.expanduser().absolute()
        self.endpoint = self._directory.as_uri()

    def list(self, model_id: str, revision: str | None = None) -> Listing:
        """Raises: SourceNotFoundError, SourceProtocolError, SourceUnreachableError."""
        check_model_id(model_id)
        exact_id, directory = self._find(model_id, revision)
        for lock in (self._directory / LOCK_NAME, directory / LOCK_NAME):
            if lock.is_file():
                try:
                    locks = read_lock(lock)
                except LockError as error:
                    raise refusal(
                        SourceProtocolError, "sources.index", path=lock, reason=error.message
                    ) from error
                if locks.find(model_id) is not None:
                    return listing_of(
                        locks,
                        source=self.name,
                        endpoint=self.endpoint,
                        model_id=model_id,
                        revision=revision,
                    )
        return checked_listing(
            Listing(
                source=self.name,
                endpoint=self.endpoint,
                id=exact_id,
                revision=revision or "",
                resolved="",
                files=tuple(self._files(directory)),
            ),
            asked=model_id,
        )

    def request(self, listing: Listing, file: RemoteFile) -> LocalFile:
        _, directory = self._find(listing.id, None)
        return LocalFile(path=str(directory / file.path))

    def _find(self, model_id: str, revision: str | None) -> tuple[str, Path]:
        """(exact id, directory), by its names on disk whatever their case; else the directory itself."""
        found, names = self._directory, list[str]()
        for part in model_id.split("/"):
            name = _child(found, part)
            if name is None:
                break
            names.append(name)
            found /= name
        else:
            return "/".join(names), found
        if any(path.is_file() and path.name != LOCK_NAME for path in _entries(self._directory)):
            return model_id, self._directory
        raise refusal(
            SourceNotFoundError,
            "sources.model_not_found",
            source=self._directory,
            id=model_id,
            revision=revision or "–",
        )

    @staticmethod
    def _files(directory: Path) -> Iterator[RemoteFile]:
        """Regular files; links that lead out of the directory are followed, as the hubs' caches have them."""
        count = 0
        for folder, folders, names in os.walk(directory):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                path = Path(folder) / name
                if name.startswith(".") or name == LOCK_NAME:
                    continue
                status = path.stat()
                if stat.S_ISREG(status.st_mode):
                    relative = path.relative_to(directory).as_posix()
                    yield RemoteFile(path=relative, size_bytes=status.st_size)
                    count += 1
            if count > _MOST_FILES:
                return


def _child(directory: Path, part: str) -> str | None:
    names = [path.name for path in _entries(directory) if path.is_dir()]
    if part in names:
        return part
    return next((name for name in names if same_but_for_case(name, part)), None)


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise refusal(
            SourceUnreachableError,
            "sources.unreachable",
            host=directory,
            reason=error.strerror or str(error),
        ) from error
