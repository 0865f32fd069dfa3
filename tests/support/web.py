"""One HTTP request to the gateway of a started huiyan, with headers and cookies as a client sends them."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    port: int,
    method: str,
    path: str,
    *,
    key: str = "",
    json_body: object = None,
    headers: Mapping[str, str] | None = None,
    trusted: Path | None = None,
) -> Reply:
    """trusted: certificate file for HTTPS; its names are checked. Names in Reply.headers: lower case."""
    sent = dict(headers or {})
    if key:
        sent["Authorization"] = f"Bearer {key}"
    body = None
    if json_body is not None:
        sent["Content-Type"] = "application/json"
        body = json.dumps(json_body)
    connection: http.client.HTTPConnection
    if trusted is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    else:
        context = ssl.create_default_context(cafile=str(trusted))
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=_TIMEOUT_S, context=context)
    try:
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        read = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, read, answer.read())
    finally:
        connection.close()


def chat(port: int, question: str = "hello", **more: Any) -> Reply:
    """One short answer."""
    asked = {"messages": [{"role": "user", "content": question}], "max_tokens": 8}
    return request(port, "POST", "/v1/chat/completions", json_body=asked, **more)
