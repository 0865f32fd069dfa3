"""`huiyan release make`: a team cuts its own release from two directories of one model."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from huiyan.errors import ComponentMismatchError, ReleaseFeedError, UpdateError
from huiyan.messages import refusal
from huiyan.store.durable import write_beside
from huiyan.store.lock import LockedFile, LockFile, ModelLock, encode_lock
from huiyan.store.tensors import read_header, tensor_digests
from huiyan.updates import feed_text, golden, patch_file, projector
from huiyan.updates.feed import FEED_NAME, SCHEMA, Base, Component, Feed, FeedFile, Tensors, parse

_WEIGHTS: Final = ".safetensors"
_CONFIGS: Final = ("config.json", "preprocessor_config.json", "video_preprocessor_config.json")
_PIECE_BYTES: Final = 4 * 1024 * 1024

#: Told what is being read.
OnFile = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the release is to be called. model: its id at the hub, in exact case."""

    name: str
    version: str
    model: str
    prefix: str = "model.visual."
    min_huiyan: str = "0"
    title: Mapping[str, str] | None = None
    notes: Mapping[str, str] | None = None


def make_vision(
    wish: Wish, old: Path, new: Path, out: Path, on_file: OnFile = lambda name: None
) -> Component:
    """Write lock, patches and feed entry below `out`; returns the component.

    Raises: ComponentMismatchError when the two differ in more than the tensors below the prefix,
    ReleaseFeedError for a feed in `out` that cannot be read or has this version already, TensorHeaderError,
    UpdateError, DiskFullError.
    """
    feed = _read_feed(out)
    if any((each.name, each.version) == (wish.name, wish.version) for each in feed.component):
        raise refusal(
            ReleaseFeedError, "release.exists", feed=out / FEED_NAME, name=wish.name, version=wish.version
        )
    try:
        component = _make(wish, old, new, out, on_file)
    except OSError as error:
        raise refusal(
            UpdateError, "release.cannot", path=error.filename or out, reason=error.strerror
        ) from error
    write_beside(
        out / FEED_NAME,
        feed_text.encode(msgspec.structs.replace(feed, component=(*feed.component, component))),
    )
    return component


def _make(wish: Wish, old: Path, new: Path, out: Path, on_file: OnFile) -> Component:
    paths = _paths(new)
    if _paths(old) != paths:
        odd = min(set(_paths(old)) ^ set(paths))
        raise refusal(ComponentMismatchError, "release.files", odd=odd)
    folder = f"{wish.name}/{wish.version}"
    locked: list[LockedFile] = []
    files: list[FeedFile] = []
    for path in paths:
        on_file(path)
        sha256, before = _digest(new / path), _digest(old / path)
        tensors = tensor_digests(new / path) if path.endswith(_WEIGHTS) else {}
        locked.append(
            LockedFile(path=path, size_bytes=(new / path).stat().st_size, sha256=sha256, tensors=tensors)
        )
        if sha256 == before:
            continue
        if not path.endswith(_WEIGHTS):
            raise refusal(ComponentMismatchError, "release.no_weights", path=path)
        names = _changed(wish.prefix, old / path, new / path, tensors)
        url = f"{folder}/{path.replace('/', '--')}.patch"
        files.append(_write_patch(out, url, path, patch_file.make(new / path, names)))
    if not files:
        raise refusal(ComponentMismatchError, "release.same_weights")
    lock = encode_lock(LockFile(models=(ModelLock(source="local", id=wish.model, files=tuple(locked)),)))
    lock_url = f"{folder}/models.lock"
    write_beside(out / lock_url, lock)
    by_path = {file.path: file.sha256 for file in locked}
    return Component(
        name=wish.name,
        kind="vision-encoder",
        version=wish.version,
        min_huiyan=wish.min_huiyan,
        title=dict(wish.title or {}),
        notes=dict(wish.notes or {}),
        base=Base(model=wish.model, configs={name: by_path[name] for name in _CONFIGS if name in by_path}),
        tensors=Tensors(prefix=wish.prefix, lock=lock_url, lock_sha256=hashlib.sha256(lock).hexdigest()),
        files=tuple(files),
    )


