"""Word of changed keys between gateways, through Redis or Valkey: sooner than the next look at the database.

The word says nothing but "look": the database alone knows what is so. One that is lost costs half a second.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from huiyan.gateway.redis_link import TIMEOUT_S, client_options
from huiyan.log import get_logger

_log = get_logger(__name__)

CHANNEL = "huiyan:keys"
#: How often the listening thread looks whether it should end.
_LISTEN_S = 0.5
_RETRY_S = 1.0


class KeyNotices:
    """url: as for the limits. changed: called in a thread, and once more after every new connection."""

    def __init__(self, url: str, *, changed: Callable[[], None]) -> None:
        # Not at the top: where nothing is shared this is not installed, and takes memory.
        import redis

        self._errors: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        # Valkey speaks Redis' protocol; the client calls a Unix socket by another name than `limits` does.
        if url.startswith("valkey"):
            url = "redis" + url.removeprefix("valkey")
        url = url.replace("redis+unix://", "unix://", 1)
        self._client = redis.Redis.from_url(url, **client_options(url))
        self._changed = changed
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._listen, name="key-notices", daemon=True)
        self._thread.start()

    def publish(self) -> None:
        """Tell all gateways to look. Blocks for seconds at most; a Redis that is away is no failure."""
        with contextlib.suppress(*self._errors):
            self._client.publish(CHANNEL, b"")

    def close(self) -> None:
        """Blocks until the thread has ended."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(timeout=2 * TIMEOUT_S)
        self._client.close()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen_once()
            except self._errors:
                # The limits say in the log that it is away; here polling goes on instead.
                self._closed.wait(_RETRY_S)
            except Exception:  # noqa: BLE001  # a task boundary: the listener must not end
                _log.exception("unforeseen while listening for changed keys")
                self._closed.wait(_RETRY_S)

    def _listen_once(self) -> None:
        # The library leaves this function without types.
        with self._client.pubsub(ignore_subscribe_messages=True) as listener:  # type: ignore[no-untyped-call]
            listener.subscribe(CHANNEL)
            # What was said while nobody listened.
            self._changed()
            while not self._closed.is_set():
                if listener.get_message(timeout=_LISTEN_S) is not None:
                    self._changed()
