"""From the bytes of a request to what the engine is asked: parsed once, checked, bounded.

The body itself stays the bytes that it is: what is parsed here is only looked at. Where pictures or
markers have to be replaced, `pictures.assemble` cuts it at those places.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, TypeVar

import msgspec

from huiyan.engines.status import EngineState, EngineStatus, ModelCard
from huiyan.errors import (
    EmptyPromptError,
    EngineDiedError,
    EngineError,
    EngineStartingError,
    InvalidImageError,
    InvalidJsonError,
    ModelNotFoundError,
    PayloadTooLargeError,
    RequestError,
)
from huiyan.gateway import fields
from huiyan.gateway.backends import affinity
from huiyan.gateway.body_turns import LARGE_BYTES
from huiyan.gateway.multipart import Part
from huiyan.gateway.pictures.sources import PictureSlot
from huiyan.gateway.tool_loop.prompt import check_fields
from huiyan.gateway.tool_loop.request import ToolUse


class _ImageUrl(msgspec.Struct):
    url: str
    detail: str | None = None


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    image_url: _ImageUrl | str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None

    def texts(self) -> list[str]:
        if isinstance(self.content, str):
            return [self.content]
        return [part.text for part in self.content or [] if part.text]

    def says_something(self) -> bool:
        if isinstance(self.content, str):
            return bool(self.content.strip())
        if self.content is None:
            return self.role == "tool"
        return any(part.type != "text" or (part.text or "").strip() for part in self.content)


class _LongMessage(_Message):
    """A message whose text stays where it is, in the body. raw: a JSON string, its syntax checked."""

    raw: msgspec.Raw = msgspec.Raw(b'""')

    def texts(self) -> list[str]:
        return [msgspec.json.decode(self.raw, type=str)]

    def says_something(self) -> bool:
        beginning = bytes(memoryview(self.raw)[1:_LONG_BYTES])
        # An escape may be white space, or a character cut in two here.
        return (bool(beginning.strip()) and b"\\" not in beginning) or bool(self.texts()[0].strip())


class _Chat(fields.KnownFields):
    messages: list[_Message] | None = None  # type: ignore[assignment]  # read here, raw in the base


class _RawMessage(msgspec.Struct):
    role: str
    content: msgspec.Raw = msgspec.Raw(b"null")


class _LongChat(fields.KnownFields):
    messages: list[_RawMessage] | None = None  # type: ignore[assignment]  # as above


K = TypeVar("K", bound=fields.KnownFields)

_QUOTE: Final = ord('"')

#: Texts of this size are not copied out of the body, nor looked at beyond so many bytes without need.
_LONG_BYTES: Final = 64 * 1024

#: Where msgspec found something of another type: "… - at `$.messages[0].role`".
_FIELD = re.compile(r"at `\$\.(\w+)")

#: Made once: `msgspec.json.decode` puts the whole type together anew at each call.
_CHAT = msgspec.json.Decoder(_Chat)
_LONG_CHAT = msgspec.json.Decoder(_LongChat)
_CONTENT = msgspec.json.Decoder(str | list[_Part] | None)
_COMPLETION = msgspec.json.Decoder(fields.KnownFields)


class Admitted(msgspec.Struct, kw_only=True):
    """A request that may run. images: still to be read. files: of a form, to which they may refer.

    text_bytes: of the body, pictures left out; its text has no more tokens than that.
    messages: of a chat, as far as the gateway reads them. choices: answers to write, all prompts counted.
    adapter: the prompt adapter that it asks for by name; None: the one in use.
    max_tokens: as asked, for each. affinity: what requests of one conversation share, where it matters.
    tool_use: what the model may call by itself.
    """

    stream: bool
    body: bytes
    text_bytes: int
    messages: list[_Message] = []
    images: list[PictureSlot] = []
    image_count: int = 0
    max_tokens: int | None = None
    choices: int = 1
    tools: bytes = b""
    adapter: str | None = None
    files: Mapping[str, Part] = {}
    affinity: bytes | None = None
    tool_use: ToolUse | None = None

    def text(self) -> str:
        """Everything in the prompt that is text, to be counted."""
        if not self.messages:
            return self.body.decode("utf-8", "replace")
        texts = [text for message in self.messages for text in message.texts()]
        return "\n".join([*texts, self.tools.decode("utf-8", "replace")])

    def conversation(self) -> bytes:
        """What later turns of the same conversation repeat: its first picture, else how it begins."""
        if self.images:
            return blake2b(self.images[0].url.encode(), digest_size=16).digest()
        beginning: list[str] = []
        for message in self.messages:
            beginning += message.texts()
            if message.role == "user":
                break
        return affinity(None, beginning or [self.body[:1024]])

    def let_go(self) -> None:
        """Nothing of what the client wrote is needed any more."""
        self.body, self.tools = b"", b""
        self.messages, self.images, self.files = [], [], {}

    def drop_pictures(self) -> None:
        """Let go of megabytes that are not needed any more."""
        self.images = []
        self.files = {}
        for message in self.messages:
            if isinstance(message.content, list):
                for part in message.content:
                    part.image_url = None


def check_engine(status: EngineStatus) -> EngineError | None:
    """What a client is told when the engine cannot take a request now, or None."""
    match status.state:
        case EngineState.READY:
            return None
        case EngineState.FAILED | EngineState.STOPPED:
            return EngineDiedError(
                f"The engine is not running: {status.detail or status.state}.",
                hint=status.hint or "Run `huiyan doctor`, mend what it names, then `huiyan start`.",
            )
        case EngineState.RESTARTING:
            wait_s = status.retry_in_s or 2.0
            return EngineStartingError("The engine stopped and is being restarted.", retry_after_s=wait_s)
        case _:
            return EngineStartingError("The model is still being loaded.")


def admit_chat(body: bytes, card: ModelCard, *, max_images: int) -> Admitted:
    """Check a chat completion request. Raises RequestError and its kinds; touches no picture's bytes."""
    known, messages = _decode_chat(body)
    _check_common(known, card)
    if messages is None:
        raise InvalidJsonError("`messages` is missing.", param="messages")
    if not messages:
        raise EmptyPromptError("`messages` is empty.", param="messages")
    images = _find_images(messages)
    if images and len(images) > min(max_images, card.max_images):
        raise PayloadTooLargeError(
            f"{len(images)} pictures in one request; the limit is {min(max_images, card.max_images)}.",
            hint="Send fewer pictures at once, or ask about them in several requests.",
            param="messages",
        )
    last = messages[-1]
    if last.role != "assistant" and not last.says_something():
        raise EmptyPromptError("The last message is empty.", param="messages")
    admitted = Admitted(
        stream=known.stream is True,
        body=body,
        text_bytes=len(body) - sum(len(slot.url) for slot in images) if images else len(body),
        messages=messages,
        images=images,
        image_count=len(images),
        max_tokens=known.asked_tokens,
        choices=known.choices,
        tools=b"".join(map(bytes, known.tools)) if known.tools else b"",
        adapter=known.prompt_adapter,
    )
    if known.huiyan is not None and known.huiyan.tools is not None:
        check_fields(known)
        admitted.tool_use = known.huiyan.tools
    return admitted


