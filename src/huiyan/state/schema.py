"""The tables. A change here needs a step in `migrations.py`."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

#: SQLite counts only INTEGER PRIMARY KEY columns specially; elsewhere BigInteger is right on both.
KEYS = sa.Table(
    "keys",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("scopes", sa.String(200), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
    sa.Column("requests_per_min", sa.BigInteger),
    sa.Column("tokens_per_min", sa.BigInteger),
    sa.Column("streams", sa.BigInteger),
    sa.Column("bytes_per_day", sa.BigInteger),
    sa.Column("created_unix_s", sa.BigInteger, nullable=False),
    sa.Column("expires_unix_s", sa.BigInteger),
    sa.Column("revoked_unix_s", sa.BigInteger),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("ending", sa.String(8), nullable=False),
)

USAGE = sa.Table(
    "usage",
    METADATA,
    sa.Column("key_id", sa.String(32), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    *(
        sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        for name in (
            "requests",
            "prompt_tokens",
            "completion_tokens",
            "images",
            "received_bytes",
            "sent_bytes",
            "errors",
        )
    ),
)

#: Sessions that were signed out of, until they would have ended by themselves.
ENDED_SESSIONS = sa.Table(
    "ended_sessions",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("expires_unix_s", sa.BigInteger, nullable=False),
)

#: schema_version; secret_check; access_revision, which grows with every change of keys or sessions.
META = sa.Table(
    "meta",
    METADATA,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.String(200), nullable=False),
)
