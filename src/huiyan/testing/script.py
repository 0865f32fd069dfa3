"""What a fake engine is told to do with the next chat or completion request."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Fault(enum.Enum):
    """How a streamed answer goes wrong once `Reply.fault_after_chunks` content chunks are out.

    DIE: the connection is closed in the middle of the body, as when the process ends.
    RESET: the same with a TCP reset, as when the machine or its network goes.
    STALL: nothing more is ever sent and the connection stays open.
    PARTIAL_EVENT: half an event, then the connection is closed.
    NO_DONE: the body ends as HTTP wants it, but without a finish reason and without `[DONE]`.
    NOT_JSON: an event whose data is no JSON; the stream goes on after it.
    NOT_UTF8: an event with bytes that are no UTF-8; the stream goes on after it.
    """

    DIE = enum.auto()
    RESET = enum.auto()
    STALL = enum.auto()
    PARTIAL_EVENT = enum.auto()
    NO_DONE = enum.auto()
    NOT_JSON = enum.auto()
    NOT_UTF8 = enum.auto()


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A function that the model wants called. arguments: JSON as text, as models write it."""

    name: str
    arguments: str = "{}"
    id: str = "call_fake"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer, streamed or whole as the request asks.

    text: the whole answer. chunk_chars: characters in one streamed chunk.
    first_delay_s: before the first chunk (prefill). delay_s: before each further chunk.
    prompt_tokens: reported in `usage`; counted from the request unless given.
    ignores_max_tokens: answer in full although the request allows fewer tokens.
    tool_calls: asked for instead of (or after) the text; the finish reason is then `tool_calls`.
    """

    text: str = "图中有文字：你好。"
    chunk_chars: int = 4
    first_delay_s: float = 0.0
    delay_s: float = 0.0
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    ignores_max_tokens: bool = False
    tool_calls: tuple[ToolCall, ...] = ()
    fault: Fault | None = None
    fault_after_chunks: int = 1

    @staticmethod
    def endless(*, delay_s: float = 0.02, chunk_chars: int = 2) -> Reply:
        """Far longer than any test waits (100,000 characters); each chunk after `delay_s`."""
        text = "".join(f"{n:04d}。" for n in range(20_000))
        return Reply(text=text, chunk_chars=chunk_chars, delay_s=delay_s, ignores_max_tokens=True)


@dataclass(frozen=True, kw_only=True)
class Status:
    """An answer that is an HTTP status with a body; by default an error as llama.cpp words it.

    The connection is closed afterwards, as llama.cpp does after every error.
    """

    status: int
    message: str = "scripted error"
    type: str = "invalid_request_error"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        return {"error": {"code": self.status, "message": self.message, "type": self.type}}


@dataclass(frozen=True, kw_only=True)
class RawReply:
    """Exactly these bytes on the connection, then its end; `b""` closes without a word.

    stays_open: the connection is left open and silent instead.
    """

    data: bytes = b""
    stays_open: bool = False


Script = Reply | Status | RawReply
