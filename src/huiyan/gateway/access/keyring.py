"""All keys in memory, so that a request is answered for without asking a database."""

from __future__ import annotations

import enum
import hmac
import time

from huiyan.gateway.access.principal import KeyLimits, Principal, Scope
from huiyan.state.records import AccessSnapshot, KeyRecord
from huiyan.state.secret import ServerSecret


class Standing(enum.Enum):
    """What is known of a secret that opens nothing."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Source(enum.Enum):
    """What stands behind the keys in memory."""

    #: The database answered when it was asked last.
    HERE = "here"
    #: It did not; keys that were seen open what they opened, others cannot be judged.
    AWAY = "away"
    #: It has not for so long that a revocation may have been missed: no key can be judged.
    LOST = "lost"


class _Entry:
    __slots__ = ("digest", "expires_unix_s", "principal", "revoked")

    def __init__(self, record: KeyRecord) -> None:
        self.digest = record.digest
        self.expires_unix_s = record.expires_unix_s
        self.revoked = record.revoked_unix_s is not None
        self.principal = principal_of(record)


class KeyRing:
    """`load` replaces everything at once; until then `loaded` is false and no secret can be judged."""

    def __init__(self) -> None:
        self.loaded = False
        self.revision = -1
        #: Another number after every change: what was decided before it has to be decided again.
        self.generation = 0
        self._secret: ServerSecret | None = None
        self._by_digest: dict[bytes, _Entry] = {}
        self._by_id: dict[str, _Entry] = {}
        self._ended: frozenset[str] = frozenset()
        self._configured = False
        self._source = Source.HERE

    def load(self, secret: ServerSecret, snapshot: AccessSnapshot) -> None:
        entries = [_Entry(record) for record in snapshot.keys]
        self._secret = secret
        self._by_digest = {entry.digest: entry for entry in entries}
        self._by_id = {entry.principal.id: entry for entry in entries}
        self._ended = snapshot.ended_sessions
        self._configured = any(not entry.revoked for entry in entries)
        self.revision = snapshot.revision
        self.loaded = True
        self._source = Source.HERE
        self.generation += 1

    def load_empty(self) -> None:
        """There is no database yet, so there is no key."""
        self.loaded = True
        self.generation += 1

    @property
    def source(self) -> Source:
        return self._source

    @source.setter
    def source(self, source: Source) -> None:
        if source is not self._source:
            self._source = source
            self.generation += 1

    @property
    def configured(self) -> bool:
        """Whether somebody made a key that is not revoked; then a wrong one is wrong here, too."""
        return self._configured

    @property
    def secret(self) -> ServerSecret | None:
        return self._secret

    def lookup(self, secret: bytes) -> Principal | None:
        """Whose key this is, if it opens anything now.

        Finding by a digest tells a stranger nothing by its timing: they cannot choose the digest, which is
        keyed; the comparison takes the same time however many bytes agree.
        """
        entry = self._find(secret)
        return entry.principal if entry is not None and _opens(entry) else None

    def standing(self, secret: bytes) -> Standing:
        """Why `lookup` gave nothing; only the holder of the right secret learns more than 'unknown'."""
        entry = self._find(secret)
        if entry is None:
            return Standing.UNKNOWN
        return Standing.REVOKED if entry.revoked else Standing.EXPIRED

    def by_id(self, key_id: str) -> Principal | None:
        """For sessions: the key that was exchanged, while it opens anything."""
        entry = self._by_id.get(key_id)
        return entry.principal if entry is not None and _opens(entry) else None

    def expires_unix_s(self, key_id: str) -> float | None:
        """When a key ends by itself; None: it does not, or there is none of this id."""
        entry = self._by_id.get(key_id)
        return None if entry is None else entry.expires_unix_s

    def ended(self, session_id: str) -> bool:
        return session_id in self._ended

    def _find(self, secret: bytes) -> _Entry | None:
        if self._secret is None:
            return None
        digest = self._secret.key_digest(secret)
        entry = self._by_digest.get(digest)
        return entry if entry is not None and hmac.compare_digest(entry.digest, digest) else None


def principal_of(record: KeyRecord) -> Principal:
    """Scopes that this program does not know (of a newer one) open nothing here."""
    known = {scope.value: scope for scope in Scope}
    return Principal(
        id=record.id,
        name=record.name,
        scopes=frozenset(known[name] for name in record.scopes if name in known),
        limits=KeyLimits(
            requests_per_min=record.requests_per_min,
            tokens_per_min=record.tokens_per_min,
            streams=record.streams,
            bytes_per_day=record.bytes_per_day,
        ),
        priority=record.priority,
    )


def _opens(entry: _Entry) -> bool:
    return not entry.revoked and (entry.expires_unix_s is None or entry.expires_unix_s > time.time())
