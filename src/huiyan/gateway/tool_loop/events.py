"""What a loop tells its client: one field `huiyan` in a chunk that is otherwise empty.

A client that knows OpenAI's contract alone reads `choices[0].delta == {}` and goes on. In an answer that
is not streamed the same events, progress left out, stand in `huiyan.events`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from huiyan.tools.catalogue import ToolContent
from huiyan.tools.manifest import Title

#: Why a call is asked about: it may change something, does not say that it only reads, or has the network.
Reason = Literal["destructive", "not_read_only", "network"]


class OfferedTool(msgspec.Struct, frozen=True, kw_only=True):
    """name: as the model knows it."""

    name: str
    plugin: str
    tool: str
    title: Title


class ToolsOffered(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="tools"):
    """The first of an answer. missing: entries of `allow` for which there is nothing now."""

    offered: list[OfferedTool]
    missing: list[str] = []


class CallBegun(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="call"):
    """step: from 1. arguments: as the model wrote them, cut where they are long. plugin: "" if unknown."""

    id: str
    step: int
    plugin: str
    tool: str
    title: Title
    arguments: str


class CallConfirm(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="confirm"):
    """Whoever sent the request answers with POST /api/tool-calls/{id}, within timeout_s."""

    id: str
    reasons: list[Reason]
    timeout_s: float


class CallDecided(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="decided"):
    """by: nobody, where nobody can be asked (an answer that is not streamed)."""

    id: str
    allowed: bool
    by: Literal["user", "timeout", "nobody"]


class CallProgress(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="progress"):
    id: str
    progress: float
    total: float | None = None
    message: str = ""


class CallResult(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="result"):
    """content: a file without `data` was too large to be sent along. cut: the model got less than all."""

    id: str
    is_error: bool
    content: list[ToolContent]
    cut: bool
    duration_s: float


class CallError(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    message: str
    hint: str


class CallFailed(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="failed"):
    """Nothing came of this call; the model is told so and goes on."""

    id: str
    error: CallError


class LoopLimit(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="limit"):
    """steps: it has to answer now. time: the answer ends here. context: older results were shortened."""

    reason: Literal["steps", "time", "context"]


ToolEvent = (
    ToolsOffered | CallBegun | CallConfirm | CallDecided | CallProgress | CallResult | CallFailed | LoopLimit
)


class ToolCallAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /api/tool-calls/{id}`."""

    allow: bool
