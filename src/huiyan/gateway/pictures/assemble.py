"""The body for the engine, in pieces: pictures as base64 between slices of the client's own JSON.

The walk goes down to the parts that change and takes everything else as the bytes that it is
(`msgspec.Raw` is a view of the body), so that no base64 text passes a JSON encoder. Names that stand twice
in an object come out once, with the value that was checked: an engine's parser cannot read another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import pybase64

from huiyan.errors import InvalidJsonError
from huiyan.gateway.adapter import RENDERED, PromptAdapter
from huiyan.gateway.pictures.limits import MediaType

_Object = dict[str, msgspec.Raw]


@dataclass(frozen=True, slots=True)
class SentPicture:
    """base64: of the file. uuid: names exactly these bytes for the engine's cache, or ""."""

    media_type: MediaType
    base64: bytes
    number: int
    uuid: str = ""


def sent(data: bytes, media_type: MediaType, number: int, uuid: str = "") -> SentPicture:
    return SentPicture(media_type, pybase64.b64encode(data), number, uuid)


class _Pieces:
    """Small pieces gathered, large ones kept as they are: nothing is copied twice."""

    __slots__ = ("_out", "_small")

    def __init__(self) -> None:
        self._out: list[bytes] = []
        self._small: list[bytes | memoryview] = []

    def add(self, *pieces: bytes | memoryview) -> None:
        self._small += pieces

    def add_large(self, piece: bytes) -> None:
        self._out += (b"".join(self._small), piece)
        self._small = []

    def done(self) -> list[bytes]:
        self._out.append(b"".join(self._small))
        return self._out


def assemble(
    body: bytes, pictures: Mapping[tuple[int, int], SentPicture], adapter: PromptAdapter
) -> list[bytes]:
    """The body with these pictures at their (message, part), labelled and cleaned as `adapter` says.

    body: a chat request that was admitted, so its shape is known. Of a client's picture part nothing but
    its place is left: its `uuid` would name somebody else's picture in the engine's cache.
    Raises: InvalidJsonError.
    """
    if not pictures and adapter.chat_template is None and not adapter.may_have_markers(body):
        return [body]
    try:
        return _assembled(body, pictures, adapter)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        # Only what was never looked at before: bytes that are no UTF-8, lone surrogates, endless nesting.
        raise InvalidJsonError(f"The request body is not valid JSON: {error}.") from None


def _assembled(
    body: bytes, pictures: Mapping[tuple[int, int], SentPicture], adapter: PromptAdapter
) -> list[bytes]:
    fields = msgspec.json.decode(body, type=_Object)
    if adapter.chat_template is not None:
        fields["chat_template"] = msgspec.Raw(msgspec.json.encode(adapter.chat_template))
    pieces = _Pieces()
    pieces.add(b"{")
    for index, (name, raw) in enumerate(fields.items()):
        pieces.add(b"," if index else b"", msgspec.json.encode(name), b":")
        if name == "messages":
            _messages(pieces, raw, pictures, adapter)
        elif name in RENDERED:
            pieces.add(adapter.clean_json(memoryview(raw)))
        else:
            pieces.add(memoryview(raw))
    pieces.add(b"}")
    return pieces.done()


def _messages(
    pieces: _Pieces,
    raw: msgspec.Raw,
    pictures: Mapping[tuple[int, int], SentPicture],
    adapter: PromptAdapter,
) -> None:
    with_pictures = {message for message, _ in pictures}
    pieces.add(b"[")
    for m, message in enumerate(msgspec.json.decode(raw, type=list[msgspec.Raw])):
        pieces.add(b"," if m else b"")
        view = memoryview(message)
        if m in with_pictures or adapter.may_have_markers(view):
            _message(pieces, msgspec.json.decode(message, type=_Object), m, pictures, adapter)
        else:
            pieces.add(view)
    pieces.add(b"]")


def _message(
    pieces: _Pieces,
    message: _Object,
    m: int,
    pictures: Mapping[tuple[int, int], SentPicture],
    adapter: PromptAdapter,
) -> None:
    pieces.add(b"{")
    for index, (name, raw) in enumerate(message.items()):
        pieces.add(b"," if index else b"", msgspec.json.encode(name), b":")
        view = memoryview(raw)
        if name == "content" and bytes(view[:1]) == b"[":
            _content(pieces, msgspec.json.decode(raw, type=list[msgspec.Raw]), m, pictures, adapter)
        else:
            pieces.add(adapter.clean_json(view))
    pieces.add(b"}")


def _content(
    pieces: _Pieces,
    parts: list[msgspec.Raw],
    m: int,
    pictures: Mapping[tuple[int, int], SentPicture],
    adapter: PromptAdapter,
) -> None:
    texts: list[msgspec.Raw] = []
    separator = b"["
    for p, part in enumerate(parts):
        picture = pictures.get((m, p))
        if picture is None:
            texts.append(part)
            continue
        if texts:
            pieces.add(separator, adapter.clean_parts(texts))
            separator, texts = b",", []
        pieces.add(separator)
        separator = b","
        _picture(pieces, picture, adapter.labelled(picture.number))
    if texts:
        pieces.add(separator, adapter.clean_parts(texts))
    elif separator == b"[":
        pieces.add(separator)
    pieces.add(b"]")


def _picture(pieces: _Pieces, picture: SentPicture, label: str) -> None:
    if label:
        pieces.add(msgspec.json.encode({"type": "text", "text": label}), b",")
    pieces.add(
        b'{"type":"image_url","image_url":{"url":"data:', picture.media_type.encode("ascii"), b";base64,"
    )
    pieces.add_large(picture.base64)
    pieces.add(b'"}')
    if picture.uuid:
        pieces.add(b',"uuid":', msgspec.json.encode(picture.uuid))
    pieces.add(b"}")
