"""Spans of time as people type them."""

from __future__ import annotations

import re
from typing import Final

from huiyan.errors import SettingsError
from huiyan.messages import refusal

_UNITS_S: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_SPAN = re.compile(r"([1-9][0-9]{0,5})([mhdwy])")


def seconds_of(text: str) -> int:
    """30m, 12h, 30d, 8w, 1y. Raises: SettingsError."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise refusal(SettingsError, "keys.expires", value=repr(text))
    return int(found[1]) * _UNITS_S[found[2]]
