"""models.lock: which files, byte for byte, a model consists of, and where they were asked for.

TOML; `docs/reference/models-lock.md` describes every field. One file may hold several models.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any, Final, Literal, get_args

import msgspec

from huiyan.errors import LockError
from huiyan.messages import refusal
from huiyan.store.durable import write_beside
from huiyan.store.lock_text import LockTable, encode_tables
from huiyan.store.names import check_model_id, check_paths, is_sha256, same_but_for_case

FORMAT: Final = 1
SourceKind = Literal["modelscope", "huggingface", "mirror", "local", "huiyan"]
#: A lock is text that people review. One with digests of 100,000 tensors has about 12 MB.
MAX_LOCK_BYTES: Final = 64 * 1024 * 1024
_MAX_SIZE_BYTES: Final = 1 << 60


class LockedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file. path: relative, forward slashes. sha256: lower-case hex.

    tensors: name → SHA-256 of the tensor's bytes, for *.safetensors, where somebody computed them.
    """

    path: str
    size_bytes: int
    sha256: str
    tensors: dict[str, str] = {}


class ModelLock(msgspec.Struct, frozen=True, kw_only=True):
    """A model, pinned.

    id: exact case. revision: as asked for. resolved: the commit, "" where the hub names none.
    files: sorted by path. engine, packages: versions that it was tried with.
    """

    source: str
    endpoint: str = ""
    id: str
    revision: str = ""
    resolved: str = ""
    files: tuple[LockedFile, ...]
    engine: dict[str, str] = {}
    packages: dict[str, str] = {}
    format: int = FORMAT

    def digest(self) -> str:
        """SHA-256 (hex) of what the model *is*: its id and each file's path, size and digest.

        Where it came from does not count: the same bytes from two hubs have one digest.
        """
        content = [self.id, [[file.path, file.size_bytes, file.sha256] for file in _sorted(self.files)]]
        return hashlib.sha256(msgspec.json.encode(content)).hexdigest()

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    def file(self, path: str) -> LockedFile:
        """Raises: KeyError."""
        for file in self.files:
            if file.path == path:
                return file
        raise KeyError(path)


class LockFile(msgspec.Struct, frozen=True, kw_only=True):
    """What one models.lock holds."""

    models: tuple[ModelLock, ...] = ()

    def find(self, model_id: str) -> ModelLock | None:
        """By id; upper and lower case do not count."""
        return next((model for model in self.models if same_but_for_case(model.id, model_id)), None)

    def with_model(self, lock: ModelLock) -> LockFile:
        """The same with `lock` added, or put in the place of the one with its id."""
        others = [model for model in self.models if not same_but_for_case(model.id, lock.id)]
        return LockFile(models=tuple(sorted([*others, lock], key=lambda model: model.id)))


def checked(lock: ModelLock) -> ModelLock:
    """The lock with its files in order, once names, sizes and digests are known to be possible.

    Raises: LockError.
    """
    check_model_id(lock.id)
    if lock.format != FORMAT:
        raise _unusable(lock.id, f"format {lock.format}; this version reads format {FORMAT}")
    if lock.source not in get_args(SourceKind):
        raise _unusable(lock.id, f"unknown source {lock.source!r}")
    check_paths(file.path for file in lock.files)
    if not lock.files:
        raise _unusable(lock.id, "no files")
    for file in lock.files:
        if not 0 <= file.size_bytes <= _MAX_SIZE_BYTES:
            raise _unusable(lock.id, f"{file.path} has an impossible size")
        if not is_sha256(file.sha256):
            raise _unusable(lock.id, f"{file.path} has no SHA-256 of 64 lower-case hexadecimal digits")
        if not all(is_sha256(digest) for digest in file.tensors.values()):
            raise _unusable(lock.id, f"a tensor of {file.path} has no SHA-256")
    return msgspec.structs.replace(lock, files=_sorted(lock.files))


def encode_lock(file: LockFile) -> bytes:
    """The text of models.lock: the same models give the same bytes. Raises: LockError."""
    models = sorted((checked(model) for model in file.models), key=lambda model: model.id)
    _check_ids(models)
    return encode_tables([_table(model) for model in models], FORMAT)


def decode_lock(data: bytes, path: Path | str) -> LockFile:
    """path: what is named in errors. Raises: LockError."""
    if len(data) > MAX_LOCK_BYTES:
        raise _unusable(path, f"larger than {MAX_LOCK_BYTES // 1024 // 1024} MiB")
    try:
        document = tomllib.loads(data.decode())
        # tomllib recurses: a file of brackets alone must not take the process along.
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise _unusable(path, str(error) or "nested too deeply") from None
    if document.get("format") != FORMAT:
        raise _unusable(path, f"format {document.get('format')!r}; this version reads format {FORMAT}")
    try:
        parsed = msgspec.convert(document, type=_Document)
    except msgspec.ValidationError as error:
        raise _unusable(path, str(error)) from None
    models = [_from_table(table, path) for table in parsed.model]
    _check_ids(models)
    return LockFile(models=tuple(models))


def read_lock(path: Path) -> LockFile:
    """Raises: LockError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_LOCK_BYTES + 1)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    return decode_lock(data, path)


def write_lock(path: Path, file: LockFile) -> None:
    """Atomic: a reader finds the old or the new lock. Raises: LockError, DiskFullError, StoreError."""
    write_beside(path, encode_lock(file))


class _FileTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    path: str
    size_bytes: int
    sha256: str
    tensors: dict[str, str] = {}


class _ModelTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    source: str
    endpoint: str = ""
    revision: str = ""
    resolved: str = ""
    digest: str
    engine: dict[str, str] = {}
    packages: dict[str, str] = {}
    file: list[_FileTable]


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    model: list[_ModelTable] = []


def _from_table(table: _ModelTable, path: Path | str) -> ModelLock:
    fields: dict[str, Any] = {name: getattr(table, name) for name in _SCALARS}
    files = tuple(
        LockedFile(path=file.path, size_bytes=file.size_bytes, sha256=file.sha256, tensors=file.tensors)
        for file in table.file
    )
    lock = checked(ModelLock(files=files, engine=table.engine, packages=table.packages, **fields))
    if lock.digest() != table.digest:
        raise _unusable(path, f"the files of {lock.id} are not those that its `digest` was made of")
    return lock


_SCALARS: Final = ("id", "source", "endpoint", "revision", "resolved")


def _table(lock: ModelLock) -> LockTable:
    return LockTable(
        scalars={**{name: getattr(lock, name) for name in _SCALARS}, "digest": lock.digest()},
        tables={"engine": lock.engine, "packages": lock.packages},
        files=[
            ({"path": file.path, "size_bytes": file.size_bytes, "sha256": file.sha256}, file.tensors)
            for file in lock.files
        ],
    )


def _check_ids(models: list[ModelLock]) -> None:
    for index, model in enumerate(models):
        if any(same_but_for_case(model.id, other.id) for other in models[:index]):
            raise _unusable(model.id, "the model stands in it twice")


def _sorted(files: tuple[LockedFile, ...]) -> tuple[LockedFile, ...]:
    return tuple(sorted(files, key=lambda file: file.path.encode()))


def _unusable(path: Path | str, reason: str) -> LockError:
    return refusal(LockError, "store.lock_unreadable", path=path, reason=reason)
