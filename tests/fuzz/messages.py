"""HTTP requests as Hypothesis makes them: good ones cut anywhere, and ones that are wrong on purpose."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import msgspec
from hypothesis import strategies as st

CHAT = "/v1/chat/completions"
#: What a hidden request would make the engine see.
SMUGGLED = "SMUGGLED"


@dataclass(frozen=True)
class Message:
    """A request, what it must be answered with, and the prompt that the engine then sees (None: none)."""

    data: bytes
    status: int
    prompt: str | None = None


def _chunked(body: bytes, sizes: list[int]) -> bytes:
    pieces, rest = [], body
    for size in sizes:
        if rest:
            piece, rest = rest[:size], rest[size:]
            pieces.append(b"%x\r\n%b\r\n" % (len(piece), piece))
    if rest:
        pieces.append(b"%X;note=1\r\n%b\r\n" % (len(rest), rest))
    return b"".join(pieces) + b"0\r\n\r\n"


def post(body: bytes, *headers: bytes, path: str = CHAT) -> bytes:
    """A POST with exactly these headers besides Host and the type."""
    lines = [
        b"POST %b HTTP/1.1" % path.encode(),
        b"Host: localhost",
        b"Content-Type: application/json",
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chat_body(prompt: str, **more: object) -> bytes:
    return msgspec.json.encode({"messages": [{"role": "user", "content": prompt}], **more})


@st.composite
def good_messages(draw: st.DrawFn) -> Message:
    """Chats (whole, streamed, chunked), other routes, and refusals that leave the connection in step."""
    kind = draw(st.sampled_from(["chat", "stream", "chunked", "health", "nothing", "no json", "empty"]))
    prompt = draw(st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=40))
    match kind:
        case "health":
            return Message(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", 200)
        case "nothing":
            return Message(b"GET /v1/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404)
        case "no json":
            return Message(post(b"{no", b"Content-Length: 3"), 400)
        case "empty":
            return Message(post(b"", b"Content-Length: 0"), 400)
    body = chat_body(prompt, **({"stream": True} if kind == "stream" else {}))
    if kind == "chunked":
        sizes = draw(st.lists(st.integers(1, 50), max_size=8))
        return Message(post(_chunked(body, sizes), b"Transfer-Encoding: chunked"), 200, prompt)
    return Message(post(body, b"Content-Length: %d" % len(body)), 200, prompt)


_HIDDEN_BODY = chat_body(SMUGGLED)
_HIDDEN = post(_HIDDEN_BODY, b"Content-Length: %d" % len(_HIDDEN_BODY))

#: Headers that two readers could understand differently (RFC 9112, 6.1 and 11.2; CVE-2020-7658 and its kin).
AMBIGUOUS = [
    (b"Content-Length: 6", b"Transfer-Encoding: chunked"),
    (b"Transfer-Encoding: chunked", b"Content-Length: 6"),
    (b"Content-Length: 0", b"Content-Length: 6"),
    (b"Content-Length: 6", b"Content-Length: 0"),
    (b"Content-Length: 0, 6",),
    (b"Content-Length: +6",),
    (b"Content-Length: -1",),
    (b"Content-Length: 0x6",),
    (b"Content-Length: 6 6",),
    (b"Content-Length: ",),
    (b"Content-Length: 99999999999999999999999",),
    (b"Content-Length : 6",),
    (b"Content-Length\t: 6",),
    (b"\tContent-Length: 6",),
    (b"Content-Length: 6\r",),
    (b"Content-Length: 0\n", b"Content-Length: 6"),
    (b"X: y\nContent-Length: 6",),
    (b"X: y\x00Content-Length: 6",),
    (b"X: y\rTransfer-Encoding: chunked",),
    (b"Transfer-Encoding: xchunked",),
    (b"Transfer-Encoding: chunked, identity",),
    (b"Transfer-Encoding: identity, chunked, identity",),
    (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    (b"Transfer-Encoding : chunked",),
    (b"Transfer-Encoding: \x0bchunked",),
    (b"Transfer-Encoding: chunked\x00",),
    (b"Transfer-Encoding: chu\r\n nked",),
    (b"Content-Length:\r\n 6",),
    (b"Transfer-Encoding:\n chunked",),
    (b'Transfer-Encoding: "chunked"',),
]

#: Bodies that end for one reader where a hidden request begins for another.
BODIES = [
    b"0\r\n\r\n" + _HIDDEN,
    b"0\n\n" + _HIDDEN,
    b"0;\n\r\n" + _HIDDEN,
    b"0\r\nX: " + _HIDDEN,
    b"-1\r\n" + _HIDDEN,
    b"0x6\r\n\r\n" + _HIDDEN,
    b"fffffffffffffffff\r\n" + _HIDDEN,
    b"6\r\nabcdefX\r\n0\r\n\r\n" + _HIDDEN,
    b"6\nabcdef\r\n0\r\n\r\n" + _HIDDEN,
    b'6;a="\n\r\nabcdef\r\n0\r\n\r\n' + _HIDDEN,
    b"abcdef" + _HIDDEN,
    b"",
]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """`data` in pieces; each place is taken modulo its length."""
    if not data:
        return []
    at = sorted({place % len(data) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(at)]


cuts = st.lists(st.integers(0, 100_000), max_size=12)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good request with bytes replaced, taken out, put in or doubled."""
    data = bytearray(draw(good_messages()).data)
    odd = st.sampled_from(
        [b"\0", b"\n", b"\r", b"\r\n", b" ", b":", b"\t", b"\xff", b"\x0b", b"0", b"HTTP/1.1", b";"]
    )
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.integers(0, 3)):
            case 0:
                data[at : at + 1] = draw(odd)
            case 1:
                del data[at : at + draw(st.integers(1, 6))]
            case 2:
                data[at:at] = draw(odd)
            case _:
                data[at:at] = data[at : at + draw(st.integers(1, 60))]
    return bytes(data)
