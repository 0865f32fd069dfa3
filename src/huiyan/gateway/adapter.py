"""The prompt adapter: how pictures are labelled, which tokens only a template may write, which template.

Vision markers and chat-control tokens are the engine's template's to write. One that a client put into its
text would be tokenised as the real thing: a picture that is not there, or a turn that nobody took. They are
cut out of whatever the template renders; a raw prompt (`/v1/completions`) is its author's, and there only
llama.cpp's own picture marker is cut, which would otherwise demand a picture of the engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from huiyan.errors import InvalidJsonError, SettingsError
from huiyan.messages import refusal

#: Qwen's chat-control and vision tokens (facts of its tokenizer_config.json); all end in `>`.
QWEN_MARKERS: Final = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)

#: llama.cpp's place holder of a picture; newer servers put random characters into it.
_MEDIA: Final = r"<__media(?:_[0-9A-Za-z]{1,64})?__>"

#: What a marker could begin with in JSON: itself (also cut after its `<`, see `clean_parts`), or with an
#: escaped `<`, `|` or `_`.
_PLAIN_BEGINNINGS: Final = (b"<|", b"<_", b'<"')
_ESCAPED_BEGINNINGS: Final = (b"\\u003", b"\\u007", b"\\u005")

#: Fields of a chat request that a template renders.
RENDERED: Final = ("messages", "tools", "functions", "documents", "chat_template_kwargs")

_MAX_TEMPLATE_BYTES: Final = 1024 * 1024
_MAX_JSON_BYTES: Final = 64 * 1024

#: Label styles that need no text of their own.
_LABELS: Final = {"none": "", "zh": "图{n}：", "en": "Picture {n}: "}


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """adapter.json. labels: none, zh, en, or a text with {n}. markers: beside Qwen's."""

    id: str
    version: str
    labels: str = "none"
    markers: list[str] = []


@dataclass(frozen=True, slots=True)
class PromptAdapter:
    """label: text before each picture, with {n}, or "". chat_template: Jinja, None: the engine's own."""

    id: str
    version: str
    label: str = ""
    chat_template: str | None = None
    markers: tuple[str, ...] = QWEN_MARKERS

    @property
    def name(self) -> str:
        """What a request asks for it by: `builtin`, or id@version."""
        return self.id if self.id == "builtin" else f"{self.id}@{self.version}"

    def labelled(self, number: int) -> str:
        """What stands before the picture of this number (from 1), or ""."""
        return self.label.replace("{n}", str(number))

    def may_have_markers(self, raw: bytes | memoryview) -> bool:
        """Whether JSON text could hold a marker: a few memory scans, wrong only on the safe side."""
        data = raw if isinstance(raw, bytes) else bytes(raw)
        # One character first: that is a memchr, and base64 has neither.
        if b"<" in data and any(mark in data for mark in _PLAIN_BEGINNINGS):
            return True
        return b"\\" in data and any(mark in data for mark in _ESCAPED_BEGINNINGS)

    def clean(self, text: str) -> str:
        """`text` without markers, also without those that the removal of others would put together."""
        return _without(text, _ending(self.markers)) if "<" in text else text

    def clean_raw_prompt(self, text: str) -> str:
        """A raw prompt: only the engine's own picture marker goes."""
        return _without(text, _ending(())) if "<__media" in text else text

    def clean_json(self, raw: bytes | memoryview) -> bytes:
        """JSON text with every string in it cleaned, keys too; the same bytes where there is no marker."""
        data = bytes(raw)
        if not self.may_have_markers(data):
            return data
        value = msgspec.json.decode(data)
        cleaned = _map_strings(value, self.clean)
        return data if cleaned == value else msgspec.json.encode(cleaned)

    def clean_parts(self, raws: list[msgspec.Raw]) -> bytes:
        """Neighbouring content parts, as the JSON that stands between brackets.

        Templates write texts that follow each other without anything between them, so that a marker can be
        spread over two parts: where there could be one, neighbouring texts become one before the cut.
        """
        joined = b",".join(map(bytes, raws))
        if not self.may_have_markers(joined):
            return joined
        merged: list[Any] = []  # Any: a client's JSON
        for raw in raws:
            part = msgspec.json.decode(raw)
            if merged and _is_text(part) and _is_text(merged[-1]):
                merged[-1]["text"] += part["text"]
            else:
                merged.append(part)
        return b",".join(msgspec.json.encode(_map_strings(part, self.clean)) for part in merged)


