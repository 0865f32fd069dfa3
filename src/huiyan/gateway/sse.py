"""Server-sent events as bytes; no I/O. Source: WHATWG HTML, "Server-sent events"."""

from __future__ import annotations

KEEP_ALIVE = b": keep-alive\n\n"


def comment(text: str) -> bytes:
    """What readers skip; it keeps a silent connection alive. text: one line."""
    return b": %b\n\n" % text.encode("utf-8")


def event(data: bytes, *, name: str | None = None) -> bytes:
    """One event. data: a single line (JSON never has a raw line break)."""
    head = b"" if name is None else b"event: %b\n" % name.encode("ascii")
    return b"%bdata: %b\n\n" % (head, data)


class Boundary:
    """Whether the bytes so far end between two events (after a blank line), wherever they were split."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b"\n\n"

    def feed(self, data: bytes) -> None:
        self._tail = (self._tail + data[-4:])[-4:]

    @property
    def clean(self) -> bool:
        """An event sent now would not be read as part of another."""
        return self._tail.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))
