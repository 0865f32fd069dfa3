"""Which tools there are: what the host tells gateways, and they tell pages and programs."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from huiyan.tools.icons import Icon
from huiyan.tools.manifest import Takes, Title


class FileArgument(msgspec.Struct, frozen=True, kw_only=True):
    """An argument that is a file. given_as: how the tool gets it. many: a list of them.

    media_type: what it takes, such as `application/pdf`; any (two asterisks) where it says nothing.
    """

    media_type: str = "*/*"
    given_as: Literal["path", "base64"] = "path"
    many: bool = False


class ToolInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One tool. input_schema: JSON Schema of its arguments, as the tool gave it.

    safe: it says that it only reads; anything else asks before a model may call it.
    """

    name: str
    title: Title
    description: str = ""
    input_schema: dict[str, Any] = {}
    files: dict[str, FileArgument] = {}
    safe: bool = False
    destructive: bool = False


class Isolation(msgspec.Struct, frozen=True, kw_only=True):
    """What is enforced on this machine, as the tool's jail reported it. None of it before its first start.

    network: it has none. processes: `limited` by the kernel, or `watched`. hidden: huiyan's own state cannot
    be seen by it. contained: whatever it starts ends with it, also what left its process group.
    """

    network: bool = False
    memory: bool = False
    processes: Literal["limited", "watched"] = "watched"
    hidden: bool = False
    contained: bool = False


class PluginInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One MCP server and its tools. network: granted by the administrator.

    error: why it could not be started the last time, if that is so.
    """

    name: str
    version: str
    title: Title
    icon: Icon
    takes: list[Takes] = []
    network: bool = False
    isolation: Isolation = Isolation()
    tools: list[ToolInfo] = []
    error: str = ""


class ToolList(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /api/tools`. revision changes whenever anything in it does. available: the tool host is there."""

    revision: str = ""
    available: bool = False
    plugins: list[PluginInfo] = []


class ToolsEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`event: tools` on `/api/events`: ask `GET /api/tools` again."""

    revision: str


class TextContent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """Markdown or plain text; hostile until it is sanitised."""

    text: str


class FileContent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="file"):
    """A picture or another file. data: base64."""

    name: str
    media_type: str
    size_bytes: int
    data: str


class LinkContent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="link"):
    """Something that lies elsewhere; huiyan has not looked at it."""

    uri: str
    name: str


ToolContent = TextContent | FileContent | LinkContent


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a call brought. is_error: the tool itself says that it failed, and why. structured: JSON."""

    plugin: str
    tool: str
    is_error: bool
    content: list[ToolContent]
    structured: Any = None
    duration_s: float


class ToolProgress(msgspec.Struct, frozen=True, kw_only=True):
    """`event: progress` of a call. total: None where the tool does not know it."""

    progress: float
    total: float | None = None
    message: str = ""
