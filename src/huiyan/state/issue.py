"""Making keys: the secret that is shown once, and the record that stays."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huiyan.errors import SettingsError
from huiyan.messages import refusal
from huiyan.state.database import Database
from huiyan.state.records import KeyRecord
from huiyan.state.secret import new_id, new_key

#: A secret from a file has to be long enough that nobody guesses it.
_FILE_SECRET_CHARACTERS = 24


def issue_key(
    database: Database,
    *,
    name: str,
    scopes: Sequence[str],
    origin: str = "cli",
    expires_unix_s: int | None = None,
    **limits: Any,
) -> tuple[KeyRecord, str]:
    """(record, secret). limits: priority, requests_per_min, … of KeyRecord. Raises: StoreError."""
    record, secret = _make(
        database, name=name, scopes=scopes, origin=origin, expires_unix_s=expires_unix_s, **limits
    )
    database.add_key(record)
    return record, secret


def first_admin_key(database: Database) -> str | None:
    """The secret of a new administrator's key, or None where a usable key exists. Raises: StoreError."""
    record, secret = _make(database, name="admin", scopes=("admin", "chat", "tools"), origin="first")
    return secret if database.add_first_key(record) else None


def adopt_key_file(database: Database, path: Path) -> bool:
    """Take the secret in `path` as an administrator's key, and revoke what the file held before.

    Returns whether anything changed. Raises: SettingsError, StoreError.
    """
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise refusal(SettingsError, "settings.file", path=path, reason=reason) from None
    if len(secret) < _FILE_SECRET_CHARACTERS or not secret.isascii() or not secret.isprintable():
        raise refusal(SettingsError, "keys.weak_file", path=path, characters=_FILE_SECRET_CHARACTERS)
    digest = database.secret.key_digest(secret.encode("ascii"))
    now = int(time.time())
    earlier = [key for key in database.snapshot().keys if key.origin == "file"]
    known = next((key for key in earlier if key.digest == digest), None)
    changed = False
    for key in earlier:
        if key is not known and key.revoked_unix_s is None:
            database.update_key(key.id, {"revoked_unix_s": now})
            changed = True
    if known is None:
        record = KeyRecord(
            id=new_id(),
            name="admin (file)",
            digest=digest,
            scopes=("admin", "chat", "tools"),
            created_unix_s=now,
            origin="file",
        )
        database.add_key(record)
        return True
    return changed


def _make(
    database: Database, *, name: str, scopes: Sequence[str], origin: str, **more: Any
) -> tuple[KeyRecord, str]:
    key_id = new_id()
    secret = new_key(key_id)
    record = KeyRecord(
        id=key_id,
        name=name,
        digest=database.secret.key_digest(secret.encode("ascii")),
        scopes=tuple(scopes),
        created_unix_s=int(time.time()),
        origin=origin,
        ending=secret[-4:],
        **more,
    )
    return record, secret
