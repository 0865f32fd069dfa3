"""Settings of keys, proxies, sessions and limits; the gateway's options hold them as `access`."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    SerializationInfo,
    field_serializer,
    field_validator,
)

#: `model_dump(mode="json", context=REVEAL)` writes passwords out: only for a child's lifeline, never a log.
REVEAL: Final = {"reveal_secrets": True}

_DATABASE_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg", "sqlite")
_LIMIT_SCHEMES = ("redis", "rediss", "redis+unix", "valkey", "valkeys", "valkey+unix")


class AccessOptions(BaseModel):
    """Frozen; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    local_without_key: bool = Field(
        True, description="The user of this machine needs no key while only loopback is listened on."
    )
    trusted_proxies: tuple[str, ...] = Field(
        (),
        description="Addresses or networks (CIDR) of reverse proxies whose X-Forwarded-* is believed.",
    )
    cors_origins: tuple[str, ...] = Field(
        (),
        description="Origins of other sites' pages that may call the API with a key, such as https://app.example.",
    )
    session_ttl_s: int = Field(
        30 * 24 * 3600, ge=300, description="How long a browser stays signed in, in seconds."
    )
    state_dir: Path | None = Field(
        None, description="Where keys and usage lie; the data directory's `state` unless given."
    )
    database_url: SecretStr | None = Field(
        None,
        description="postgresql://… for keys and usage; a SQLite file in state_dir unless given.",
    )
    keys_without_database_s: int = Field(
        3600,
        ge=0,
        description="How long keys that were seen stay valid while the database does not answer, in seconds.",
    )
    limits_url: SecretStr | None = Field(
        None,
        description="redis://… or valkey://… to share limits between machines; memory unless given.",
    )
    admin_key_file: Path | None = Field(
        None,
        description="File with a secret that is taken as an administrator's key.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network, strict=False)
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if not parts.scheme or not parts.netloc or "@" in parts.netloc or origin.endswith("/"):
                raise ValueError(
                    f"{origin!r} is no origin; write it like https://app.example, without a path"
                )
            if parts.path or parts.query or parts.fragment or "*" in origin:
                raise ValueError(f"{origin!r} must be one origin, without a path and without *")
        return tuple(origin.lower() for origin in value)

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr | None) -> SecretStr | None:
        return _with_scheme(value, _DATABASE_SCHEMES)

    @field_validator("limits_url")
    @classmethod
    def _limits(cls, value: SecretStr | None) -> SecretStr | None:
        return _with_scheme(value, _LIMIT_SCHEMES)

    @field_serializer("database_url", "limits_url", when_used="json-unless-none")
    def _masked(self, value: SecretStr, info: SerializationInfo) -> str:
        context: Any = info.context or {}  # Any: pydantic's
        return value.get_secret_value() if context.get("reveal_secrets") else str(value)


def _with_scheme(value: SecretStr | None, schemes: tuple[str, ...]) -> SecretStr | None:
    if value is not None and value.get_secret_value().partition("://")[0] not in schemes:
        # The value itself stays out of the sentence: it may hold a password.
        raise ValueError(f"the address has to begin with one of {', '.join(f'{s}://' for s in schemes)}")
    return value