def admit_completion(body: bytes, card: ModelCard) -> Admitted:
    """Check a plain completion request (`/v1/completions`). Raises RequestError and its kinds."""
    known = _decode(body, _COMPLETION)
    _check_common(known, card)
    prompt = bytes(known.prompt)
    if not prompt or prompt in (b'""', b"[]", b"null"):
        raise EmptyPromptError("`prompt` is empty or missing.", param="prompt")
    if known.huiyan is not None:
        raise RequestError(
            "`huiyan` belongs into a chat.", hint="Send it to /v1/chat/completions.", param="huiyan"
        )
    prompts = fields.check_prompt(prompt, known.choices)
    return Admitted(
        stream=known.stream is True,
        body=body,
        text_bytes=len(body),
        max_tokens=known.asked_tokens,
        choices=known.choices * prompts,
    )


def _decode_chat(body: bytes) -> tuple[fields.KnownFields, list[_Message] | None]:
    """The fields, and the messages: in a large body long texts stay where they are, which spares a copy.

    Text that is not decoded must not be wrong: of ASCII alone every byte is right, and its escapes and
    control characters have been checked. Whatever is unusual is read, or refused, in the usual way.
    """
    if len(body) > LARGE_BYTES and body.isascii():
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            known = _LONG_CHAT.decode(body)
            raws = known.messages
            return known, None if raws is None else [_message(raw) for raw in raws]
    chat = _decode(body, _CHAT)
    return chat, chat.messages


def _message(raw: _RawMessage) -> _Message:
    content = memoryview(raw.content)
    if len(content) > _LONG_BYTES and content[0] == _QUOTE:
        return _LongMessage(raw.role, None, raw.content)
    return _Message(raw.role, _CONTENT.decode(raw.content))


def _decode(body: bytes, decoder: msgspec.json.Decoder[K]) -> K:
    if not body:
        raise InvalidJsonError("The request body is empty.")
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        found = _FIELD.search(str(error))
        raise InvalidJsonError(
            f"The request does not have the expected shape: {error}.", param=found[1] if found else None
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidJsonError(f"The request body is not valid JSON: {error}.") from None


def _check_common(known: fields.KnownFields, card: ModelCard) -> None:
    if known.model not in (None, "", card.id):
        raise ModelNotFoundError(
            f"The model {known.model!r} is not being served here.",
            hint=f"Served now: {card.id!r}. GET /v1/models lists it; leave `model` out to take it.",
            param="model",
        )
    fields.check(known)


def _find_images(messages: list[_Message]) -> list[PictureSlot]:
    slots: list[PictureSlot] = []
    for m, message in enumerate(messages):
        if not isinstance(message.content, list):
            continue
        for p, part in enumerate(message.content):
            if part.type != "image_url":
                fields.check_part(part.type, param=f"messages[{m}].content[{p}]")
                continue
            url, detail = "", None
            if isinstance(part.image_url, str):  # as OpenAI's own servers take it, too
                url = part.image_url
            elif part.image_url is not None:
                url, detail = part.image_url.url, part.image_url.detail
            if not url:
                raise InvalidImageError("A picture has no URL.", param=f"messages[{m}].content[{p}]")
            slots.append(PictureSlot(m, p, url, number=len(slots) + 1, detail=detail))
    return slots
