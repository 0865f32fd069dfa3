"""A door with a ring that a test fills."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from huiyan.gateway.access.door import Door
from huiyan.gateway.access.keyring import KeyRing
from huiyan.gateway.access.options import AccessOptions
from huiyan.gateway.access.sessions import Sessions
from huiyan.state.records import AccessSnapshot, KeyRecord
from huiyan.state.secret import ServerSecret, new_id, new_key

SECRET = ServerSecret(b"k" * 32)


class Keys:
    """The keys of a test, and the ring that holds them."""

    def __init__(self) -> None:
        self.ring = KeyRing()
        self.records: list[KeyRecord] = []
        self.ended: set[str] = set()
        self.load()

    def load(self) -> None:
        snapshot = AccessSnapshot(
            revision=self.ring.revision + 1,
            keys=tuple(self.records),
            ended_sessions=frozenset(self.ended),
        )
        self.ring.load(SECRET, snapshot)

    def add(self, *scopes: str, **fields: Any) -> str:
        """The new key's secret."""
        key_id = new_id()
        secret = new_key(key_id)
        self.records.append(
            KeyRecord(
                id=key_id,
                name="a key",
                digest=SECRET.key_digest(secret.encode()),
                scopes=scopes or ("chat",),
                created_unix_s=int(time.time()),
                **fields,
            )
        )
        self.load()
        return secret

    def revoke_all(self) -> None:
        changed = [{**_fields(record), "revoked_unix_s": 1} for record in self.records]
        self.records = [KeyRecord(**fields) for fields in changed]
        self.load()


def _fields(record: KeyRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


MakeDoor = Callable[..., Door]


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def make_door(keys: Keys) -> MakeDoor:
    def make(host: str = "127.0.0.1", **options: Any) -> Door:
        sessions = Sessions(keys.ring, cookie_name="huiyan_session_8000", ttl_s=600)
        return Door(AccessOptions.model_validate(options), host=host, ring=keys.ring, sessions=sessions)

    return make
