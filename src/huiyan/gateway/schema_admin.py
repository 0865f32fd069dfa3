"""Bodies of `/api/session` and `/api/admin/keys`, `/api/admin/usage`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

ScopeName = Literal["chat", "tools", "admin"]
Count = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Priority = Annotated[int, msgspec.Meta(ge=-10, le=10)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class KeyInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret. ending: the secret's last characters."""

    id: str
    name: str
    scopes: list[ScopeName]
    priority: int
    requests_per_min: int | None
    tokens_per_min: int | None
    streams: int | None
    bytes_per_day: int | None
    created_unix_s: int
    expires_unix_s: int | None
    revoked_unix_s: int | None
    state: Literal["active", "expired", "revoked"]
    origin: str
    ending: str


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /api/admin/keys`, oldest first; revoked and expired ones included."""

    keys: list[KeyInfo]


class CreateKeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /api/admin/keys`. expires_in_s: seconds from now; None: never. A limit of None: no limit."""

    name: Name
    scopes: Annotated[list[ScopeName], msgspec.Meta(min_length=1, max_length=3)] = msgspec.field(
        default_factory=lambda: ["chat"]
    )
    expires_in_s: Count | None = None
    priority: Priority = 0
    requests_per_min: Count | None = None
    tokens_per_min: Count | None = None
    streams: Count | None = None
    bytes_per_day: Count | None = None


class CreatedKey(msgspec.Struct, frozen=True, kw_only=True):
    """secret: shown this once, it is stored nowhere."""

    key: KeyInfo
    secret: str


class ChangeKeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`PATCH /api/admin/keys/{id}`. What is left out stays; a limit of null is no limit any more."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    scopes: Annotated[list[ScopeName], msgspec.Meta(min_length=1, max_length=3)] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    expires_in_s: Count | msgspec.UnsetType | None = msgspec.UNSET
    priority: Priority | msgspec.UnsetType = msgspec.UNSET
    requests_per_min: Count | msgspec.UnsetType | None = msgspec.UNSET
    tokens_per_min: Count | msgspec.UnsetType | None = msgspec.UNSET
    streams: Count | msgspec.UnsetType | None = msgspec.UNSET
    bytes_per_day: Count | msgspec.UnsetType | None = msgspec.UNSET


class UsageEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One key on one day (YYYY-MM-DD, UTC). key_id `local`: the user of this machine, without a key."""

    key_id: str
    name: str
    day: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    images: int
    received_bytes: int
    sent_bytes: int
    errors: int


class UsageReport(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /api/admin/usage?days=30&key=ID`, oldest day first."""

    since_day: str
    usage: list[UsageEntry]


class SignInRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /api/session`: a key, in exchange for a cookie."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /api/session`: who asks. csrf: to be sent as x-huiyan-csrf; empty where no cookie is used.

    signed_in: false where a key is needed and none was given; then the rest says nothing.
    expires_unix_s: of the cookie session.
    """

    signed_in: bool
    id: str = ""
    name: str = ""
    scopes: list[ScopeName] = []
    csrf: str = ""
    expires_unix_s: int | None = None
