"""What an answer cost, read from the end of its bytes, so that no chunk on the way is parsed.

Both engines put their counts last: `usage` in the last event (vLLM and llama.cpp, where it was asked
for) or near the end of a JSON body, llama.cpp also `timings` in every stream's last event.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

#: The last event of a stream is under 1 KiB with both engines, `[DONE]` comes after it.
_KEEP_BYTES: Final = 4096
#: Joined and cut only now and then.
_JOIN_BYTES: Final = 8192

_OBJECT: Final = re.compile(rb"\s*\{")
# A quote within a text is escaped there (\"), so these can only be names of fields.
_FIELDS: Final = {
    name: re.compile(rb'"%b":\s*(\d{1,12})' % name) for name in (b"cache_n", b"prompt_n", b"predicted_n")
}
#: Both numbers in one pass.
_TOKENS: Final = re.compile(rb'"(prompt|completion)_tokens":\s*(\d{1,12})')


class Usage(NamedTuple):
    """exact: by the engine's own word; else counted by the events of the stream."""

    prompt_tokens: int
    completion_tokens: int
    exact: bool


NO_USAGE: Final = Usage(0, 0, False)


class UsageTail:
    """`feed` with every piece of the body that goes to the client; `usage` once it is over.

    events: of a stream so far, split anywhere. Up to date after `usage`.
    """

    __slots__ = ("_counted", "_parts", "_size", "_stream", "events")

    def __init__(self, *, stream: bool) -> None:
        self._stream = stream
        self._parts: list[bytes] = []
        self._size = 0
        #: Bytes at the start of the kept end whose events are counted already.
        self._counted = 0
        self.events = 0

    def feed(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size > _JOIN_BYTES:
            self._join()

    def usage(self) -> Usage:
        """As far as it is known: zeros where the engine said nothing and nothing was streamed."""
        end = self._join()
        if (found := _last(b'"usage":', end)) is not None:
            # Of a name that stands there twice the first one counts.
            pairs = _TOKENS.findall(end, found)
            if len(pairs) == 2 and pairs[0][0] == b"prompt" and pairs[1][0] == b"completion":  # nearly always
                return Usage(int(pairs[0][1]), int(pairs[1][1]), True)
            numbers = dict(reversed(pairs))
            if numbers:
                return Usage(int(numbers.get(b"prompt", 0)), int(numbers.get(b"completion", 0)), True)
        if (found := _last(b'"timings":', end)) is not None:
            read = _number(b"prompt_n", end, found)
            written = _number(b"predicted_n", end, found)
            if read is not None and written is not None:
                return Usage(read + (_number(b"cache_n", end, found) or 0), written, True)
        return Usage(0, self._count_by_events(end), False)

    def _count_by_events(self, end: bytes) -> int:
        """One token an event is what both engines send, but for the role first and the reason last."""
        if not self._stream or not self.events:
            return 0
        done = b"data: [DONE]" in end
        finished = b'"finish_reason":"' in end or b'"finish_reason": "' in end
        return max(0, self.events - 1 - done - finished)

    def _join(self) -> bytes:
        parts = self._parts
        whole = parts[0] if len(parts) == 1 else b"".join(parts)
        if self._stream:
            # Events end with a blank line (JSON holds no raw line break), which may have been split: begin
            # so far before the new bytes that a whole one among those counted is not seen again.
            self.events += whole.count(b"\n\n", max(0, self._counted - 1))
            if b"\r" in whole:
                self.events += whole.count(b"\n\r\n", max(0, self._counted - 2))
        end = whole[-_KEEP_BYTES:]
        self._parts = [end]
        self._size = self._counted = len(end)
        return end


def _last(name: bytes, text: bytes) -> int | None:
    """Where the last object of this name begins; `null` is none."""
    position = len(text)
    while (position := text.rfind(name, 0, position)) >= 0:
        if _OBJECT.match(text, position + len(name)):
            return position
    return None


def _number(name: bytes, text: bytes, start: int) -> int | None:
    found = _FIELDS[name].search(text, start)
    return int(found[1]) if found is not None else None
