"""Arguments against a tool's JSON Schema, before the tool sees them.

The schema is the tool's word and may be hostile: references are never fetched, and `pattern`, whose
matching can take for ever, is left to the tool itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from huiyan.errors import ToolArgumentsError, ToolFailedError
from huiyan.messages import refusal

_LEFT_TO_THE_TOOL: Final = frozenset({"pattern", "patternProperties"})
_MAX_SCHEMA_BYTES: Final = 128 * 1024
_MAX_DEPTH: Final = 24


def check_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as it may be shown and used. Raises: ToolFailedError (too large or too deep)."""
    try:
        size_bytes = len(msgspec.json.encode(schema))
        if size_bytes > _MAX_SCHEMA_BYTES or _depth(schema) > _MAX_DEPTH:
            raise refusal(ToolFailedError, "tool.schema_large")
    except RecursionError:
        raise refusal(ToolFailedError, "tool.schema_deep") from None
    return dict(schema)


def check(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Raises: ToolArgumentsError with the first thing that does not fit, and where."""
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.exceptions import best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    own: Any = _without(schema)
    try:
        Draft202012Validator.check_schema(own)
        # An explicit registry with nothing in it: a reference to somewhere else is an error, not a download.
        validator = Draft202012Validator(own, registry=Registry())
        error = best_match(validator.iter_errors(arguments))
    except (SchemaError, Unresolvable, RecursionError) as bad:
        raise refusal(ToolFailedError, "tool.schema_broken", reason=type(bad).__name__) from None
    if error is None:
        return
    place = ".".join(str(part) for part in error.absolute_path)
    reason = error.message[:300]
    if place:
        raise refusal(ToolArgumentsError, "tool.arguments_at", place=place, reason=reason, param=place)
    raise refusal(ToolArgumentsError, "tool.arguments", reason=reason)


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(each) for key, each in value.items() if key not in _LEFT_TO_THE_TOOL}
    if isinstance(value, list):
        return [_without(each) for each in value]
    return value


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max((_depth(each) for each in inner), default=0)