def clean_completion(adapter: PromptAdapter, body: bytes) -> bytes:
    """The body of `/v1/completions` with its prompt cleaned; the same bytes where nothing had to go.

    Raises: InvalidJsonError.
    """
    if b"<_" not in body and b"\\u" not in body:
        return body
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        prompt = msgspec.json.decode(fields.get("prompt", b"null"))
        cleaned = _map_strings(prompt, adapter.clean_raw_prompt)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidJsonError(f"The request body is not valid JSON: {error}.") from None
    if cleaned == prompt:
        return body
    fields["prompt"] = msgspec.Raw(msgspec.json.encode(cleaned))
    return msgspec.json.encode(fields)


BUILT_IN: Final = PromptAdapter(id="builtin", version="1")


def load(directory: Path) -> PromptAdapter:
    """An adapter from `adapter.json` and, where there is one, `chat_template.jinja`.

    Raises: SettingsError.
    """
    try:
        data = _read(directory / "adapter.json", _MAX_JSON_BYTES)
        parsed = msgspec.json.decode(data, type=_File)
        template = directory / "chat_template.jinja"
        chat_template = _read(template, _MAX_TEMPLATE_BYTES).decode("utf-8") if template.exists() else None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refusal(SettingsError, "adapter.unreadable", directory=directory, reason=error) from error
    label = _LABELS.get(parsed.labels, parsed.labels)
    if label and "{n}" not in label:
        raise refusal(SettingsError, "adapter.labels", labels=parsed.labels)
    if not all(marker.endswith(">") and 2 < len(marker) <= 64 for marker in parsed.markers):
        raise refusal(SettingsError, "adapter.marker")
    return PromptAdapter(
        id=parsed.id,
        version=parsed.version,
        label=label,
        chat_template=chat_template,
        markers=(*QWEN_MARKERS, *parsed.markers),
    )


def _read(path: Path, max_bytes: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise OSError(f"{path.name} is larger than {max_bytes:,} bytes")
    return data


def _ending(markers: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("(?:" + "|".join([*map(re.escape, markers), _MEDIA]) + r")\Z")


#: Longest marker: `<__media_` and 64 characters and `__>`.
_TAIL: Final = 80


def _without(text: str, ending: re.Pattern[str]) -> str:
    """One pass: every marker ends in `>`, so that only what ends there can have become one.

    Removing until nothing is left to remove would be quadratic in how deep markers are put into markers.
    """
    out: list[str] = []
    tail = ""  # the last characters of what is kept, not yet in `out`
    *closed, rest = text.split(">")
    for piece in closed:
        tail += piece + ">"
        found = ending.search(tail, max(0, len(tail) - _TAIL))
        if found is not None:
            tail = tail[: found.start()]
            # What the cut laid bare may be the beginning of another marker.
            while len(tail) < _TAIL and out:
                tail = out.pop() + tail
        if len(tail) > 8 * _TAIL:
            out.append(tail[:-_TAIL])
            tail = tail[-_TAIL:]
    return "".join([*out, tail, rest])


def _is_text(part: Any) -> bool:  # Any: JSON
    return isinstance(part, dict) and isinstance(part.get("text"), str)


def _map_strings(value: Any, change: Any) -> Any:  # Any: JSON
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_map_strings(item, change) for item in value]
    if isinstance(value, dict):
        return {change(key): _map_strings(item, change) for key, item in value.items()}
    return value
