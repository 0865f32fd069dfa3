"""From the parts of a form to a chat request: OpenAI's JSON, and the files that it refers to.

Two forms are read. The whole one has a part `request` with the JSON of a chat request, whose pictures are
`attachment://NAME`, and file parts of those names. The short one is for curl:

    curl -F prompt='What is this?' -F image=@a.jpg -F image=@b.jpg -F max_tokens=200 …
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from huiyan.errors import EmptyPromptError, InvalidFormError
from huiyan.gateway.multipart import FormLimits, MultipartReader, Part

#: Names under which the short form takes pictures; all of them may be repeated.
_IMAGE_NAMES = frozenset({"image", "images", "image[]", "images[]", "file"})

#: Never read as a number or as JSON, whatever they look like.
_TEXTS = frozenset({"model", "user", "stop", "reasoning_effort", "safety_identifier", "prompt_cache_key"})

_OWN = frozenset({"prompt", "system", "detail"}) | _IMAGE_NAMES


@dataclass(frozen=True, slots=True)
class Form:
    """request: the JSON of a chat request. files: by the name that follows attachment://, in their order."""

    request: bytes
    files: dict[str, Part]

    @property
    def fingerprint(self) -> bytes:
        """The same for the same question and files, whatever the boundary (for Idempotency-Key)."""
        digest = hashlib.blake2b(self.request, digest_size=16)
        for name, part in self.files.items():
            digest.update(f"\n{name} {len(part.data)}\n".encode())
            digest.update(part.data)
        return digest.digest()


class FormReader:
    """A chat request that arrives as a form: `feed` its bytes, `finish` gives the request.

    Raises: InvalidFormError, EmptyPromptError, PayloadTooLargeError.
    """

    __slots__ = ("_reader",)

    def __init__(self, content_type: bytes, limits: FormLimits) -> None:
        self._reader = MultipartReader(content_type, limits)

    def feed(self, data: bytes) -> None:
        self._reader.feed(data)

    def finish(self) -> Form:
        return form_of(self._reader.finish())

    def drop(self) -> None:
        """The request is refused or its client gone: let go of everything."""
        self._reader.drop()


def form_of(parts: list[Part]) -> Form:
    """Either form, told apart by the part `request`. Raises: InvalidFormError, EmptyPromptError."""
    if any(part.name == "request" for part in parts):
        return _whole(parts)
    return _short(parts)


def _whole(parts: list[Part]) -> Form:
    request: bytes | None = None
    files: dict[str, Part] = {}
    for part in parts:
        if part.name == "request":
            if request is not None:
                raise InvalidFormError("The form has the part `request` twice.")
            request = part.data
        elif not part.is_file:
            raise InvalidFormError(
                f"The form has both `request` and {part.name!r}.",
                hint=f"Put {part.name!r} into the JSON of `request`.",
            )
        elif part.name in files:
            raise InvalidFormError(
                f"The form has two files named {part.name!r}.", hint="Give each file part a name of its own."
            )
        else:
            files[part.name] = part
    return Form(request or b"", files)


def _short(parts: list[Part]) -> Form:
    fields: dict[str, object] = {}
    texts: dict[str, str] = {}
    files: dict[str, Part] = {}
    urls: list[str] = []
    for part in parts:
        if part.is_file:
            if part.name not in _IMAGE_NAMES:
                raise InvalidFormError(
                    f"The file part {part.name!r} has no place in this form.", hint="Name it `image`."
                )
            name = f"image-{len(urls) + 1}"
            files[name] = part
            urls.append(f"attachment://{name}")
        elif part.name in _IMAGE_NAMES:
            urls.append(_utf8(part).strip())
        elif part.name in fields or part.name in texts:
            raise InvalidFormError(f"The form has {part.name!r} twice.")
        elif part.name in _OWN:
            texts[part.name] = _utf8(part)
        elif part.name == "messages":
            raise InvalidFormError("`messages` is no part of the short form.")
        else:
            fields[part.name] = _value(part)
    if not urls and not texts.get("prompt", "").strip():
        raise EmptyPromptError("The form has neither `prompt` nor `image`.", param="prompt")
    fields["messages"] = _messages(texts, urls)
    return Form(msgspec.json.encode(fields), files)


def _messages(texts: dict[str, str], urls: list[str]) -> list[dict[str, object]]:
    detail = texts.get("detail", "").strip()
    if detail not in ("", "low", "high", "auto"):
        raise InvalidFormError(f"`detail` is {detail[:40]!r}.", hint="It is low, high or auto.")
    content: list[dict[str, object]] = [
        {"type": "image_url", "image_url": {"url": url} | ({"detail": detail} if detail else {})}
        for url in urls
    ]
    if texts.get("prompt"):
        content.append({"type": "text", "text": texts["prompt"]})
    messages: list[dict[str, object]] = [{"role": "user", "content": content}]
    if texts.get("system"):
        messages.insert(0, {"role": "system", "content": texts["system"]})
    return messages


def _value(part: Part) -> object:
    """`true`, `0.7` and `{"type": "json_object"}` mean what they mean in JSON; the rest is text."""
    text = _utf8(part)
    if part.name in _TEXTS:
        return text
    try:
        value: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return text if isinstance(value, str) else value


def _utf8(part: Part) -> str:
    try:
        return part.data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidFormError(
            f"The form's part {part.name!r} is not UTF-8.",
            hint="A file needs a file name: -F image=@picture.jpg",
        ) from None
