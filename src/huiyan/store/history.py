"""history.jsonl of a model: which snapshot was current, when, and which one before.

A line is written before `current` is switched. A line without its switch is what a kill left; the link
says what happened, and `settled` drops such lines.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from huiyan.store.durable import replace_file

_KEPT: Final = 200


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """at: UTC. action: "switch" or "rollback". previous: "" when there was none."""

    at: str
    action: str
    digest: str
    previous: str
    check: str = ""


def new_entry(action: str, digest: str, previous: str | None) -> Entry:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return _checked(Entry(at=at, action=action, digest=digest, previous=previous or ""))


def read_history(path: Path) -> tuple[list[Entry], bool]:
    """The entries that are as they were written, oldest first, and whether all of them are."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], True
    except OSError:
        return [], False
    entries = []
    for line in data.split(b"\n"):
        try:
            entry = msgspec.json.decode(line, type=Entry)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        if entry == _checked(entry):
            entries.append(entry)
    return entries, data == _encode(entries)


def write_history(path: Path, entries: list[Entry], *, tmp: Path) -> None:
    """Raises: OSError."""
    replace_file(path, _encode(entries[-_KEPT:]), tmp=tmp)


def settled(entries: list[Entry], current: str) -> list[Entry]:
    """Without the lines whose switch never came to pass."""
    end = len(entries)
    while end and entries[end - 1].digest != current:
        end -= 1
    return entries[:end]


def _encode(entries: list[Entry]) -> bytes:
    return b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)


def _checked(entry: Entry) -> Entry:
    text = f"{entry.at}\n{entry.action}\n{entry.digest}\n{entry.previous}"
    return msgspec.structs.replace(entry, check=hashlib.sha256(text.encode()).hexdigest()[:16])
