"""What a loop writes to its client: one answer, streamed or whole, out of those of several steps."""

from __future__ import annotations

import time
from typing import Any, Final

import msgspec

from huiyan.gateway import sse
from huiyan.gateway.relay import Sink
from huiyan.gateway.tool_loop.events import CallProgress, ToolEvent

_DONE: Final = b"data: [DONE]\n\n"


class Outlet:
    """sink: hears an answer as from an engine. identity: of the answer, the same in all its chunks."""

    def __init__(self, sink: Sink, *, stream: bool, identity: str, model: str) -> None:
        self._sink = sink
        self._stream = stream
        self._common: dict[str, Any] = {
            "id": f"chatcmpl-{identity}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._events: list[ToolEvent] = []
        self._head: tuple[int, bytes] | None = None
        self._said_role = False
        self._usage: dict[str, int] = {}
        self._text_before = False
        self._step_began = False

    def head(self, status: int, block: bytes) -> None:
        """Of the first step; those of the later ones are spent."""
        if self._head is None:
            self._head = (status, block)
            if self._stream:
                self._sink.on_head(status, block, None)

    def comment(self, comment: bytes) -> None:
        if self._stream and self._head is not None:
            self._sink.on_body(comment)

    def event(self, event: ToolEvent) -> None:
        if not self._stream:
            if not isinstance(event, CallProgress):
                self._events.append(event)
            return
        empty = {"index": 0, "delta": {}, "finish_reason": None}
        self._write({**self._common, "choices": [empty], "huiyan": event})

    def step(self) -> None:
        """Another answer of the engine begins."""
        self._step_began = False

    def delta(self, delta: dict[str, Any]) -> None:
        """A piece of the answer's text, or of what else the engine says."""
        if self._said_role:
            # Clients put deltas together: a second role would make it `assistantassistant`.
            delta.pop("role", None)
        self._said_role = True
        text = delta.get("content")
        if isinstance(text, str) and text:
            if self._text_before and not self._step_began:
                delta["content"] = "\n\n" + text
            self._step_began = self._text_before = True
        elif "content" in delta and "role" not in delta:
            del delta["content"]
        if delta:
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            self._write({**self._common, "choices": [choice]})

    def used(self, usage: dict[str, Any] | None) -> None:
        """What one step has cost."""
        for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
            count = (usage or {}).get(name)
            if isinstance(count, int):
                self._usage[name] = self._usage.get(name, 0) + count

    def finish(self, reason: str, more: dict[str, Any], *, with_usage: bool) -> None:
        """The end of a streamed answer. more: what the engine's own last chunk had beside its choice."""
        choice = {"index": 0, "delta": {}, "finish_reason": reason}
        self._write({**more, **self._common, "choices": [choice]})
        if with_usage and self._usage:
            self._write({**self._common, "choices": [], "usage": self._usage})
        self._sink.on_body(_DONE)
        self._sink.on_end()

    def whole(self, answer: dict[str, Any], reason: str | None = None) -> None:
        """The end of an answer that is not streamed: the last step's, with what led to it."""
        head, self._head = self._head, None
        assert head is not None, "an engine's body comes after its head"
        if self._usage:
            answer["usage"] = {**(answer.get("usage") or {}), **self._usage}
        if reason is not None:
            answer["choices"][0]["finish_reason"] = reason
            answer["choices"][0]["message"].pop("tool_calls", None)
        answer["huiyan"] = {"events": self._events}
        body = msgspec.json.encode(answer)
        self._sink.on_head(head[0], head[1], len(body))
        self._sink.on_body(body)
        self._sink.on_end()

    def empty(self, text: str) -> dict[str, Any]:
        """A whole answer that no engine has given."""
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "length"}
        return {**self._common, "object": "chat.completion", "choices": [choice]}

    def _write(self, chunk: dict[str, Any]) -> None:
        self._sink.on_body(sse.event(msgspec.json.encode(chunk)))
