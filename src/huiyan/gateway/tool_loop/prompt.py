"""The request of each step: the client's own body, the tools, and what was called so far."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from huiyan.errors import InvalidJsonError, RequestError
from huiyan.gateway.tool_loop.results import shortened
from huiyan.gateway.tool_loop.stream import Wanted

_OWN: Final = frozenset({"huiyan", "tools", "tool_choice"})
_SHORT_BYTES: Final = 300


def check_fields(known: Any) -> None:
    """known: `fields.KnownFields`. Raises: RequestError where it collides with the client's own wishes."""
    if known.tools:
        raise RequestError(
            "`tools` and `huiyan.tools` are both given.",
            hint="Send your own tools and call them yourself, or let huiyan call the installed ones.",
            param="tools",
        )
    if known.choices != 1:
        raise RequestError("`n` must be 1 where the model calls tools.", hint="Leave n out.", param="n")


class Conversation:
    """body: the request as it was admitted. It is kept until the last step: the pictures are in it."""

    def __init__(self, body: bytes, definitions: bytes | None) -> None:
        """definitions: JSON of `tools`; None: there are none. Raises: InvalidJsonError."""
        try:
            fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
            self._messages = bytes(fields.pop("messages")).strip()
        except (msgspec.DecodeError, UnicodeError, KeyError) as error:
            raise InvalidJsonError(f"The request body is not valid JSON: {error}.") from None
        self._choice = fields.get("tool_choice")
        #: The client wants to be told what a streamed answer has cost.
        self.with_usage = _include_usage(fields.get("stream_options"))
        self._rest = {name: value for name, value in fields.items() if name not in _OWN}
        self._definitions = definitions
        self._added: list[dict[str, Any]] = []

    def body(self, *, first: bool, last: bool) -> bytes:
        """first: the client's `tool_choice` holds. last: no call may be asked for any more."""
        fields = dict(self._rest)
        added = b"".join(b"," + msgspec.json.encode(message) for message in self._added)
        fields["messages"] = msgspec.Raw(self._messages[:-1].rstrip() + added + b"]")
        if self._definitions is not None:
            fields["tools"] = msgspec.Raw(self._definitions)
            if last:
                fields["tool_choice"] = msgspec.Raw(b'"none"')
            elif first and self._choice is not None:
                fields["tool_choice"] = self._choice
        return msgspec.json.encode(fields)

    def asked(self, text: str, calls: list[tuple[str, Wanted, dict[str, Any]]]) -> None:
        """The model's turn. calls: id, what it asked for, and its arguments as far as they are JSON."""
        self._added.append(
            {
                "role": "assistant",
                "content": text,
                "tool_calls": [
                    {
                        "id": call,
                        "type": "function",
                        "function": {
                            "name": wanted.name or "unknown",
                            # Templates read it as JSON; what the model wrote may be none.
                            "arguments": msgspec.json.encode(arguments).decode("utf-8"),
                        },
                    }
                    for call, wanted, arguments in calls
                ],
            }
        )

    def answered(self, call: str, text: str) -> None:
        self._added.append({"role": "tool", "tool_call_id": call, "content": text})

    def shorten(self) -> bool:
        """Results to their beginnings, since the context is full. False: there was nothing to cut."""
        changed = False
        for message in self._added:
            if message["role"] == "tool":
                text, cut = shortened(message["content"], _SHORT_BYTES)
                # A cut adds some words: once is enough.
                if cut and len(text) < len(message["content"]):
                    message["content"] = text
                    changed = True
        return changed


def _include_usage(options: msgspec.Raw | None) -> bool:
    if options is None:
        return False
    try:
        value = msgspec.json.decode(options)
    except msgspec.DecodeError:
        return False
    return isinstance(value, dict) and value.get("include_usage") is True
