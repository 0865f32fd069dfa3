"""A browser's session: a signed cookie in exchange for a key, and the token that its writes carry.

The cookie holds the key's id, not the key: revoking the key ends its sessions. A session that was signed
out of is remembered in the database until it would have ended by itself.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from huiyan.gateway.access.keyring import KeyRing
from huiyan.gateway.access.principal import Principal

_PURPOSE = b"huiyan-session"
_CSRF_PURPOSE = b"huiyan-csrf"


@dataclass(frozen=True, slots=True)
class Session:
    """csrf: expected in x-huiyan-csrf with every method that changes something."""

    id: str
    principal: Principal
    expires_unix_s: int
    csrf: str


class Sessions:
    """cookie_name: cookies are shared by all ports of a host, so it should name the port."""

    def __init__(self, ring: KeyRing, *, cookie_name: str, ttl_s: int) -> None:
        self._ring = ring
        self._name = cookie_name
        self._prefix = cookie_name.encode("ascii") + b"="
        self._ttl_s = ttl_s

    def open(self, principal: Principal) -> tuple[Session, str]:
        """(session, cookie's value) for the holder of a key. The ring has to be loaded."""
        secret = self._ring.secret
        assert secret is not None, "a session needs a key, and a key a loaded ring"
        session_id = secrets.token_hex(12)
        expires = int(time.time()) + self._ttl_s
        text = f"{principal.id}.{expires}.{session_id}"
        value = f"{text}.{secret.sign(text.encode('ascii'), purpose=_PURPOSE)}"
        csrf = secret.sign(session_id.encode("ascii"), purpose=_CSRF_PURPOSE)
        return Session(session_id, principal, expires, csrf), value

    def read(self, cookie: bytes | None) -> Session | None:
        """The session in a Cookie header's value, if it is ours and goes on."""
        secret = self._ring.secret
        value = self._value(cookie)
        if value is None or secret is None:
            return None
        text, _, signature = value.rpartition(b".")
        if not secret.signed(text, signature, purpose=_PURPOSE):
            return None
        # Signed, so its shape is ours.
        key_id, expires, session_id = text.decode("ascii").split(".")
        if int(expires) <= time.time() or self._ring.ended(session_id):
            return None
        principal = self._ring.by_id(key_id)
        if principal is None:
            return None
        csrf = secret.sign(session_id.encode("ascii"), purpose=_CSRF_PURPOSE)
        return Session(session_id, principal, int(expires), csrf)

    def set_cookie(self, value: str, *, secure: bool) -> bytes:
        """The value of Set-Cookie."""
        return self._cookie(value, self._ttl_s, secure=secure)

    def clear_cookie(self, *, secure: bool) -> bytes:
        return self._cookie("", 0, secure=secure)

    def _cookie(self, value: str, max_age_s: int, *, secure: bool) -> bytes:
        attributes = f"; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict"
        return f"{self._name}={value}{attributes}{'; Secure' if secure else ''}".encode("ascii")

    def _value(self, cookie: bytes | None) -> bytes | None:
        if cookie is None:
            return None
        for part in cookie.split(b";"):
            stripped = part.strip()
            if stripped.startswith(self._prefix):
                return stripped[len(self._prefix) :]
        return None
