"""A server's own list of tools, as ours: titles in both languages, file arguments, what asks for consent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import mcp_types

from huiyan.errors import ToolFailedError
from huiyan.messages import refusal
from huiyan.tools.arguments import check_schema
from huiyan.tools.catalogue import ToolInfo
from huiyan.tools.manifest import Manifest, Title
from huiyan.tools.schema_files import file_arguments

#: The protocol's own advice for names (2025-11-25, "Tool names").
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_MAX_DESCRIPTION: Final = 4000


def listed(tools: Iterable[mcp_types.Tool], manifest: Manifest) -> list[ToolInfo]:
    """Raises: ToolFailedError (no tools, a schema that is too large)."""
    found: dict[str, ToolInfo] = {}
    tools = list(tools)
    for tool in tools:
        if not _NAME.fullmatch(tool.name):
            continue
        schema = check_schema(tool.input_schema)
        entry = manifest.tools.get(tool.name)
        notes = tool.annotations
        own_title = tool.title or (notes.title if notes is not None else None) or tool.name.replace("_", " ")
        # A server with one tool is that tool, so that its title is given once.
        title = entry.title if entry is not None and entry.title is not None else None
        title = title or (manifest.title if len(tools) == 1 else None)
        read_only = notes is not None and notes.read_only_hint is True
        found[tool.name] = ToolInfo(
            name=tool.name,
            title=title or Title(zh=_short(own_title), en=_short(own_title)),
            description=(tool.description or "")[:_MAX_DESCRIPTION],
            input_schema=schema,
            files=file_arguments(schema, entry.files if entry is not None else {}),
            safe=read_only,
            destructive=not read_only and (notes is None or notes.destructive_hint is not False),
        )
    if not found:
        raise refusal(ToolFailedError, "tool.lists_none")
    return list(found.values())


def _short(title: str) -> str:
    return title.strip()[:80] or "tool"
