"""A head of HTTP/1.1 that was parsed before is recognised by its bytes.

On a kept-alive connection heads repeat, byte for byte but for the digits of Content-Length. Such a head has
been judged by llhttp once, and its framing is known: exactly so many bytes of body follow. Whatever differs
in any other byte goes to the parser, so that nothing is read more leniently than there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,15})\r\n", re.IGNORECASE)
_MAX_DIGITS = 15

#: A larger head is parsed each time: it would be kept for every connection.
_MAX_BYTES = 8 * 1024

#: With one of these the framing is not by Content-Length alone.
_OTHER_FRAMING = frozenset({b"transfer-encoding", b"upgrade", b"trailer"})


class KnownHead:
    """Made by `known_head`. One for each distinct head, whatever length it tells."""

    __slots__ = ("_after", "_after_bytes", "_before", "_before_bytes")

    def __init__(self, before: bytes, after: bytes) -> None:
        """before, after: of the digits of Content-Length; `after` ends with the blank line."""
        self._before = before
        self._before_bytes = len(before)
        self._after = after
        self._after_bytes = len(after)

    def match(self, data: bytes) -> tuple[int, int] | None:
        """(bytes of the body, where it begins in `data`) if `data` begins with this head, all of it."""
        if not data.startswith(self._before):
            return None
        start = self._before_bytes
        end = data.find(b"\r", start, start + _MAX_DIGITS + 1)
        if end < 0 or not data.startswith(self._after, end):
            return None
        digits = data[start:end]
        return (int(digits), end + self._after_bytes) if digits.isdigit() else None


def known_head(data: bytes, headers: Sequence[tuple[bytes, bytes]]) -> KnownHead | None:
    """The head that `data` begins with, to be recognised when it comes again.

    headers: as the parser read them, names in lower case. None: it is not whole in `data`, or its framing
    is another, or the parser may have seen other lines in it than those between CRLFs.
    """
    end = data.find(b"\r\n\r\n", 0, _MAX_BYTES) + 4
    if end < 4:
        return None
    head = data[:end]
    lines = len(headers) + 2  # the first one and the blank one
    if not head.count(b"\r\n") == head.count(b"\n") == head.count(b"\r") == lines:
        return None
    lengths = [value for name, value in headers if name == b"content-length"]
    found = _LENGTH.search(head)
    if len(lengths) != 1 or found is None or found[1] != lengths[0]:
        return None
    if any(name in _OTHER_FRAMING for name, _ in headers):
        return None
    return KnownHead(head[: found.start(1)], head[found.end(1) :])
