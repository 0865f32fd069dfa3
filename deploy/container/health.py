"""Whether the gateway in this container answers: exit code 0 or 1. Standard library alone.

health.py [live|ready]
"""

from __future__ import annotations

import http.client
import os
import ssl
import sys

_TIMEOUT_S = 4.0


def answers(connection: http.client.HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(words: list[str]) -> int:
    path = f"/health/{words[0] if words else 'live'}"
    port = int(os.environ.get("HUIYAN_GATEWAY__PORT", "8000"))
    # The certificate is for other names than this one.
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    plain = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    secure = http.client.HTTPSConnection("127.0.0.1", port, timeout=_TIMEOUT_S, context=unverified)
    return 0 if answers(plain, path) or answers(secure, path) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
