"""Whom a request is answered for: the local user, or the holder of a key."""

from __future__ import annotations

import enum

import msgspec


class Scope(enum.StrEnum):
    """What a key opens. admin: keys, usage, logs, metrics, models, updates."""

    CHAT = "chat"
    TOOLS = "tools"
    ADMIN = "admin"


class KeyLimits(msgspec.Struct, frozen=True, kw_only=True):
    """None: no limit. streams: requests running or waiting at the same time."""

    requests_per_min: int | None = None
    tokens_per_min: int | None = None
    streams: int | None = None
    bytes_per_day: int | None = None


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """id: stable, safe in logs, metrics and file names. priority: higher goes first, -10 to 10."""

    id: str
    name: str
    scopes: frozenset[Scope]
    limits: KeyLimits = KeyLimits()
    priority: int = 0


#: Whoever was not let in.
NOBODY = Principal(id="nobody", name="nobody", scopes=frozenset())

#: The person at this machine, who needs no key.
LOCAL = Principal(id="local", name="local", scopes=frozenset(Scope))
