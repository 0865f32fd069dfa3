"""The text of a models.lock. The standard library reads TOML and does not write it.

Deterministic: keys in a fixed order, tables sorted, one value a line, so that a diff shows what changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from huiyan.errors import LockError
from huiyan.messages import refusal

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_TO_ESCAPE = re.compile(r'[\x00-\x1f\x7f"\\]')


class LockTable(NamedTuple):
    """One `[[model]]`: its values, its tables by name, and each file's values with its tensors."""

    scalars: Mapping[str, str]
    tables: Mapping[str, Mapping[str, str]]
    files: list[tuple[Mapping[str, str | int], Mapping[str, str]]]


def encode_tables(models: Iterable[LockTable], number: int) -> bytes:
    """number: of the format. Raises: LockError for text that is no Unicode."""
    lines = ["# Written by huiyan. docs/reference/models-lock.md describes it.", f"format = {number}"]
    for model in models:
        lines += ["", "[[model]]", *_pairs(model.scalars)]
        for name, table in model.tables.items():
            if table:
                lines += ["", f"[model.{name}]", *_pairs(dict(sorted(table.items())))]
        for values, tensors in model.files:
            lines += ["", "[[model.file]]", *_pairs(values)]
            if tensors:
                lines += ["", "[model.file.tensors]", *_pairs(dict(sorted(tensors.items())))]
    try:
        return ("\n".join(lines) + "\n").encode()
    except UnicodeEncodeError as error:
        raise refusal(LockError, "store.lock_unreadable", path="models.lock", reason=str(error)) from None


def _pairs(values: Mapping[str, str | int]) -> list[str]:
    return [
        f"{_key(key)} = {value if isinstance(value, int) else _string(value)}"
        for key, value in values.items()
    ]


def _key(key: str) -> str:
    return key if _BARE_KEY.match(key) else _string(key)


def _string(text: str) -> str:
    return f'"{_TO_ESCAPE.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return _ESCAPED.get(character) or f"\\u{ord(character):04x}"
