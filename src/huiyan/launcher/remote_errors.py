"""Errors of another process of ours, raised again in this one by their stable code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from huiyan.errors import EngineRefusedError, HuiyanError, QueueFullError
from huiyan.messages import Both


def rebuild(error: Mapping[str, Any], otherwise: type[HuiyanError]) -> HuiyanError:
    """error: `code`, `message` and `hint` as JSON brought them, perhaps with `_zh`, their Chinese.

    otherwise: for a code that is not ours.
    """
    code = error.get("code")
    kind = next((known for known in _kinds(HuiyanError) if known.code == code), otherwise)
    message, hint = str(error.get("message", "")), str(error.get("hint") or "")
    if issubclass(kind, QueueFullError | EngineRefusedError):
        # Their further fields are for HTTP and did not come along.
        kind = otherwise
    rebuilt = kind(message, hint=hint)
    if error.get("message_zh"):
        said = Both(zh=str(error["message_zh"]), en=message)
        advice = Both(zh=str(error.get("hint_zh") or hint), en=hint)
        rebuilt.sentence = ("told", {"said": said, "advice": advice})
    return rebuilt


def _kinds(kind: type[HuiyanError]) -> Iterator[type[HuiyanError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)
