"""What may stand in an `image_url`: a data URL, an attachment, the hash of a kept picture, or a link."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

import pybase64

from huiyan.errors import ImageUrlRefusedError, InvalidImageError, PayloadTooLargeError, RequestError
from huiyan.gateway.pictures.limits import ImageLimits

_HASH = re.compile(r"sha256:([0-9a-fA-F]{64})")

_HASH_HINT = "Write sha256: and 64 hexadecimal digits, as PUT /api/images/{sha256} answered them."


@dataclass(slots=True)
class PictureSlot:
    """Where a picture stands in `messages`, and what stands there.

    message, part: indexes. number: from 1, over the whole request. detail: OpenAI's, or None.
    url: emptied once it is read, since a data URL may be megabytes.
    """

    message: int
    part: int
    url: str
    number: int
    detail: str | None = None

    @property
    def param(self) -> str:
        return f"messages[{self.message}].content[{self.part}]"

    @property
    def label(self) -> str:
        return f"Picture {self.number}"


@dataclass(frozen=True, slots=True)
class DataUrl:
    url: str


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str


@dataclass(frozen=True, slots=True)
class Kept:
    """sha256: 64 digits in lower case."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Link:
    url: str


Source = DataUrl | Attachment | Kept | Link


def parse(url: str, label: str) -> Source:
    """Which kind of source `url` is. Raises: ImageUrlRefusedError for any other scheme, InvalidImageError."""
    scheme = url[:16].lower()
    if scheme.startswith("data:"):
        return DataUrl(url)
    if scheme.startswith("attachment://"):
        return Attachment(url[len("attachment://") :])
    if scheme.startswith("sha256:"):
        found = _HASH.fullmatch(url)
        if found is None:
            raise InvalidImageError(f"{label} names no SHA-256.", hint=_HASH_HINT)
        return Kept(found[1].lower())
    if scheme.startswith(("http://", "https://")):
        return Link(url)
    raise ImageUrlRefusedError(
        f"{label} is given by a kind of URL that is not read here.",
        hint="Send data:image/jpeg;base64,…, or attachment://NAME in a form, or sha256:… after an upload.",
    )


def decode_data_url(url: str, label: str, limits: ImageLimits) -> bytes:
    """The bytes behind a data URL (RFC 2397, base64 form only).

    Raises: InvalidImageError, PayloadTooLargeError.
    """
    head, separator, payload = url.partition(",")
    if not separator or not head.lower().endswith(";base64"):
        raise InvalidImageError(f"{label} is not a base64 data URL.", hint=ImageUrlRefusedError.default_hint)
    if len(payload) > limits.max_bytes * 4 // 3 + 4:
        raise too_large(label, limits)
    try:
        return pybase64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        pass
    try:
        # Line breaks and missing padding are common and harmless; anything else is not.
        compact = "".join(payload.split())
        return pybase64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidImageError(f"{label} is not valid base64.") from None


def too_large(label: str, limits: ImageLimits) -> PayloadTooLargeError:
    return PayloadTooLargeError(
        f"{label} is larger than the limit of {limits.max_bytes:,} bytes.",
        hint="Save it smaller, or as JPEG, and send it again.",
    )


def no_attachment(label: str, name: str) -> RequestError:
    return InvalidImageError(
        f"{label} is attachment://{name[:100]}, and the form has no file part of that name.",
        hint="Send a multipart/form-data request whose file part has this name.",
    )
