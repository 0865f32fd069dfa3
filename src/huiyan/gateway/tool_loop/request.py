"""The field `huiyan` of a chat request: what its sender allows the model to do.

    "huiyan": {"tools": {"allow": ["pdf-parser/*", "table-ocr/read_table"], "max_steps": 8}}

docs/reference/request-fields.md has it for people.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

MAX_STEPS: Final = 32
MAX_FILES: Final = 16

_Entry = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class AttachedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that is no picture of a message. url: sha256:…, a data URL, or attachment://NAME of a form."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    url: str


class ToolUse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """allow: `PLUGIN/TOOL`, `PLUGIN/*` or `*`. max_steps: rounds of calls before it has to answer.

    timeout_s: for all of it. confirm_timeout_s: how long a question waits; unanswered, it means no.
    """

    allow: Annotated[list[_Entry], msgspec.Meta(max_length=128)]
    max_steps: Annotated[int, msgspec.Meta(ge=1, le=MAX_STEPS)] = 8
    timeout_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 600.0
    confirm_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 120.0
    files: Annotated[list[AttachedFile], msgspec.Meta(max_length=MAX_FILES)] = []

    def allows(self, plugin: str, tool: str) -> bool:
        return any(entry in ("*", f"{plugin}/*", f"{plugin}/{tool}") for entry in self.allow)


class Extension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The field itself."""

    tools: ToolUse | None = None
