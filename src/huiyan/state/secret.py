"""The server's secret, and what is derived from it: digests of keys, signatures of sessions."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from huiyan.errors import StoreError
from huiyan.messages import Text, refusal

_SECRET_BYTES = 32
#: Of the random part of a key: 160 bits, 32 characters.
_KEY_BYTES = 20
_ID_BYTES = 5


class ServerSecret:
    """Keyed BLAKE2b under one random key. Keys are random themselves, so no slow password hash is needed."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def key_digest(self, secret: bytes) -> bytes:
        """Stored instead of a key; 32 bytes."""
        return hashlib.blake2b(secret, digest_size=32, key=self._key, person=b"huiyan-key").digest()

    def sign(self, text: bytes, *, purpose: bytes) -> str:
        """40 hex digits. purpose: at most 16 bytes, keeps signatures of one kind from passing as another."""
        return hashlib.blake2b(text, digest_size=20, key=self._key, person=purpose).hexdigest()

    def signed(self, text: bytes, signature: bytes, *, purpose: bytes) -> bool:
        return hmac.compare_digest(self.sign(text, purpose=purpose).encode("ascii"), signature)

    def check_value(self) -> str:
        """Kept in the database: a secret of another machine is told apart from a wrong key."""
        return self.sign(b"check", purpose=b"huiyan-check")


def new_id() -> str:
    """A key's id: 8 characters of a-z2-7."""
    return _base32(secrets.token_bytes(_ID_BYTES))


def new_key(key_id: str) -> str:
    """`hy-ID-RANDOM`, shown once."""
    return f"hy-{key_id}-{_base32(secrets.token_bytes(_KEY_BYTES))}"


def load_secret(path: Path) -> ServerSecret:
    """Read the secret; make it if there is none. Raises: StoreError."""
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    try:
        _create(path)
        return _read(path)
    except OSError as error:
        raise refusal(StoreError, "state.secret", path=path, reason=error.strerror) from error


def _read(path: Path) -> ServerSecret:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise refusal(StoreError, "state.secret", path=path, reason=error.strerror) from error
    if len(data) != _SECRET_BYTES:
        reason = Text("reason.secret_size", {"size_bytes": len(data), "wanted_bytes": _SECRET_BYTES})
        raise refusal(StoreError, "state.secret", path=path, reason=reason)
    return ServerSecret(data)


def _create(path: Path) -> None:
    """Whole or not at all, and never over one that another process has just made."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        temporary.unlink()


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()
