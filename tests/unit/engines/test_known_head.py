"""A head that comes again: recognised only where the parser would read the very same from it."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.engines.known_head import known_head

Headers = list[tuple[bytes, bytes]]

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %b\r\nAccept: */*\r\n\r\n"


class _Parsed:
    """What llhttp makes of one request."""

    def __init__(self, data: bytes) -> None:
        self.headers: Headers = []
        self.body = b""
        self.url = b""
        self.complete = False
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(data)
        self.method = parser.get_method()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True

    def all_but_length(self) -> tuple[bytes, bytes, Headers]:
        return self.method, self.url, [pair for pair in self.headers if pair[0] != b"content-length"]


def _known(data: bytes) -> object:
    return known_head(data, _Parsed(data).headers)


def test_same_head_with_another_length_is_recognised_with_its_body() -> None:
    first = HEAD % b"2" + b"hi"
    known = known_head(first, _Parsed(first).headers)
    assert known is not None
    head = HEAD % b"1234"
    assert known.match(head + b"x" * 1234) == (1234, len(head))
    assert known.match(head) == (1234, len(head)), "the body may come later"


@pytest.mark.parametrize(
    "other",
    [
        (HEAD % b"2").replace(b"localhost", b"LOCALHOST"),
        (HEAD % b"2").replace(b"Accept: */*", b"Accept: */*\r\nX: y"),
        (HEAD % b"2").replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (HEAD % b"2").replace(b"HTTP/1.1", b"HTTP/1.0"),
        (HEAD % b"2")[:-2],
        HEAD % b"",
        HEAD % b"+2",
        HEAD % b"2,2",
        HEAD % b"0x2",
        HEAD % b"2 ",
        HEAD % b"2222222222222222",
        HEAD % b"2\r\nContent-Length: 3",
        b"\r\n" + HEAD % b"2",
        b"",
    ],
)
def test_any_other_byte_is_for_the_parser(other: bytes) -> None:
    first = HEAD % b"2" + b"hi"
    known = known_head(first, _Parsed(first).headers)
    assert known is not None
    assert known.match(other + b"hi") is None


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nX: " + b"y" * 9000 + b"\r\n\r\nz",
        b"\r\nPOST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nz",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTrailer: X\r\n\r\nz",
    ],
    ids=["chunked", "no length", "large", "blank line first", "trailer"],
)
def test_other_framing_is_never_remembered(data: bytes) -> None:
    assert _known(data) is None


def test_line_that_the_parser_joined_is_not_remembered() -> None:
    """Headers that are fewer than the lines: a folded one, or one that only the parser knows how to end."""
    data = HEAD % b"2" + b"hi"
    assert known_head(data, _Parsed(data).headers[:-1]) is None


_token = st.text("abcXYZ-", min_size=1, max_size=8).map(str.encode)
_value = st.text("abc: ,;0\t\r\n", max_size=8).map(str.encode)
_length = st.sampled_from([b"0", b"1", b"5", b"007", b"12", b" 3", b"3 ", b"", b"-1"])


@given(
    pairs=st.lists(st.tuples(_token, _value), max_size=4),
    position=st.integers(0, 4),
    lengths=st.tuples(_length, _length),
    name=st.sampled_from([b"Content-Length: ", b"content-length:", b"CONTENT-LENGTH:\t"]),
    body=st.binary(min_size=12, max_size=20),
)
def test_what_is_recognised_is_read_as_the_parser_reads_it(
    pairs: list[tuple[bytes, bytes]], position: int, lengths: tuple[bytes, bytes], name: bytes, body: bytes
) -> None:
    def request(length: bytes) -> bytes:
        lines = [b"%b: %b\r\n" % pair for pair in pairs]
        lines.insert(position, b"%b%b\r\n" % (name, length))
        return b"POST / HTTP/1.1\r\n" + b"".join(lines) + b"\r\n"

    try:
        first = _Parsed(request(lengths[0]))
    except httptools.HttpParserError:
        return
    known = known_head(request(lengths[0]) + body, first.headers)
    found = None if known is None else known.match(request(lengths[1]) + body)
    if found is None:
        return
    size, start = found
    whole = (request(lengths[1]) + body)[: start + size]
    again = _Parsed(whole)
    assert again.complete
    assert again.all_but_length() == first.all_but_length()
    assert again.body == whole[start:]
