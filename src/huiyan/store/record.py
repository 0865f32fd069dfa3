"""Which files of a store had their digest checked, so that gigabytes are not hashed at every start.

A file is known by inode, size and modification time; hard links are one file. Losing the record costs only
hashing again.
"""

from __future__ import annotations

import hashlib
import os
import threading

import msgspec

from huiyan.store.durable import failures_of, replace_file
from huiyan.store.layout import Layout
from huiyan.store.locks import FileLock


class _Seen(msgspec.Struct, frozen=True, array_like=True):
    size_bytes: int
    mtime_ns: int
    sha256: str


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    check: str
    files: dict[str, _Seen]


class VerifiedFiles:
    """verified.json. Thread-safe; what other processes add is kept."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._guard = threading.Lock()
        self._files = self._read()

    def knows(self, stat: os.stat_result, sha256: str) -> bool:
        """Whether this very file had that digest and has not changed since."""
        with self._guard:
            return self._files.get(_key(stat)) == _seen(stat, sha256)

    def add(self, stat: os.stat_result, sha256: str) -> None:
        """Raises: StoreError."""
        self._change({_key(stat): _seen(stat, sha256)}, keep=None)

    def reload(self) -> None:
        """See what other processes have added."""
        with self._guard:
            self._files = self._read()

    def forget_others(self, keep: set[int]) -> None:
        """Drop the entries of inodes that are not in `keep`. Raises: StoreError."""
        self._change({}, keep={str(inode) for inode in keep})

    def is_whole(self) -> bool:
        """Whether verified.json is missing or as it was written."""
        try:
            data = self._layout.verified.read_bytes()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        files = _decode(data)
        return files is not None and _encode(files) == data

    def _change(self, added: dict[str, _Seen], keep: set[str] | None) -> None:
        with self._guard, failures_of(self._layout.verified), FileLock(self._layout.record_lock):
            files = {**self._read(), **added}
            if keep is not None:
                files = {key: seen for key, seen in files.items() if key in keep}
            data = _encode(files)
            replace_file(self._layout.verified, data, tmp=self._layout.tmp, durable=False)
            self._files = files

    def _read(self) -> dict[str, _Seen]:
        try:
            return _decode(self._layout.verified.read_bytes()) or {}
        except OSError:
            return {}


def _decode(data: bytes) -> dict[str, _Seen] | None:
    try:
        document = msgspec.json.decode(data, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return document.files if document.check == _check(document.files) else None


def _encode(files: dict[str, _Seen]) -> bytes:
    return msgspec.json.encode(_Document(check=_check(files), files=files))


def _check(files: dict[str, _Seen]) -> str:
    return hashlib.sha256(msgspec.json.encode(files)).hexdigest()


def _key(stat: os.stat_result) -> str:
    return str(stat.st_ino)


def _seen(stat: os.stat_result, sha256: str) -> _Seen:
    return _Seen(stat.st_size, stat.st_mtime_ns, sha256)
