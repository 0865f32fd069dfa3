"""Models that other programs have fetched: ModelScope's and Hugging Face's caches, plain directories.

Their files are linked, not copied, where the file system allows, and stay as they are. Nothing about them is
believed: each file is hashed as it comes in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from huiyan.errors import LockError, StoreError
from huiyan.messages import refusal
from huiyan.store.lock import LockedFile, ModelLock
from huiyan.store.names import check_model_id, check_path
from huiyan.store.snapshots import Snapshot, Store

_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
#: What the caches put beside a model's files for themselves.
_OWN_FILES = re.compile(r"(?:\.(?:msc|mv|mdl|lock|cache|git|DS_Store|_.*|.*\.lock|.*incomplete).*)\Z")


class CachedModel(msgspec.Struct, frozen=True, kw_only=True):
    """directory: where its files lie under their names. revision: a commit or a branch, "" unknown."""

    source: str
    id: str
    revision: str
    directory: Path
    size_bytes: int


def find_cached(path: Path) -> list[CachedModel]:
    """The models below a cache's directory, newest revision of each last. Nothing found: an empty list."""
    found: dict[Path, CachedModel] = {}
    for source, model_id, revision, directory in [*_hugging_face(path), *_modelscope(path)]:
        try:
            check_model_id(model_id)
        except LockError:
            continue
        size_bytes = sum(file.stat().st_size for _, file in _files(directory))
        if size_bytes:
            found[directory] = CachedModel(
                source=source,
                id=model_id,
                revision=revision,
                directory=directory,
                size_bytes=size_bytes,
            )
    return sorted(found.values(), key=lambda model: (model.id, _age(model.directory), model.revision))


def import_cached(
    store: Store, cached: CachedModel, on_bytes: Callable[[int], None] | None = None
) -> Snapshot:
    """Bring it into the store and make it current. on_bytes: told the size of each piece that was hashed.

    Raises: LockError, StoreError, DiskFullError.
    """
    commit = cached.revision if _COMMIT.match(cached.revision) else ""
    return import_directory(
        store,
        cached.directory,
        model_id=store.resolve_name(cached.id) or cached.id,
        source=cached.source,
        revision=cached.revision,
        resolved=commit,
        on_bytes=on_bytes,
    )


def import_directory(
    store: Store,
    directory: Path,
    *,
    model_id: str,
    source: str = "local",
    revision: str = "",
    resolved: str = "",
    on_bytes: Callable[[int], None] | None = None,
) -> Snapshot:
    """Any directory with a model's files. Raises: LockError, StoreError, DiskFullError."""
    check_model_id(model_id)
    with store.pin(everything=True):
        files = []
        for name, path in _files(directory):
            # Hugging Face's files are links to its blobs; a link out of the cache's own folder is none of it.
            sha256 = store.blobs.adopt(path, link=True, on_bytes=on_bytes)
            size_bytes = store.blobs.path(sha256).stat().st_size
            files.append(LockedFile(path=check_path(name), size_bytes=size_bytes, sha256=sha256))
        if not files:
            raise refusal(StoreError, "store.no_cache_entry", path=directory)
        lock = ModelLock(source=source, id=model_id, revision=revision, resolved=resolved, files=tuple(files))
        return store.install(lock)


def _files(directory: Path) -> Iterator[tuple[str, Path]]:
    """(path inside the model, file) without what a cache keeps there for itself."""
    allowed = _allowed(directory)
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if not _OWN_FILES.match(name))
        for name in sorted(names):
            path = Path(folder) / name
            if _OWN_FILES.match(name) or not path.is_file():
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(allowed):
                continue
            yield path.relative_to(directory).as_posix(), path


def _allowed(directory: Path) -> Path:
    """Where links may lead: Hugging Face's snapshots link into the blobs of their repository."""
    directory = directory.resolve()
    return directory.parent.parent if directory.parent.name == "snapshots" else directory


def _hugging_face(path: Path) -> Iterator[tuple[str, str, str, Path]]:
    """`models--OWNER--NAME/snapshots/COMMIT`, in the cache, its `hub`, or one of these named directly."""
    for folder in _below(path, "models--*", ("", "hub")):
        model_id = folder.name.removeprefix("models--").replace("--", "/", 1)
        for snapshot in _folders(folder / "snapshots"):
            yield "huggingface", model_id, snapshot.name, snapshot


def _modelscope(path: Path) -> Iterator[tuple[str, str, str, Path]]:
    """`models/OWNER--NAME/snapshots/REVISION`; older versions: `OWNER/NAME` with `.` written `___`."""
    for folder in _below(path, "*--*", ("", "models", "hub/models")):
        if not folder.name.startswith(("models--", "datasets--", "spaces--")):
            for snapshot in _folders(folder / "snapshots"):
                yield "modelscope", folder.name.replace("--", "/", 1), snapshot.name, snapshot
    for top in (path, path / "models", path / "hub", path / "hub" / "models"):
        for owner in _folders(top):
            for folder in _folders(owner):
                if (folder / ".msc").is_file() or (folder / ".mdl").is_file():
                    model_id = f"{owner.name}/{folder.name}".replace("___", ".")
                    yield "modelscope", model_id, "", folder


def _below(path: Path, pattern: str, folders: tuple[str, ...]) -> Iterator[Path]:
    if path.match(pattern) and (path / "snapshots").is_dir():
        yield path
    for folder in folders:
        yield from (found for found in sorted((path / folder).glob(pattern)) if found.is_dir())


def _folders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))


def _age(path: Path) -> float:
    return path.stat().st_mtime
