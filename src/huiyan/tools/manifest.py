"""`huiyan-tool.toml`: what a tool says of itself. Everything in it may be left out; so may the file.

name = "word-count"            command = ["word-count"]
icon = "text"                  # or: svg = "<svg …>"
takes = ["pdf", "image"]       network = false
title = { zh = "字数", en = "Word count" }
[limits]                       memory_mib = 1024
[tools.count]                  title = { zh = "…", en = "…" }
[tools.count.files]            document = "application/pdf"
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

import msgspec

from huiyan.errors import ToolManifestError
from huiyan.messages import refusal
from huiyan.tools.icons import Icon, from_svg, named

FILE_NAME: Final = "huiyan-tool.toml"

#: Of a plugin: it becomes a directory, a part of an address and of the function's name that a model calls.
NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")

_MIB: Final = 1024 * 1024
_MAX_BYTES: Final = 256 * 1024

Takes = Literal["pdf", "image", "none"]
_Mib = Annotated[int, msgspec.Meta(ge=1, le=1024 * 1024)]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
_Title = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]


class Title(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name in both languages."""

    zh: _Title
    en: _Title


class ToolLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one tool, all its processes together unless it says otherwise.

    memory_mib: resident; twice as much address space for each process. cpu_s: processor time of one call.
    file_mib: one file that it writes. hang_timeout_s: without a result or a word of progress.
    call_timeout_s: one call in all. start_timeout_s: until it has listed its tools. output_mib: one result.
    idle_timeout_s: without a call, after which its process is ended until the next one.
    """

    memory_mib: _Mib = 2048
    cpu_s: _Seconds = 300.0
    processes: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 64
    open_files: Annotated[int, msgspec.Meta(ge=16, le=65_536)] = 512
    file_mib: _Mib = 512
    hang_timeout_s: _Seconds = 60.0
    call_timeout_s: _Seconds = 900.0
    start_timeout_s: _Seconds = 60.0
    idle_timeout_s: _Seconds = 900.0
    output_mib: Annotated[int, msgspec.Meta(ge=1, le=128)] = 32
    calls_at_once: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4

    @property
    def memory_bytes(self) -> int:
        return self.memory_mib * _MIB

    @property
    def output_bytes(self) -> int:
        return self.output_mib * _MIB


class ToolEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tool of the server. files: arguments that are paths of files, with their media types."""

    title: Title | None = None
    files: dict[str, str] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """command: within the tool's environment. network: a wish, which the administrator grants or not."""

    name: str | None = None
    version: str | None = None
    title: Title | None = None
    icon: str | None = None
    svg: str | None = None
    takes: list[Takes] = []
    network: bool = False
    command: list[str] = []
    limits: ToolLimits = ToolLimits()
    tools: dict[str, ToolEntry] = {}

    def drawn(self) -> Icon:
        """Raises: ToolManifestError."""
        if self.svg is not None:
            return from_svg(self.svg)
        return named(self.icon or "tool")


def read(text: str) -> Manifest:
    """Raises: ToolManifestError."""
    if len(text.encode("utf-8", "replace")) > _MAX_BYTES:
        raise refusal(ToolManifestError, "tool.manifest_large", file=FILE_NAME, limit_bytes=_MAX_BYTES)
    import tomllib

    try:
        return of(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise refusal(ToolManifestError, "tool.manifest_toml", file=FILE_NAME, reason=error) from None


def of(table: dict[str, Any]) -> Manifest:
    """The manifest in a TOML table. Raises: ToolManifestError."""
    try:
        manifest = msgspec.convert(table, Manifest)
    except msgspec.ValidationError as error:
        raise refusal(ToolManifestError, "tool.manifest", file=FILE_NAME, reason=error) from None
    if manifest.name is not None and not NAME.fullmatch(manifest.name):
        raise refusal(ToolManifestError, "tool.manifest_name", file=FILE_NAME, name=manifest.name)
    manifest.drawn()
    return manifest
