"""Bodies as llama.cpp's server writes them (seen with xllamacpp 2026.10)."""

from __future__ import annotations

import base64
import binascii
import itertools
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from huiyan.testing.script import ToolCall

_numbers = itertools.count(1)
_TOKEN = re.compile(r"[A-Za-z0-9]+|\s+|.", re.DOTALL)
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"BM")
#: What a picture costs in this stand-in; real engines count by its size.
IMAGE_TOKENS = 64


class BadRequestError(Exception):
    """A 4xx of the engine's own: `content` is its body."""

    def __init__(self, status: int, message: str, type_: str = "invalid_request_error", **extra: int) -> None:
        super().__init__(message)
        self.status = status
        self.content = {"error": {"code": status, "message": message, "type": type_, **extra}}


def tokens(text: str) -> list[str]:
    """Words, runs of blanks, and every other character alone: a stand-in for a tokenizer."""
    return _TOKEN.findall(text)


def decode_object(body: bytes) -> dict[str, Any]:
    """Raises: BadRequestError for anything but a JSON object."""
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise BadRequestError(400, f"[json.exception.parse_error.101] parse error: {error}") from error
    if not isinstance(decoded, dict):
        raise BadRequestError(400, "the request is not a JSON object")
    return decoded


def _check_image(url: object) -> None:
    if not isinstance(url, str) or not url.startswith("data:"):
        raise BadRequestError(500, "error: cannot make GET request", "server_error")
    try:
        data = base64.b64decode(url.partition(",")[2], validate=True)
    except binascii.Error:
        data = b""
    if not data.startswith(_MAGIC) or len(data) < 32:
        raise BadRequestError(400, "Failed to load image or audio file")


def count_prompt(request: Mapping[str, Any]) -> int:
    """Tokens of a chat's messages. Raises: BadRequestError for what llama.cpp refuses."""
    messages = request.get("messages")
    if messages is None:
        raise BadRequestError(400, "'messages' is required")
    if not isinstance(messages, list):
        raise BadRequestError(400, "Expected 'messages' to be an array")
    count = 0
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        # Any: a client's JSON.
        parts: list[Any] = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
        for part in parts:
            if part.get("type") == "image_url":
                _check_image(part["image_url"].get("url"))
                count += IMAGE_TOKENS
            else:
                count += len(tokens(part.get("text", "")))
        count += 4  # role and separators
    return count


def error(status: int, message: str, type_: str) -> dict[str, Any]:
    return {"error": {"code": status, "message": message, "type": type_}}


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    return {
        "completion_tokens": completion_tokens,
        "prompt_tokens": prompt_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def _tool_call(call: ToolCall, arguments: str) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


class Bodies:
    """The bodies of one answer: `chat` for /v1/chat/completions, else /v1/completions."""

    def __init__(self, model: str, *, chat: bool) -> None:
        self.chat = chat
        self._common = {
            "created": int(time.time()),
            "id": f"chatcmpl-fake{next(_numbers)}",
            "model": model,
            "system_fingerprint": "fake",
        }

    def _body(self, kind: str, choices: list[dict[str, Any]], **more: object) -> dict[str, Any]:
        return {"choices": choices, **self._common, "object": kind, **more}

    def whole(
        self,
        text: str,
        finish_reason: str,
        used: Mapping[str, Any],
        tool_calls: Sequence[ToolCall] = (),
    ) -> dict[str, Any]:
        choice: dict[str, Any] = {"finish_reason": finish_reason, "index": 0}
        if self.chat:
            choice["message"] = {"role": "assistant", "content": text}
            if tool_calls:
                choice["message"]["tool_calls"] = [_tool_call(call, call.arguments) for call in tool_calls]
            return self._body("chat.completion", [choice], usage=used)
        return self._body("text_completion", [choice | {"text": text, "logprobs": None}], usage=used)

    def _chunk(self, finish_reason: str | None, delta: dict[str, Any], text: str) -> dict[str, Any]:
        if self.chat:
            choice = {"finish_reason": finish_reason, "index": 0, "delta": delta}
            return self._body("chat.completion.chunk", [choice])
        choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish_reason}
        return self._body("text_completion", [choice])

    def first(self) -> list[dict[str, Any]]:
        """The chunk that only names the role; completions have none."""
        return [self._chunk(None, {"role": "assistant", "content": None}, "")] if self.chat else []

    def contents(self, text: str, chunk_chars: int) -> Iterator[dict[str, Any]]:
        for start in range(0, len(text), chunk_chars):
            piece = text[start : start + chunk_chars]
            yield self._chunk(None, {"content": piece}, piece)

    def tool_calls(self, calls: Sequence[ToolCall], chunk_chars: int) -> Iterator[dict[str, Any]]:
        """Each call's name with the beginning of its arguments, then the rest of them, as llama.cpp does."""
        for index, call in enumerate(calls):
            begun = _tool_call(call, call.arguments[:1])
            yield self._chunk(None, {"tool_calls": [{"index": index, **begun}]}, "")
            for start in range(1, len(call.arguments), chunk_chars):
                piece = {"arguments": call.arguments[start : start + chunk_chars]}
                yield self._chunk(None, {"tool_calls": [{"index": index, "function": piece}]}, "")

    def last(self, finish_reason: str, used: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        """The finish reason, then (`stream_options.include_usage`) a chunk without choices."""
        end = self._chunk(finish_reason, {}, "")
        if used is None:
            return [end]
        if not self.chat:
            return [end | {"usage": used}]
        return [end, self._body("chat.completion.chunk", [], usage=used)]
