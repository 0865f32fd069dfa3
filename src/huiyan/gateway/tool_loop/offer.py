"""Which tools a model is offered, and under which names.

Fixed when the request arrives: nothing that a tool answers can add to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec

from huiyan.gateway.tool_loop.events import OfferedTool, Reason, ToolsOffered
from huiyan.gateway.tool_loop.request import ToolUse
from huiyan.tools.catalogue import FileArgument, PluginInfo, ToolInfo, ToolList

#: Of a function, in OpenAI's contract.
_MAX_NAME: Final = 64
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]")
_MAX_DESCRIPTION: Final = 1000
#: All of them together; they are a part of the prompt.
_MAX_OFFER_BYTES: Final = 64 * 1024
_MAX_TOOLS: Final = 64

#: Of a schema: what engines cannot make a grammar of, or would take a file's text for.
_LEFT_OUT: Final = frozenset(
    {
        "pattern",
        "patternProperties",
        "propertyNames",
        "format",
        "contentEncoding",
        "contentMediaType",
        "$schema",
        "$id",
        "$comment",
        "examples",
    }
)


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """One tool of the offer, as it was then."""

    name: str
    plugin: PluginInfo
    info: ToolInfo


class Offer:
    """Made from the list of tools as it is now. files: what the model may name, as a sentence."""

    def __init__(self, tools: ToolList, use: ToolUse, *, files: str, max_bytes: int) -> None:
        """max_bytes: of the definitions, beside a fixed bound."""
        self._by_name: dict[str, Offered] = {}
        self._definitions: list[bytes] = []
        left_bytes = min(max_bytes, _MAX_OFFER_BYTES)
        too_large: list[str] = []
        plugins = tools.plugins if tools.available else []
        for plugin in plugins:
            for info in plugin.tools:
                if not use.allows(plugin.name, info.name):
                    continue
                name = mangled(plugin.name, info.name)
                definition = msgspec.json.encode(_definition(name, info, files))
                if name in self._by_name or len(self._by_name) >= _MAX_TOOLS or len(definition) > left_bytes:
                    too_large.append(f"{plugin.name}/{info.name}")
                    continue
                left_bytes -= len(definition)
                self._by_name[name] = Offered(name=name, plugin=plugin, info=info)
                self._definitions.append(definition)
        self._missing = too_large + [entry for entry in use.allow if not self._has(entry, too_large)]

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def get(self, name: str) -> Offered | None:
        """By the name that the model uses."""
        return self._by_name.get(name)

    def names(self) -> list[str]:
        return list(self._by_name)

    def definitions(self) -> bytes:
        """The JSON of `tools`."""
        return b"[" + b",".join(self._definitions) + b"]"

    def event(self) -> ToolsOffered:
        return ToolsOffered(
            offered=[
                OfferedTool(
                    name=each.name, plugin=each.plugin.name, tool=each.info.name, title=each.info.title
                )
                for each in self._by_name.values()
            ],
            missing=self._missing[:_MAX_TOOLS],
        )

    def _has(self, entry: str, too_large: list[str]) -> bool:
        """Whether an entry of `allow` has brought something, or was named as too large already."""
        names = [f"{each.plugin.name}/{each.info.name}" for each in self._by_name.values()] + too_large
        return any(entry in ("*", name, f"{name.partition('/')[0]}/*") for name in names)


def mangled(plugin: str, tool: str) -> str:
    """A function's name: letters, digits, `_` and `-`, at most 64. The same for the same tool."""
    name = f"{plugin}__{_NOT_IN_NAMES.sub('_', tool)}"
    if len(name) <= _MAX_NAME and "." not in tool:
        return name
    # Cut or changed: two tools must not become one.
    digest = blake2b(f"{plugin}/{tool}".encode(), digest_size=4).hexdigest()
    return f"{name[: _MAX_NAME - len(digest) - 1]}_{digest}"


def reasons(*known: tuple[PluginInfo, ToolInfo]) -> list[Reason]:
    """Why a call has to be confirmed, if it has to. known: the tool as it was offered, and as it is now."""
    found: list[Reason] = []
    if any(info.destructive for _, info in known):
        found.append("destructive")
    elif any(not info.safe for _, info in known):
        found.append("not_read_only")
    if any(plugin.network for plugin, _ in known):
        found.append("network")
    return found


def _definition(name: str, info: ToolInfo, files: str) -> dict[str, Any]:
    description = info.description.strip() or info.title.en
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description[:_MAX_DESCRIPTION],
            "parameters": _parameters(info, files),
        },
    }


def _parameters(info: ToolInfo, files: str) -> dict[str, Any]:
    schema = _usable(info.input_schema)
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        schema = {}
    properties = schema.get("properties")
    shown = dict(properties) if isinstance(properties, dict) else {}
    for argument, kind in info.files.items():
        shown[argument] = _file(shown.get(argument), kind, files)
    return {**schema, "type": "object", "properties": shown}


def _file(described: Any, kind: FileArgument, files: str) -> dict[str, Any]:
    """A file is given by its name, whatever the tool itself takes."""
    own = described.get("description") if isinstance(described, dict) else None
    wanted = "" if kind.media_type == "*/*" else f" ({kind.media_type})"
    text = f"{own[:300] + ' ' if isinstance(own, str) and own else ''}Name of a file{wanted}. {files}"
    if kind.many:
        return {"type": "array", "items": {"type": "string"}, "description": text}
    return {"type": "string", "description": text}


def _usable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _property_names(each) if key in ("properties", "$defs", "definitions") else _usable(each)
            for key, each in value.items()
            if key not in _LEFT_OUT and not (key == "$ref" and not str(each).startswith("#"))
        }
    if isinstance(value, list):
        return [_usable(each) for each in value]
    return value


def _property_names(value: Any) -> Any:
    """Names that the tool has chosen: `format` is one of its arguments here, not a word of the schema."""
    if isinstance(value, Mapping):
        return {key: _usable(each) for key, each in value.items()}
    return {}
