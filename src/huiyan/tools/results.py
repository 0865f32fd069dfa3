"""What a tool answered, in our shapes, within bounds."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import mcp_types
import msgspec

from huiyan.errors import ToolLimitError
from huiyan.messages import refusal
from huiyan.tools.catalogue import FileContent, LinkContent, TextContent, ToolContent, ToolResult

_MAX_ITEMS: Final = 256
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64}")
_UNPRINTABLE: Final = re.compile(r"[^\w .,()\[\]-]")
_OPENABLE: Final = ("http://", "https://")


class Budget:
    """Bytes that a result may still take."""

    def __init__(self, max_bytes: int) -> None:
        self._left_bytes = self._max_bytes = max_bytes

    def take(self, size_bytes: int) -> None:
        """Raises: ToolLimitError."""
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise refusal(ToolLimitError, "tool.over_result", mib=self._max_bytes // 1024 // 1024)


def converted(
    result: mcp_types.CallToolResult,
    *,
    plugin: str,
    tool: str,
    duration_s: float,
    directory: Path,
    max_bytes: int,
) -> ToolResult:
    """directory: the tool's own; a link to a file in it brings the file along. Raises: ToolLimitError."""
    budget = Budget(max_bytes)
    structured = result.structured_content
    if structured is not None:
        budget.take(len(msgspec.json.encode(structured)))
    content = [
        converted_item
        for item in result.content[:_MAX_ITEMS]
        if (converted_item := _item(item, directory, budget)) is not None
    ]
    return ToolResult(
        plugin=plugin,
        tool=tool,
        is_error=bool(result.is_error),
        content=content,
        structured=structured,
        duration_s=round(duration_s, 3),
    )


def _item(item: Any, directory: Path, budget: Budget) -> ToolContent | None:
    match item:
        case mcp_types.TextContent():
            budget.take(len(item.text.encode("utf-8", "replace")))
            return TextContent(text=item.text.encode("utf-8", "replace").decode("utf-8"))
        case mcp_types.ImageContent() | mcp_types.AudioContent():
            return _base64(item.data, item.mime_type, item.type, budget)
        case mcp_types.EmbeddedResource(resource=mcp_types.TextResourceContents() as text):
            data = text.text.encode("utf-8", "replace")
            return _file(data, text.mime_type or "text/plain", _name_in(str(text.uri)), budget)
        case mcp_types.EmbeddedResource(resource=mcp_types.BlobResourceContents() as blob):
            return _base64(blob.blob, blob.mime_type or "", _name_in(str(blob.uri)), budget)
        case mcp_types.ResourceLink():
            return _link(item, directory, budget)
    return None


def _link(item: mcp_types.ResourceLink, directory: Path, budget: Budget) -> ToolContent | None:
    uri = str(item.uri)
    name = item.title or item.name or _name_in(uri)
    if uri.startswith(_OPENABLE):
        return LinkContent(uri=uri[:2000], name=_clean(name))
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return TextContent(text=f"{_clean(name)}: {uri[:2000]}")
    path = Path(unquote(parts.path))
    try:
        # Nothing but what lies in its own directory, also not by way of a symbolic link.
        if not path.resolve(strict=True).is_relative_to(directory.resolve()) or not path.is_file():
            return None
        budget.take(path.stat().st_size)
        data = path.read_bytes()
    except OSError:
        return None
    return _file(data, item.mime_type or "", name if Path(name).suffix else path.name, budget, counted=True)


def _base64(data: str, media_type: str, name: str, budget: Budget) -> FileContent | None:
    try:
        return _file(base64.b64decode(data, validate=True), media_type, name, budget)
    except (binascii.Error, ValueError):
        return None


def _file(data: bytes, media_type: str, name: str, budget: Budget, *, counted: bool = False) -> FileContent:
    if not counted:
        budget.take(len(data))
    kind = media_type.lower().partition(";")[0].strip()
    if not _MEDIA_TYPE.fullmatch(kind):
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    clean = _clean(name)
    if not Path(clean).suffix:
        clean += mimetypes.guess_extension(kind) or ""
    return FileContent(
        name=clean, media_type=kind, size_bytes=len(data), data=base64.b64encode(data).decode("ascii")
    )


def _name_in(uri: str) -> str:
    return unquote(urlsplit(uri).path).rpartition("/")[2] or "file"


def _clean(name: str) -> str:
    return _UNPRINTABLE.sub("_", name).strip(" .")[:120] or "file"
