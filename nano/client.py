"""Ask a server that speaks OpenAI's chat completions."""

from __future__ import annotations

import base64
import io
import json
import urllib.request
from collections.abc import Sequence
from typing import Any

from PIL import Image

_TIMEOUT_S = 300


# Any: the server's JSON.
def chat(base_url: str, images: Sequence[Image.Image], asked: str, max_tokens: int = 300) -> dict[str, Any]:
    """One greedy answer, as the server gives it. base_url: without `/v1`. Raises: OSError."""
    content: object = asked
    if images:
        pictures = [{"type": "image_url", "image_url": {"url": _data_url(image)}} for image in images]
        content = [*pictures, {"type": "text", "text": asked}]
    body = {
        "model": "nano",
        "messages": [{"role": "user", "content": content}],
        "max_tokens": max_tokens,
        "temperature": 0,
    }
    request = urllib.request.Request(
        base_url + "/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def text_of(answer: dict[str, Any]) -> str:
    return str(answer["choices"][0]["message"]["content"])


def _data_url(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
