"""Which records of the log somebody wants to see: by source, level, request and time."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from huiyan.log import timestamp

#: From harmless to grave; a choice of one includes the graver ones.
LEVELS: Final = ("debug", "info", "warning", "error", "critical")
SOURCES: Final = ("launcher", "gateway", "engine", "tools", "browser")

_RANK: Final = {name: rank for rank, name in enumerate(LEVELS)}
#: vLLM appends the number of the prompt, or random characters, to the id that it was given.
_ENGINES_OWN: Final = re.compile(r"(?:-\d{1,3})?(?:-[0-9a-f]{8})?(?:-\d{1,3})?")
_AGE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """None: whatever it is. since: a timestamp as `huiyan.log.timestamp` writes it."""

    source: str | None = None
    level: str | None = None
    request_id: str | None = None
    since: str | None = None

    def takes(self, record: Mapping[str, Any]) -> bool:  # Any: a line of the log
        if self.source is not None and source_of(record) != self.source:
            return False
        if self.level is not None and _RANK.get(str(record.get("level")), 1) < _RANK[self.level]:
            return False
        # Timestamps of one form in one time zone sort as text.
        if self.since is not None and str(record.get("ts", "")) < self.since:
            return False
        return self.request_id is None or _is_about(record, self.request_id)


def source_of(record: Mapping[str, Any]) -> str:
    """The gateway writes down what pages report; it is theirs."""
    return "browser" if record.get("origin") == "browser" else str(record.get("source", ""))


def _is_about(record: Mapping[str, Any], request_id: str) -> bool:
    found = record.get("request_id")
    if found == request_id:
        return True
    return (
        record.get("source") == "engine"
        and isinstance(found, str)
        and found.startswith(request_id)
        and _ENGINES_OWN.fullmatch(found, len(request_id)) is not None
    )


def since_of(text: str, *, now_unix_s: float | None = None) -> str:
    """A moment as a timestamp: `15m`, `2h`, `1d` ago, or ISO 8601 (in local time unless it says otherwise).

    Raises: ValueError.
    """
    text = text.strip()
    if found := _AGE.fullmatch(text):
        now = time.time() if now_unix_s is None else now_unix_s
        return timestamp(max(0.0, now - float(found[1]) * _SECONDS[found[2]]))
    moment = datetime.fromisoformat(text)
    return timestamp(max(0.0, moment.astimezone(UTC).timestamp()))