def make_projector(wish: Wish, old: Path, new: Path, out: Path) -> Component:
    """A vision encoder of a GGUF model: its mmproj file whole, for models whose own has the same form.

    old, new: the files, or directories with one each. Raises: ComponentMismatchError, ReleaseFeedError,
    UpdateError, StoreError.
    """
    feed = _read_feed(out)
    if any((each.name, each.version) == (wish.name, wish.version) for each in feed.component):
        raise refusal(
            ReleaseFeedError, "release.exists", feed=out / FEED_NAME, name=wish.name, version=wish.version
        )
    before, after = mmproj_file(old), mmproj_file(new)
    form = projector.form_of(after)
    projector.check_fits(form, projector.form_of(before), str(after))
    if _digest(before) == _digest(after):
        raise refusal(ComponentMismatchError, "release.same_files")
    try:
        with after.open("rb") as file:
            pieces = iter(lambda: file.read(_PIECE_BYTES), b"")
            carried = _write_patch(out, f"{wish.name}/{wish.version}/{after.name}", after.name, pieces)
    except OSError as error:
        raise refusal(UpdateError, "release.cannot", path=error.filename, reason=error.strerror) from error
    component = Component(
        name=wish.name,
        kind="vision-encoder",
        version=wish.version,
        min_huiyan=wish.min_huiyan,
        title=dict(wish.title or {}),
        notes=dict(wish.notes or {}),
        base=Base(model=wish.model),
        projector=form,
        files=(carried,),
    )
    write_beside(
        out / FEED_NAME,
        feed_text.encode(msgspec.structs.replace(feed, component=(*feed.component, component))),
    )
    return component


def mmproj_file(path: Path) -> Path:
    """The file itself, or the only one of a directory. Raises: UpdateError."""
    if path.is_file():
        return path
    found = sorted(each for each in path.glob("*.gguf") if "mmproj" in each.name.lower())
    if len(found) != 1:
        raise refusal(UpdateError, "release.projectors", path=path, count=len(found))
    return found[0]


def is_gguf(path: Path) -> bool:
    """Whether a release of it is a projector: it is a GGUF file, or a directory with GGUF files."""
    return path.suffix.lower() == ".gguf" if path.is_file() else any(path.glob("*.gguf"))


def make_adapter(wish: Wish, directory: Path, out: Path) -> Component:
    """A prompt adapter's directory as a release, once its template has passed its conversations.

    Raises: ReleaseFeedError, UpdateError.
    """
    feed = _read_feed(out)
    if any((each.name, each.version) == (wish.name, wish.version) for each in feed.component):
        raise refusal(
            ReleaseFeedError, "release.exists", feed=out / FEED_NAME, name=wish.name, version=wish.version
        )
    files = []
    try:
        if not (directory / "adapter.json").is_file():
            raise refusal(UpdateError, "release.no_adapter", directory=directory)
        template = directory / "chat_template.jinja"
        if template.exists():
            golden.check(template.read_text("utf-8"), golden.read(directory))
        for path in _paths(directory):
            url = f"{wish.name}/{wish.version}/{path}"
            files.append(_write_patch(out, url, path, [(directory / path).read_bytes()]))
    except OSError as error:
        raise refusal(UpdateError, "release.cannot", path=error.filename, reason=error.strerror) from error
    component = Component(
        name=wish.name,
        kind="prompt-adapter",
        version=wish.version,
        min_huiyan=wish.min_huiyan,
        title=dict(wish.title or {}),
        notes=dict(wish.notes or {}),
        files=tuple(files),
    )
    write_beside(
        out / FEED_NAME,
        feed_text.encode(msgspec.structs.replace(feed, component=(*feed.component, component))),
    )
    return component


def _read_feed(out: Path) -> Feed:
    try:
        return parse((out / FEED_NAME).read_bytes())
    except FileNotFoundError:
        return Feed(schema=SCHEMA)
    except OSError as error:
        raise refusal(
            ReleaseFeedError, "release.unreadable", path=out / FEED_NAME, reason=error.strerror
        ) from error


def _changed(prefix: str, old: Path, new: Path, digests: Mapping[str, str]) -> list[str]:
    patch_file.check_forms(read_header(new), read_header(old))
    before = tensor_digests(old)
    names = [name for name, digest in digests.items() if before[name] != digest]
    for name in names:
        if not name.startswith(prefix):
            raise refusal(ComponentMismatchError, "release.prefix", name=name, prefix=prefix)
    return names


def _paths(directory: Path) -> list[str]:
    return sorted(
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(directory).parts)
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_patch(out: Path, url: str, path: str, pieces: Iterable[bytes]) -> FeedFile:
    target = out / url
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    size_bytes = 0
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
                digest.update(piece)
                size_bytes += len(piece)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return FeedFile(path=path, url=url, size_bytes=size_bytes, sha256=digest.hexdigest())
