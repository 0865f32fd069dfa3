"""What is kept of keys and usage, without the database around it."""

from __future__ import annotations

from typing import Literal

import msgspec


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is stored; its secret is not in here, only `digest`.

    scopes: of chat, tools, admin. Times are Unix seconds. origin: cli, api, first (made by the first start)
    or file (from a secret file). ending: the secret's last four characters, to tell keys apart.
    """

    id: str
    name: str
    digest: bytes
    scopes: tuple[str, ...]
    priority: int = 0
    requests_per_min: int | None = None
    tokens_per_min: int | None = None
    streams: int | None = None
    bytes_per_day: int | None = None
    created_unix_s: int
    expires_unix_s: int | None = None
    revoked_unix_s: int | None = None
    origin: str = "cli"
    ending: str = ""

    def active(self, now_unix_s: float) -> bool:
        """Whether it opens anything now."""
        return self.revoked_unix_s is None and not self.expired(now_unix_s)

    def state(self, now_unix_s: float) -> Literal["active", "expired", "revoked"]:
        if self.revoked_unix_s is not None:
            return "revoked"
        return "expired" if self.expired(now_unix_s) else "active"

    def expired(self, now_unix_s: float) -> bool:
        return self.expires_unix_s is not None and self.expires_unix_s <= now_unix_s


class Counts(msgspec.Struct, kw_only=True):
    """What a key used. errors: answers with status 400 and above."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    images: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    errors: int = 0

    def add(self, other: Counts) -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One key on one day. day: YYYY-MM-DD in UTC."""

    key_id: str
    day: str
    counts: Counts


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Names rows of usage that are added together, once. number: grows with each batch of its writer."""

    writer: str
    number: int


class AccessSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides on access. ended_sessions: ids of sessions that were signed out of."""

    revision: int
    keys: tuple[KeyRecord, ...]
    ended_sessions: frozenset[str]
