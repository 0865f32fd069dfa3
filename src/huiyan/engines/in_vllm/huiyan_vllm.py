"""Starts `vllm serve` in its own interpreter: `PYTHON huiyan_vllm.py serve DIR …`; the key comes on stdin.

Run by path, in an environment that has vLLM and knows nothing of huiyan, so it imports the standard library
alone. vLLM's processes import this file anew (multiprocessing's spawn method), and so each of them is bound
to its parent's life before it has imported anything else.
"""

from __future__ import annotations

import ctypes
import hmac
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

_PR_SET_PDEATHSIG = 1

#: Set in the process that serves; without one, nobody is let in.
KEY = b""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def die_with_parent() -> None:
    """SIGKILL for this process as soon as its parent is gone (Linux; elsewhere the wrapper sees to it).

    Else an engine process whose server was killed would go on holding its GPU memory.
    """
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # It may have gone before the call.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


class RequireKey:
    """ASGI middleware: every path but /health needs the key, vLLM's development routes and metrics, too.

    vLLM's own `--api-key` guards a few prefixes only, would show in the process list or in the log of its
    arguments, and so is not used.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan" or (kind == "http" and scope["path"] == "/health") or _knows_key(scope):
            await self._app(scope, receive, send)
        elif kind == "http":
            error = {"message": "Invalid API Key", "type": "authentication_error", "param": None, "code": 401}
            body = json.dumps({"error": error}).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await send({"type": "websocket.close", "code": 1008})


def _knows_key(scope: Scope) -> bool:
    given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    return bool(KEY) and hmac.compare_digest(given, b"Bearer " + KEY)


def main() -> None:
    # The sockets that vLLM makes are for this user alone.
    os.umask(0o077)
    key = sys.stdin.buffer.readline().strip()
    if not key:
        sys.exit("huiyan_vllm: the key is missing on stdin")
    # Under its own name, as the server will import it for `--middleware`; this is `__main__`.
    import huiyan_vllm  # type: ignore[import-not-found]  # this file, by its directory on the path

    huiyan_vllm.KEY = key
    sys.argv[0] = "vllm"
    from vllm.entrypoints.cli.main import main as vllm_main  # type: ignore[import-not-found]

    vllm_main()


die_with_parent()
if __name__ == "__main__":
    main()
