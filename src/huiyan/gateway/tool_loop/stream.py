"""One answer of the engine within a loop: its text goes on to the client, its tool calls are gathered.

Both engines stream a call as OpenAI does: `delta.tool_calls[{index, id, function: {name, arguments}}]`, the
arguments in pieces. What comes is a model's output and may be anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from huiyan.errors import EngineProtocolError

_MAX_EVENT_BYTES: Final = 4 * 1024 * 1024
_MAX_ARGUMENTS: Final = 256 * 1024
_MAX_CALLS: Final = 64

_DONE: Final = b"[DONE]"


class Wanted(msgspec.Struct):
    """A call that the model asks for. arguments: its JSON, as text, whatever it is."""

    name: str = ""
    arguments: str = ""


class EngineAnswer:
    """`feed` with the bytes of a stream, or `whole` with a body; then what it was stands here.

    told: called with each delta that is for the client. noted: with each comment.
    finish: the chunk or choice that ended it, without its delta. complete: the engine said that it is over.
    """

    def __init__(
        self, told: Callable[[dict[str, Any]], None], noted: Callable[[bytes], None] = lambda comment: None
    ) -> None:
        self._told = told
        self._noted = noted
        self._buffer = bytearray()
        self._calls: dict[int, Wanted] = {}
        self.text: list[str] = []
        self.finish: dict[str, Any] | None = None
        self.finish_reason: str | None = None
        self.usage: dict[str, Any] | None = None
        self.complete = False

    @property
    def calls(self) -> list[Wanted]:
        return [self._calls[index] for index in sorted(self._calls)]

    def feed(self, data: bytes) -> None:
        """Raises: EngineProtocolError."""
        buffer = self._buffer
        # A line may end in \r\n, and be cut between the two; JSON has neither within a line.
        buffer += data.replace(b"\r", b"") if b"\r" in data else data
        while (end := buffer.find(b"\n\n")) >= 0:
            event = bytes(buffer[:end])
            del buffer[: end + 2]
            self._event(event)
        if len(buffer) > _MAX_EVENT_BYTES:
            raise EngineProtocolError("The engine sent an event without an end.")

    def whole(self, body: bytes) -> dict[str, Any]:
        """An answer that was not streamed, as it came. Raises: EngineProtocolError."""
        answer = _object(body)
        usage = answer.get("usage")
        self.usage = usage if isinstance(usage, dict) else None
        choice = _first_choice(answer)
        message = choice.get("message")
        if not isinstance(message, dict):
            raise EngineProtocolError("The engine's answer has no message.")
        if isinstance(message.get("content"), str):
            self.text.append(message["content"])
        calls = message.get("tool_calls")
        for index, call in enumerate(calls if isinstance(calls, list) else []):
            self._call({"index": index, **call} if isinstance(call, dict) else None)
        self.finish_reason = str(choice.get("finish_reason") or "stop")
        self.complete = True
        return answer

    def _event(self, event: bytes) -> None:
        if event.startswith(b":"):
            self._noted(event + b"\n\n")
            return
        lines = [line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:")]
        if not lines:
            return
        data = b"\n".join(lines)
        if data == _DONE:
            self.complete = True
            return
        chunk = _object(data)
        if isinstance(chunk.get("error"), dict):
            raise EngineProtocolError(str(chunk["error"].get("message"))[:500] or "The engine failed.")
        if isinstance(chunk.get("usage"), dict):
            self.usage = chunk["usage"]
        choice = _first_choice(chunk)
        delta = choice.get("delta")
        if isinstance(delta, dict):
            self._delta(delta)
        if choice.get("finish_reason") is not None:
            self.finish_reason = str(choice["finish_reason"])
            self.finish = {key: value for key, value in chunk.items() if key not in ("choices", "usage")}

    def _delta(self, delta: dict[str, Any]) -> None:
        calls = delta.pop("tool_calls", None)
        for call in calls if isinstance(calls, list) else []:
            self._call(call)
        if isinstance(delta.get("content"), str):
            self.text.append(delta["content"])
        if delta:
            self._told(delta)

    def _call(self, piece: Any) -> None:
        """A piece of a call; what does not fit the contract is skipped."""
        if not isinstance(piece, dict):
            return
        index, function = piece.get("index", 0), piece.get("function")
        if not isinstance(index, int) or not isinstance(function, dict):
            return
        if index not in self._calls and len(self._calls) >= _MAX_CALLS:
            raise EngineProtocolError("The model asked for too many calls at once.")
        call = self._calls.setdefault(index, Wanted())
        if isinstance(function.get("name"), str):
            call.name = (call.name + function["name"])[:200]
        arguments = function.get("arguments")
        if isinstance(arguments, dict):  # some servers have them parsed already
            arguments = msgspec.json.encode(arguments).decode("utf-8")
        if isinstance(arguments, str):
            call.arguments += arguments
            if len(call.arguments) > _MAX_ARGUMENTS:
                raise EngineProtocolError("The model wrote arguments that are too long.")


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise EngineProtocolError("The engine sent something that is no JSON object.")
    return value


def _first_choice(body: dict[str, Any]) -> dict[str, Any]:
    choices = body.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return choices[0]
    return {}
