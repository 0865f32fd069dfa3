"""From the bytes of a request to what the engine is asked: parsed once, checked, bounded.

`messages` stays `msgspec.Raw` unless a picture had to be encoded again: a body of megabytes is not
built up as Python objects and written out a second time (facts on cost: bench/gateway).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from huiyan.engines.status import EngineState, EngineStatus, ModelCard
from huiyan.errors import (
    EmptyPromptError,
    EngineDiedError,
    EngineError,
    EngineStartingError,
    ImageUrlRefusedError,
    InvalidImageError,
    InvalidJsonError,
    ModelNotFoundError,
    PayloadTooLargeError,
    RequestError,
)
from huiyan.gateway.intake import ImageLimits, PreparedImage, prepare_image

#: Answers of one request (`n`); vLLM would take 16,384 of them.
MAX_CHOICES = 8


class _ImageUrl(msgspec.Struct):
    url: str


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    image_url: _ImageUrl | str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None


class _Known(msgspec.Struct):
    """The fields that the gateway reads; the others go to the engine untouched."""

    model: str | None = None
    stream: bool | None = None
    n: int | None = None


class _Chat(_Known):
    messages: list[_Message] | None = None


class _Completion(_Known):
    prompt: msgspec.Raw = msgspec.Raw()


K = TypeVar("K", bound=_Known)

#: Where msgspec found something of another type: "… - at `$.messages[0].role`".
_FIELD = re.compile(r"at `\$\.(\w+)")

#: Made once: `msgspec.json.decode` puts the whole type together anew at each call.
_CHAT = msgspec.json.Decoder(_Chat)
_COMPLETION = msgspec.json.Decoder(_Completion)


@dataclass(slots=True)
class ImageSlot:
    """Where a picture stands in `messages`, and its data URL.

    bare: `image_url` was a plain string, which OpenAI's own servers take and engines do not.
    """

    message: int
    part: int
    url: str
    number: int
    bare: bool


@dataclass(slots=True)
class Admitted:
    """A request that may run. images: still to be decoded, see `decode_images`."""

    stream: bool
    body: bytes
    images: list[ImageSlot] = field(default_factory=list)


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
    known = _decode(body, _CHAT)
    _check_common(known, card)
    messages = known.messages
    if messages is None:
        raise InvalidJsonError("`messages` is missing.", param="messages")
    if not messages:
        raise EmptyPromptError("`messages` is empty.", param="messages")
    # A name can be written with escapes: only a body without any backslash is taken at its word.
    images = _find_images(messages) if b"image_url" in body or b"\\" in body else []
    if len(images) > min(max_images, card.max_images):
        raise PayloadTooLargeError(
            f"{len(images)} pictures in one request; the limit is {min(max_images, card.max_images)}.",
            hint="Send fewer pictures at once, or ask about them in several requests.",
            param="messages",
        )
    last = messages[-1]
    if last.role != "assistant" and not _says_something(last):
        raise EmptyPromptError("The last message is empty.", param="messages")
    return Admitted(stream=known.stream is True, body=body, images=images)


def admit_completion(body: bytes, card: ModelCard) -> Admitted:
    """Check a plain completion request (`/v1/completions`). Raises RequestError and its kinds."""
    known = _decode(body, _COMPLETION)
    _check_common(known, card)
    prompt = bytes(known.prompt)
    if not prompt or prompt in (b'""', b"[]", b"null"):
        raise EmptyPromptError("`prompt` is empty or missing.", param="prompt")
    return Admitted(stream=known.stream is True, body=body)


def decode_images(admitted: Admitted, limits: ImageLimits) -> bytes:
    """Decode every picture of the request and return the body to send. Runs in a worker thread.

    Raises: InvalidImageError, ImageUrlRefusedError, PayloadTooLargeError; `param` names the message.
    """
    changed: dict[tuple[int, int], str] = {}
    for slot in admitted.images:
        label = f"Picture {slot.number}"
        try:
            prepared = prepare_image(_data_of(slot.url, label, limits), limits, label=label)
        except RequestError as error:
            error.param = f"messages[{slot.message}].content[{slot.part}]"
            raise
        if prepared.changed or slot.bare or not slot.url.startswith(f"data:{prepared.media_type};base64,"):
            changed[slot.message, slot.part] = data_url(prepared)
    return _with_urls(admitted.body, changed) if changed else admitted.body


def data_url(image: PreparedImage) -> str:
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode('ascii')}"


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


def _check_common(known: _Known, card: ModelCard) -> None:
    if known.model not in (None, "", card.id):
        raise ModelNotFoundError(
            f"The model {known.model!r} is not being served here.",
            hint=f"Served now: {card.id!r}. GET /v1/models lists it; leave `model` out to take it.",
            param="model",
        )
    if known.n is not None and not 1 <= known.n <= MAX_CHOICES:
        raise RequestError(
            f"`n` is {known.n}; between 1 and {MAX_CHOICES} answers can be asked for at once.",
            hint="Send several requests instead.",
            param="n",
        )


def _find_images(messages: list[_Message]) -> list[ImageSlot]:
    slots: list[ImageSlot] = []
    for m, message in enumerate(messages):
        if not isinstance(message.content, list):
            continue
        for p, part in enumerate(message.content):
            if part.type != "image_url":
                continue
            bare = isinstance(part.image_url, str)
            url = part.image_url.url if isinstance(part.image_url, _ImageUrl) else part.image_url
            if not url:
                raise InvalidImageError("A picture has no URL.", param=f"messages[{m}].content[{p}]")
            slots.append(ImageSlot(m, p, url, number=len(slots) + 1, bare=bare))
    return slots


def _says_something(message: _Message) -> bool:
    if isinstance(message.content, str):
        return bool(message.content.strip())
    if message.content is None:
        return message.role == "tool"
    return any(part.type != "text" or (part.text or "").strip() for part in message.content)


def _data_of(url: str, label: str, limits: ImageLimits) -> bytes:
    """The bytes behind a data URL (RFC 2397, base64 form only)."""
    if not url.startswith("data:"):
        raise ImageUrlRefusedError(
            f"{label} is given as a link; links are not fetched on a client's word.",
        )
    head, separator, payload = url.partition(",")
    if not separator or not head.endswith(";base64"):
        raise InvalidImageError(f"{label} is not a base64 data URL.", hint=ImageUrlRefusedError.default_hint)
    if len(payload) > limits.max_bytes * 4 // 3 + 4:
        raise PayloadTooLargeError(
            f"{label} is larger than the limit of {limits.max_bytes:,} bytes.",
            hint="Save it smaller, or as JPEG, and send it again.",
        )
    try:
        return binascii.a2b_base64(payload, strict_mode=True)
    except (binascii.Error, ValueError):
        pass
    try:
        # Line breaks and missing padding are common and harmless; anything else is not.
        compact = "".join(payload.split())
        return binascii.a2b_base64(compact + "=" * (-len(compact) % 4), strict_mode=True)
    except (binascii.Error, ValueError):
        raise InvalidImageError(f"{label} is not valid base64.") from None


def _with_urls(body: bytes, urls: dict[tuple[int, int], str]) -> bytes:
    """The body with the given pictures replaced; everything else keeps its meaning."""
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    # Any: a client's JSON, passed on.
    messages: list[dict[str, Any]] = msgspec.json.decode(bytes(fields["messages"]))
    for (m, p), url in urls.items():
        part = messages[m]["content"][p]
        if isinstance(part["image_url"], dict):
            part["image_url"]["url"] = url
        else:
            part["image_url"] = {"url": url}
    fields["messages"] = msgspec.Raw(msgspec.json.encode(messages))
    return msgspec.json.encode(fields)
