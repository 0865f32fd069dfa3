"""Who a request comes from, and whether they may come in: the one place that decides.

Plain functions without I/O, called by the hot path and by the edge of the other routes alike.
The rules: DESIGN.md ("Auth"), docs/concepts/access.md.
"""

from __future__ import annotations

import hmac

from huiyan.engines.upstream import Headers
from huiyan.errors import (
    AuthenticationError,
    ForbiddenError,
    KeysUnavailableError,
    QueueFullError,
    RequestError,
)
from huiyan.gateway.access.cors import Cors
from huiyan.gateway.access.keyring import KeyRing, Source, Standing
from huiyan.gateway.access.options import AccessOptions
from huiyan.gateway.access.principal import LOCAL, Principal, Scope
from huiyan.gateway.access.proxies import Proxies
from huiyan.gateway.access.seen import Seen
from huiyan.gateway.access.sessions import Session, Sessions
from huiyan.gateway.guard import LocalGuard, foreign, is_loopback, own_origin

_SAFE_METHODS = frozenset({b"GET", b"HEAD", b"OPTIONS"})
_KEY_HINT = (
    "Send Authorization: Bearer and a key, or sign in on the page; an administrator makes keys with "
    "`huiyan keys create`."
)


class Door:
    """host: the address that the gateway listens on."""

    def __init__(self, options: AccessOptions, *, host: str, ring: KeyRing, sessions: Sessions) -> None:
        self.cors = Cors(options.cors_origins)
        self.proxies = Proxies(options.trusted_proxies)
        self.sessions = sessions
        self._ring = ring
        self._guard = LocalGuard()
        self._on_loopback = is_loopback(host)
        self._local_without_key = options.local_without_key and self._on_loopback
        self._loopback_peers = {"127.0.0.1": True, "::1": True}
        #: The launcher's, for the commands of the user who runs it; empty: there is none.
        self.own_key = b""

    def check(
        self, headers: Headers, *, method: bytes, peer: str, secure: bool, scope: Scope | None = None
    ) -> Principal | RequestError:
        """Whom to answer, or what to answer instead.

        headers: names in lower case. peer: the address at the other end of the socket ("" if it has none).
        secure: whether the socket speaks TLS. scope: what the route needs; None: anybody who is known.
        """
        seen = Seen(headers)
        if seen.hosts > 1:
            return self._guard_says(seen, secure=secure)
        found = self._identify(seen, method=method, peer=peer, secure=secure)
        if isinstance(found, Principal) and scope is not None and scope not in found.scopes:
            return ForbiddenError(
                f"The key {found.name!r} does not have the scope {scope.value!r}.",
                hint="Use a key that has it; `huiyan keys list` shows the scopes of each.",
            )
        return found

    def check_open(self, headers: Headers, *, method: bytes, peer: str, secure: bool) -> RequestError | None:
        """For what needs no key (the page's files, health, signing in): None, or what to answer instead."""
        seen = Seen(headers)
        if seen.hosts > 1:
            return self._guard_says(seen, secure=secure)
        behind_proxy = seen.forwarded and self.proxies.trusts(peer)
        if self._on_loopback and not behind_proxy:
            # Keeps rebound names off the page itself, too.
            return self._guard.judge(seen, secure=secure)
        if method not in _SAFE_METHODS and not self._own_page(seen, peer, secure=secure):
            return foreign()
        return None

    def session(
        self, headers: Headers, *, method: bytes, peer: str, secure: bool
    ) -> Session | RequestError | None:
        """The request's cookie session; None if it has none, an error if another page sent it."""
        seen = Seen(headers)
        session = self.sessions.read(seen.cookie)
        if session is None:
            return None
        return self._with_session(session, seen, method=method, peer=peer, secure=secure) or session

    def secure(self, headers: Headers, *, peer: str, secure: bool) -> bool:
        """Whether the browser itself speaks TLS; decides on the cookie's Secure."""
        return self.proxies.secure(Seen(headers), peer, secure=secure)

    def _identify(self, seen: Seen, *, method: bytes, peer: str, secure: bool) -> Principal | RequestError:
        if seen.authorizations > 1:
            return AuthenticationError("There is more than one Authorization header.", hint="Send one key.")
        secret = _bearer(seen.authorization)
        if isinstance(secret, RequestError):
            return secret
        refused: RequestError | None = None
        if self._local_without_key and self._is_loopback_peer(peer):
            refused = self._guard.judge(seen, secure=secure)
            if refused is None and (secret is None or self._any_key_will_do):
                # A cookie is not asked for here: the guard has let only this machine's user through.
                return LOCAL
        if secret is not None:
            return self._by_key(secret, seen, peer, secure=secure)
        session = self.sessions.read(seen.cookie)
        if session is not None:
            refused = (
                _away()
                if self._ring.source is Source.LOST
                else self._with_session(session, seen, method=method, peer=peer, secure=secure)
            )
            return refused or session.principal
        if refused is not None:
            return refused
        if seen.cookie is not None and not self._ring.loaded:
            return _not_yet()
        return AuthenticationError("This gateway needs an API key.", hint=_KEY_HINT)

    @property
    def _any_key_will_do(self) -> bool:
        """OpenAI's SDKs always send one; it means nothing where nobody has ever made a key."""
        return self._ring.loaded and not self._ring.configured

    def _by_key(self, secret: bytes, seen: Seen, peer: str, *, secure: bool) -> Principal | RequestError:
        if self.own_key and hmac.compare_digest(secret, self.own_key):
            # Commands know it; a page does not, and has no business with it.
            return LOCAL if seen.origin is None and not seen.forwarded else foreign()
        if not self._ring.loaded:
            return _not_yet()
        principal = None if self._ring.source is Source.LOST else self._ring.lookup(secret)
        if principal is None:
            return self._why_not(secret)
        if seen.origin is None or self.cors.allows(seen.origin) or self._own_page(seen, peer, secure=secure):
            return principal
        return foreign()

    def _why_not(self, secret: bytes) -> RequestError:
        """What to answer to a key that opens nothing now."""
        if self._ring.source is Source.LOST:
            return _away()
        match self._ring.standing(secret):
            case Standing.EXPIRED:
                return AuthenticationError("This API key has expired.", hint=_KEY_HINT)
            case Standing.REVOKED:
                return AuthenticationError("This API key was revoked.", hint=_KEY_HINT)
            case _ if self._ring.source is Source.AWAY:
                # It may have been made since, at another gateway.
                return _away()
            case _:
                return AuthenticationError("This API key is not known here.", hint=_KEY_HINT)

    def _with_session(
        self, session: Session, seen: Seen, *, method: bytes, peer: str, secure: bool
    ) -> RequestError | None:
        """A cookie comes along whoever's page asks; only our own page knows the token."""
        if seen.fetch_site == b"cross-site" or not self._own_page(seen, peer, secure=secure):
            return foreign()
        if method in _SAFE_METHODS:
            return None
        if seen.csrf is None or not hmac.compare_digest(seen.csrf, session.csrf.encode("ascii")):
            return ForbiddenError(
                "The request lacks the session's token.",
                hint="Send the `csrf` of GET /api/session as the header x-huiyan-csrf; reload the page.",
            )
        return None

    def _own_page(self, seen: Seen, peer: str, *, secure: bool) -> bool:
        """No Origin, or that of the page which this gateway serves."""
        if seen.origin is None:
            return True
        host = self.proxies.host(seen, peer)
        if host is None:
            return False
        behind_tls = self.proxies.secure(seen, peer, secure=secure)
        return seen.origin == own_origin(host.lower(), secure=behind_tls)

    def _is_loopback_peer(self, peer: str) -> bool:
        known = self._loopback_peers.get(peer)
        return is_loopback(peer) if known is None else known

    def _guard_says(self, seen: Seen, *, secure: bool) -> RequestError:
        refused = self._guard.judge(seen, secure=secure)
        assert refused is not None, "two hosts are always refused"
        return refused


def _bearer(authorization: bytes | None) -> bytes | RequestError | None:
    """The secret of an Authorization header; None where there is none, or an empty one."""
    if authorization is None:
        return None
    scheme, _, secret = authorization.strip().partition(b" ")
    if scheme.lower() != b"bearer":
        return AuthenticationError("The Authorization header holds no Bearer key.", hint=_KEY_HINT)
    return secret.strip() or None


def _not_yet() -> QueueFullError:
    return QueueFullError("The keys are still being read.", retry_after_s=1.0, hint="Try again in a second.")


def _away() -> KeysUnavailableError:
    return KeysUnavailableError(
        "The database of keys does not answer, so this key cannot be checked.",
        retry_after_s=5.0,
        hint="Send it again as Retry-After says; an administrator finds the reason in `huiyan logs`.",
    )
