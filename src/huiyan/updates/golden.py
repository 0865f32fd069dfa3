"""Test conversations of a prompt adapter: what its template makes of them, before anybody is served with it.

An adapter may carry `golden/*.json`: {"messages": […], "rendered": "…"}, with "tools", "documents" and
"add_generation_prompt" as a chat request has them. Beside those, huiyan has conversations of its own, whose
rendering must hold every picture's marker exactly once (docs/reference/components.md).
"""

from __future__ import annotations

import difflib
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from huiyan.errors import UpdateError
from huiyan.messages import refusal
from huiyan.updates import golden_render

_TIMEOUT_S: Final = 20.0
_MAX_FILES: Final = 200
_MAX_FILE_BYTES: Final = 1024 * 1024
_MARKER: Final = "<|image_pad|>"


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation. rendered: what must come out; None: only the rules are held against it."""

    name: str = ""
    messages: list[dict[str, Any]]  # Any: JSON of a chat request
    tools: list[dict[str, Any]] | None = None
    add_generation_prompt: bool = True
    rendered: str | None = None

    @property
    def pictures(self) -> int:
        parts = [
            part
            for message in self.messages
            if isinstance(message.get("content"), list)
            for part in message["content"]
        ]
        return sum(isinstance(part, dict) and part.get("type") in ("image", "image_url") for part in parts)

    def variables(self) -> dict[str, Any]:
        return {
            "messages": self.messages,
            "tools": self.tools,
            "add_generation_prompt": self.add_generation_prompt,
            "add_vision_id": False,
        }


def _picture() -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}


#: Conversations that every template has to take.
OURS: Final = (
    Golden(name="one question", messages=[{"role": "user", "content": "你好"}]),
    Golden(
        name="system and two pictures",
        messages=[
            {"role": "system", "content": "Answer briefly."},
            {"role": "user", "content": [_picture(), _picture(), {"type": "text", "text": "比较图1和图2。"}]},
        ],
    ),
    Golden(
        name="three turns, a picture in the first and the last",
        messages=[
            {"role": "user", "content": [_picture(), {"type": "text", "text": "What is this?"}]},
            {"role": "assistant", "content": "A cup."},
            {"role": "user", "content": [{"type": "text", "text": "And this?"}, _picture()]},
        ],
    ),
)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What another template makes of one conversation. diff: unified, "" where nothing changes."""

    name: str
    diff: str


def read(directory: Path) -> list[Golden]:
    """The adapter's own conversations. Raises: UpdateError."""
    found = []
    for path in sorted((directory / "golden").glob("*.json"))[:_MAX_FILES]:
        try:
            if path.stat().st_size > _MAX_FILE_BYTES:
                raise refusal(
                    UpdateError, "adapter.golden_large", name=path.name, limit_bytes=_MAX_FILE_BYTES
                )
            data = path.read_bytes()
        except OSError as error:
            raise refusal(
                UpdateError, "adapter.golden_unreadable", path=f"golden/{path.name}", reason=error
            ) from error
        found.append(parse_one(f"golden/{path.name}", data))
    return found


def parse_one(path: str, data: bytes) -> Golden:
    """One conversation. path: of its file, for names and errors. Raises: UpdateError."""
    try:
        golden = msgspec.json.decode(data, type=Golden)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refusal(UpdateError, "adapter.golden_unreadable", path=path, reason=error) from error
    return msgspec.structs.replace(golden, name=golden.name or Path(path).stem)


def render(template: str, conversations: Sequence[Golden]) -> list[str]:
    """What `template` makes of each. Blocks for up to 20 s. Raises: UpdateError when it makes nothing."""
    job = golden_render.Job(template=template, conversations=[each.variables() for each in conversations])
    try:
        done = subprocess.run(
            [sys.executable, "-m", golden_render.__name__],
            input=msgspec.json.encode(job),
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise refusal(UpdateError, "adapter.slow") from None
    try:
        rendered = msgspec.json.decode(done.stdout, type=golden_render.Rendered)
    except msgspec.DecodeError:
        raise refusal(UpdateError, "adapter.greedy") from None
    if rendered.errors:
        raise refusal(UpdateError, "adapter.fails", reason=rendered.errors[0])
    return [text for text in rendered.texts if text is not None]


def check(template: str, own: Sequence[Golden]) -> None:
    """Hold a template against its own conversations and ours. Raises: UpdateError, which names the first."""
    conversations = [*OURS, *own]
    for golden, text in zip(conversations, render(template, conversations), strict=True):
        if golden.rendered is not None and text != golden.rendered:
            diff = _diff(golden.rendered, text, "expected", "rendered")
            raise refusal(UpdateError, "adapter.changes", name=golden.name, diff=diff)
        if text.count(_MARKER) != golden.pictures:
            raise refusal(
                UpdateError,
                "adapter.markers",
                markers=text.count(_MARKER),
                pictures=golden.pictures,
                name=golden.name,
            )
        for message in golden.messages:
            if isinstance(message["content"], str) and message["content"] not in text:
                raise refusal(UpdateError, "adapter.leaves_out", name=golden.name)


def compare(old: str, new: str, own: Sequence[Golden]) -> list[Change]:
    """What a change of templates changes, for a person to read. Raises: UpdateError."""
    conversations = [*OURS, *own]
    before, after = render(old, conversations), render(new, conversations)
    return [
        Change(name=golden.name, diff=_diff(one, two, "now", "then"))
        for golden, one, two in zip(conversations, before, after, strict=True)
    ]


def diff_of(before: str, after: str) -> str:
    """Unified, for a person to read; "" where nothing changes."""
    return _diff(before, after, "now", "then")


def _diff(before: str, after: str, old_name: str, new_name: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), old_name, new_name, lineterm="", n=2
    )
    return "\n".join(lines)
