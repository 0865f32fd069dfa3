"""One send with an Idempotency-Key, read by plain sockets while its server is being killed."""

from __future__ import annotations

import contextlib
import http.client
import json
from dataclasses import dataclass, field
from typing import Any

from tests.support.sse import parse_events

#: A long answer of nano's: it goes on past its end, so that a kill always finds it streaming.
REQUEST: dict[str, Any] = {
    "messages": [{"role": "user", "content": "你是谁？"}],
    "stream": True,
    "max_tokens": 300,
    "ignore_eos": True,
}


@dataclass
class Reading:
    """What came back. runs: the engine's ids of the runs that it was read from; boot: of the gateway."""

    status: int | None = None
    body: bytes = b""
    error: str | None = None
    done: bool = False
    runs: set[str] = field(default_factory=set)

    @property
    def text(self) -> str:
        chunks = (event.json() for event in parse_events(self.body) if event.data != "[DONE]")
        choices = (choice for chunk in chunks for choice in chunk.get("choices", ()))
        return "".join(choice["delta"].get("content") or "" for choice in choices)


def read_answer(
    port: int, key: str, *, stop_after_bytes: int | None = None, timeout_s: float = 30.0
) -> Reading:
    """Send REQUEST under `key` and read its answer to its end, however it ends. Never raises for the network.

    stop_after_bytes: leave the connection after about so much of the body. timeout_s: of a silence.
    """
    reading = Reading()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        connection.request("POST", "/v1/chat/completions", json.dumps(REQUEST), headers)
        response = connection.getresponse()
        reading.status = response.status
        while piece := response.read1(4096):
            reading.body += piece
            if stop_after_bytes is not None and len(reading.body) >= stop_after_bytes:
                break
    if reading.status == http.client.OK:
        _take_apart(reading)
    elif reading.body:
        with contextlib.suppress(ValueError):
            reading.error = json.loads(reading.body)["error"]["code"]
    return reading


def _take_apart(reading: Reading) -> None:
    for event in parse_events(reading.body):
        if event.data == "[DONE]":
            reading.done = True
            continue
        body = event.json()
        if "error" in body:
            reading.error = body["error"]["code"]
        else:
            reading.runs.add(body["id"])
