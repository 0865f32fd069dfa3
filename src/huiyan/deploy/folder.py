"""A folder of generated files that people may change: what they changed is never written over.

A record beside the files holds the digest of each as it was written. A file is replaced if it still has that
digest, or has the new one already: so a run that was killed is simply run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from huiyan.errors import NotOursError
from huiyan.messages import refusal
from huiyan.store.durable import failures_of, make_directory, new_file, sync_directory, write_beside

RECORD: Final = ".huiyan-deploy.json"
_MAX_RECORD_BYTES: Final = 1024 * 1024


def write_files(folder: Path, files: Mapping[str, str]) -> list[str]:
    """files: path below the folder → text. Returns what was written; the rest is as it has to be.

    Raises: NotOursError before anything is written, StoreError and its kinds.
    """
    record = _record(folder)
    wanted = {name: _digest(text.encode()) for name, text in files.items()}
    stale = []
    for name in files:
        found = _found(folder / name)
        if found == wanted[name]:
            continue
        if found is not None and found != record.get(name):
            raise refusal(NotOursError, "deploy.changed", path=folder / name)
        stale.append(name)
    for name in stale:
        write_beside(folder / name, files[name].encode())
    text = json.dumps({**record, **wanted}, indent=1, sort_keys=True)
    if stale or not (folder / RECORD).exists():
        write_beside(folder / RECORD, text.encode())
    return stale


def keep_secret(path: Path, value: bytes) -> bool:
    """Write a file that only its owner reads, unless there is one. Returns whether it was written.

    Raises: StoreError and its kinds.
    """
    with failures_of(path):
        make_directory(path.parent)
        path.parent.chmod(0o700)
        if path.exists():
            return False
        made = path.with_name(f".{path.name}.tmp")
        made.unlink(missing_ok=True)
        new_file(made, value, mode=0o600)
        made.rename(path)
        sync_directory(path.parent)
    return True


def _found(path: Path) -> str | None:
    """Digest of the file; "" for what is no file; None if there is nothing. Raises: StoreError."""
    with failures_of(path):
        if path.is_symlink() or (path.exists() and not path.is_file()):
            return ""
        try:
            return _digest(path.read_bytes())
        except FileNotFoundError:
            return None


def _record(folder: Path) -> dict[str, str]:
    """What was written last. One that cannot be read counts as none: then every other file is somebody's."""
    path = folder / RECORD
    try:
        if path.stat().st_size > _MAX_RECORD_BYTES:
            return {}
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name): digest for name, digest in found.items() if isinstance(digest, str)}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
