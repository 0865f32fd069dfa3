"""A chat completion over HTTP, streamed: what `ask` needs of the API, and no more. Blocks."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huiyan.errors import EngineDiedError, EngineError, EngineProtocolError
from huiyan.launcher import own_gateway
from huiyan.launcher.remote_errors import rebuild
from huiyan.messages import Text, refusal


@dataclass
class Answer:
    """Filled while the stream is read. usage: as the API reports it."""

    text: str = ""
    finish_reason: str = ""
    usage: dict[str, Any] = field(default_factory=dict)


def stream_chat(
    host: str,
    port: int,
    body: Mapping[str, Any],
    answer: Answer,
    *,
    api_key: str = "",
    certificate: Path | None = None,
    timeout_s: float,
) -> Iterator[str]:
    """Yield the answer's pieces and gather them in `answer`.

    certificate: PEM file that a gateway of this machine serves. timeout_s: longest silence.
    Raises: what the server reported by its code; EngineDiedError, EngineProtocolError, SettingsError.
    """
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    connection = own_gateway.connect(host, port, certificate=certificate, timeout_s=timeout_s)
    try:
        connection.request(
            "POST",
            "/v1/chat/completions",
            json.dumps({**body, "stream": True, "stream_options": {"include_usage": True}}),
            headers,
        )
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise _error(response.status, response.read())
        yield from _pieces(response, answer)
    except (OSError, http.client.HTTPException) as error:
        raise refusal(EngineDiedError, "ask.lost", reason=str(error) or type(error).__name__) from error
    finally:
        connection.close()


def _pieces(response: http.client.HTTPResponse, answer: Answer) -> Iterator[str]:
    for raw in response:
        line = raw.strip()
        if line == b"data: [DONE]":
            return
        if not line.startswith(b"data:"):
            continue
        try:
            chunk = json.loads(line[5:])
        except ValueError as error:
            raise refusal(EngineProtocolError, "chat.no_json", reason=error) from error
        if "error" in chunk:
            raise rebuild(chunk["error"], EngineError)
        answer.usage = chunk.get("usage") or answer.usage
        for choice in chunk.get("choices", []):
            answer.finish_reason = choice.get("finish_reason") or answer.finish_reason
            piece = choice.get("delta", {}).get("content")
            if piece:
                answer.text += piece
                yield piece
    raise refusal(EngineDiedError, "ask.lost", reason=Text("reason.no_done", {}))


def _error(status: int, body: bytes) -> Exception:
    try:
        return rebuild(json.loads(body)["error"], EngineError)
    except (ValueError, LookupError, TypeError, AttributeError):
        return refusal(EngineError, "chat.status", status=status, body=body[:200].decode("utf-8", "replace"))
