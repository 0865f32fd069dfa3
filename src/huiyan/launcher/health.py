"""Layer 5: health. A process that is alive may still see nothing, so a picture is asked about.

The picture is a red circle on white, drawn here; the answer has to name the colour or the shape.
"""

from __future__ import annotations

import base64
import http.client
import json
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from huiyan.engines.blocking_http import authorization, connect
from huiyan.engines.status import EngineEndpoint
from huiyan.errors import StartFailedError
from huiyan.launcher import own_gateway
from huiyan.messages import Text, refusal

_SIDE_PX: Final = 256
_RADIUS_PX: Final = 80
_QUESTION: Final = "描述这张图片。"
_PLAUSIBLE: Final = ("红", "圆", "red", "circle", "round")
_MAX_TOKENS: Final = 64


def canary_png() -> bytes:
    """PNG, 256 x 256, 8-bit RGB: a red disc on white."""
    centre = (_SIDE_PX - 1) / 2
    rows = []
    for y in range(_SIDE_PX):
        inside = _RADIUS_PX**2 - (y - centre) ** 2
        half = int(inside**0.5) if inside > 0 else 0
        left = _SIDE_PX // 2 - half
        rows.append(b"\xff\xff\xff" * left + b"\xe0\x20\x20" * (2 * half) + b"\xff\xff\xff" * left)
    return rgb_png(_SIDE_PX, _SIDE_PX, rows)


def rgb_png(width: int, height: int, rows: Iterable[bytes]) -> bytes:
    """PNG, 8-bit RGB. rows: from the top, 3 x width bytes each."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def canary_request(model: str) -> dict[str, Any]:
    """The body for `/v1/chat/completions`."""
    return _request(model, canary_png(), _MAX_TOKENS)


def _request(model: str, png: bytes, max_tokens: int) -> dict[str, Any]:
    url = "data:image/png;base64," + base64.b64encode(png).decode()
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": _QUESTION}]
    return {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": max_tokens,
        "temperature": 0,
    }


def ask_canary(endpoint: EngineEndpoint, model: str, *, timeout_s: float, any_answer: bool = False) -> str:
    """Ask the engine about the picture and return its answer. Blocks: run it in a thread.

    any_answer: of random weights, which have nothing to say about it.

    Raises: StartFailedError when it does not answer, or not about what it was shown.
    """
    return check_answer(_ask(endpoint, canary_request(model), timeout_s), any_answer=any_answer)


def ask_about(endpoint: EngineEndpoint, model: str, png: bytes, *, max_tokens: int, timeout_s: float) -> str:
    """The engine's description of a picture. Blocks. Raises: StartFailedError when it does not answer."""
    return check_answer(_ask(endpoint, _request(model, png, max_tokens), timeout_s), any_answer=True)


def _ask(endpoint: EngineEndpoint, request: dict[str, Any], timeout_s: float) -> bytes:
    headers = {"Content-Type": "application/json", **authorization(endpoint)}
    connection = connect(endpoint, timeout_s=timeout_s)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(request), headers)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise refusal(
            StartFailedError, "canary.no_answer", reason=str(error) or type(error).__name__
        ) from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        reason = f"HTTP {response.status} {body[:200].decode('utf-8', 'replace')}"
        raise refusal(StartFailedError, "canary.no_answer", reason=reason)
    return body


def check_answer(body: bytes, *, any_answer: bool = False) -> str:
    """The answer in a chat completion. Raises: StartFailedError when it is not about the picture."""
    try:
        answer = str(json.loads(body)["choices"][0]["message"]["content"] or "")
    except (ValueError, LookupError, TypeError) as error:
        reason = Text("reason.no_completion", {"cause": error})
        raise refusal(StartFailedError, "canary.no_answer", reason=reason) from error
    if not any_answer and not any(word in answer.lower() for word in _PLAUSIBLE):
        raise refusal(StartFailedError, "canary.implausible", answer=answer.strip()[:200] or "∅")
    return answer


def gateway_health(host: str, port: int, *, certificate: Path | None = None, timeout_s: float = 10.0) -> str:
    """`status` of the gateway's `/health`. Blocks.

    host: where this machine reaches it. certificate: PEM file that it serves; None: no TLS.
    Raises: StartFailedError when there is none, SettingsError for an unreadable certificate.
    """
    connection = own_gateway.connect(host, port, certificate=certificate, timeout_s=timeout_s)
    try:
        connection.request("GET", "/health")
        return str(json.loads(connection.getresponse().read())["status"])
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        raise refusal(StartFailedError, "start.gateway", cause=str(error) or type(error).__name__) from error
    finally:
        connection.close()
