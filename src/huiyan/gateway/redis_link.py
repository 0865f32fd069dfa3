"""How long a Redis or Valkey that is gone may keep anybody waiting. Blocking clients, in threads."""

from __future__ import annotations

import socket
from typing import Any, Final

#: To connect, and for each answer.
TIMEOUT_S: Final = 2.0
#: Options of TCP: s until the first question, s between two, questions, ms for what was sent to be confirmed.
_LOST_AFTER: Final = (
    ("TCP_KEEPIDLE", 5),
    ("TCP_KEEPINTVL", 2),
    ("TCP_KEEPCNT", 3),
    ("TCP_USER_TIMEOUT", 10_000),
)


def client_options(url: str) -> dict[str, Any]:  # Any: of several kinds, as the client takes them
    """For `Redis.from_url`. One attempt where nobody answers; a second where a connection was found closed.

    The client's own are ten, with pauses between them (redis-py 6 and later), each as long as the timeout.
    """
    # Not at the top: where nothing is shared this is not installed, and takes memory.
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.retry import Retry

    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT_S,
        "socket_connect_timeout": TIMEOUT_S,
        "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    }
    if "+unix" not in url.partition("://")[0] and not url.startswith("unix"):
        # A connection that only listens notices a lost host by nothing else.
        options["socket_keepalive"] = True
        options["socket_keepalive_options"] = {
            getattr(socket, name): value
            for name, value in _LOST_AFTER
            if hasattr(socket, name)  # not on every system
        }
    return options


def is_unreachable(error: BaseException) -> bool:
    """Whether it tells of the way to the server, not of what the server said."""
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import TimeoutError as RedisTimeoutError

    return isinstance(error, (RedisConnectionError, RedisTimeoutError, OSError))
