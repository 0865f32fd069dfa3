"""Reading server-sent events as the WHATWG's text has it, strictly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True)
class Event:
    name: str
    data: str

    def json(self) -> Any:
        return msgspec.json.decode(self.data)


def parse_events(body: bytes) -> list[Event]:
    """All complete events; comments are left out. Raises: AssertionError for a line that is none of SSE's."""
    events, name, data = [], "message", list[str]()
    for line in body.decode("utf-8").replace("\r\n", "\n").split("\n")[:-1]:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                events.append(Event(name, "\n".join(data)))
            name, data = "message", []
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
        else:
            assert field in {"", "id", "retry"}, f"no SSE field: {line!r}"
    return events


@dataclass(frozen=True)
class Streamed:
    """An OpenAI stream taken apart."""

    chunks: tuple[dict[str, Any], ...]
    done: bool
    errors: tuple[dict[str, Any], ...]

    @property
    def text(self) -> str:
        choices = (choice for chunk in self.chunks for choice in chunk["choices"])
        return "".join(c["delta"].get("content") or "" if "delta" in c else c["text"] for c in choices)

    @property
    def finish_reasons(self) -> list[str]:
        choices = (choice for chunk in self.chunks for choice in chunk["choices"])
        return [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]


def parse_stream(body: bytes) -> Streamed:
    """`done` only if `[DONE]` is the last event."""
    events = parse_events(body)
    done = bool(events) and events[-1].data == "[DONE]"
    bodies = [event.json() for event in (events[:-1] if done else events)]
    return Streamed(
        chunks=tuple(body for body in bodies if "error" not in body),
        done=done,
        errors=tuple(body["error"] for body in bodies if "error" in body),
    )
