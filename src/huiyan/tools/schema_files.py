"""Which arguments of a tool are files, and how they get there.

MCP has no word for it. These are taken as files: a string (or a list of strings) with `format: file-path`
(what pydantic's `FilePath` becomes) or `path`, one with `contentEncoding: base64`, and what the manifest
names under `[tools.NAME.files]`. A client never gives a path: it gives a picture or a file, which is put
into a directory that the tool can read, or is handed over as base64.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from huiyan.errors import ToolArgumentsError
from huiyan.messages import refusal
from huiyan.tools.catalogue import FileArgument

_PATHS: Final = frozenset({"file-path", "path"})
_BASE64: Final = frozenset({"base64", "byte", "binary"})
_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,10}")
_SUFFIX_OF: Final = {
    "application/pdf": ".pdf",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "text/csv": ".csv",
    "text/plain": ".txt",
}


class GivenFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a call. name: as its owner calls it; never used as a path."""

    name: str
    media_type: str
    data: bytes


def file_arguments(schema: Mapping[str, Any], named: Mapping[str, str]) -> dict[str, FileArgument]:
    """By argument. schema: the tool's input schema; named: media types from the manifest."""
    properties = schema.get("properties")
    found: dict[str, FileArgument] = {}
    for name, described in properties.items() if isinstance(properties, dict) else ():
        if not isinstance(described, dict):
            continue
        many = described.get("type") == "array"
        one = described.get("items") if many else described
        media_type = named.get(name)
        given_as = _given_as(one if isinstance(one, dict) else {})
        if given_as is None and media_type is None:
            continue
        said = one.get("contentMediaType") if isinstance(one, dict) else None
        if media_type is None:
            media_type = said if isinstance(said, str) and len(said) < 100 else "*/*"
        found[name] = FileArgument(media_type=media_type, given_as=given_as or "path", many=many)
    return found


def _given_as(schema: Mapping[str, Any]) -> Any:
    """`path`, `base64` or None; an optional argument is a choice between a string and null."""
    for each in [schema, *_choices(schema)]:
        if each.get("type", "string") != "string":
            continue
        if each.get("format") in _PATHS:
            return "path"
        if each.get("contentEncoding") == "base64" or each.get("format") in _BASE64:
            return "base64"
    return None


def _choices(schema: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for word in ("anyOf", "oneOf"):
        choices = schema.get(word)
        yield from (each for each in choices if isinstance(each, dict)) if isinstance(choices, list) else ()


def hand_over(
    arguments: dict[str, Any],
    files: Mapping[str, list[GivenFile]],
    expected: Mapping[str, FileArgument],
    directory: Path,
) -> dict[str, Any]:
    """The arguments with their files in place; paths lie in `directory`, which is this call's own.

    Raises: ToolArgumentsError, OSError.
    """
    complete = dict(arguments)
    for name, given in files.items():
        argument = expected.get(name)
        if argument is None:
            raise refusal(ToolArgumentsError, "tool.argument_no_file", name=name, param=name)
        values = [_value(file, argument, directory) for file in given]
        if argument.many:
            complete[name] = values
        elif len(values) == 1:
            complete[name] = values[0]
        else:
            raise refusal(ToolArgumentsError, "tool.argument_one_file", name=name, param=name)
    for name in expected:
        if name in arguments and arguments[name] is not None and name not in files:
            raise refusal(ToolArgumentsError, "tool.argument_text", name=name, param=name)
    return complete


def _value(file: GivenFile, argument: FileArgument, directory: Path) -> str:
    if argument.given_as == "base64":
        return base64.b64encode(file.data).decode("ascii")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    suffix = _SUFFIX_OF.get(file.media_type, "")
    if not suffix:
        own = Path(file.name).suffix
        suffix = own if _SUFFIX.fullmatch(own) else ""
    # A name of ours: its owner's may hold anything.
    path = directory / f"file-{secrets.token_hex(4)}{suffix}"
    path.write_bytes(file.data)
    return str(path)
