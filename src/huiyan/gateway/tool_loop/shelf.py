"""The files that a model may give to tools, by name: what its user sent, and what tools have made.

A model says a name and nothing else: no hash, no URL and no path that it was talked into can reach a file
that is not of this request.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final, Protocol

from huiyan.errors import HuiyanError, ToolArgumentsError
from huiyan.gateway.multipart import Part
from huiyan.gateway.pictures.sources import PictureSlot
from huiyan.gateway.tool_loop.request import AttachedFile
from huiyan.tools.catalogue import FileArgument, FileContent
from huiyan.tools.schema_files import GivenFile

_MAX_MADE: Final = 32
_MAX_MADE_BYTES: Final = 64 * 1024 * 1024
_UNPRINTABLE: Final = re.compile(r"[^\w .,()\[\]-]")
#: How models name the pictures that they see, beside `picture-1`.
_PICTURE: Final = re.compile(r"(?:picture|image|pic|图片|图)?[\s_-]*([0-9]{1,3})(?:\.(?:png|jpe?g|webp))?")


class ReadFiles(Protocol):
    """`tool_files.FileReader.take`."""

    async def take(
        self, arguments: dict[str, Any], expected: Mapping[str, FileArgument]
    ) -> dict[str, list[GivenFile]]: ...


class Shelf:
    """Of one request. reader: makes bytes of references; of this caller."""

    def __init__(
        self,
        pictures: Sequence[PictureSlot],
        attached: Sequence[AttachedFile],
        parts: Mapping[str, Part],
        reader: ReadFiles,
    ) -> None:
        self._reader = reader
        #: name → reference; a picture's is what stood in its `image_url`.
        self._given: dict[str, str] = {f"picture-{slot.number}": slot.url for slot in pictures}
        self._made: dict[str, GivenFile] = {}
        self._left_bytes = _MAX_MADE_BYTES
        shown = {slot.url for slot in pictures}
        for file in attached:
            shown.add(file.url)
            self._given[self._free(file.name)] = file.url
        for name, part in parts.items():
            if f"attachment://{name}" not in shown:
                self._given[self._free(part.filename or name)] = f"attachment://{name}"

    def sentence(self) -> str:
        """For the model: which names there are."""
        if not self._given:
            return "No file is attached."
        names = list(self._given)
        return f"Attached, in their order: {', '.join(names)}."

    def names(self) -> list[str]:
        return [*self._given, *self._made]

    def put(self, file: FileContent) -> str | None:
        """Keep what a tool has made. Its name; None if there is no room."""
        if len(self._made) >= _MAX_MADE or file.size_bytes > self._left_bytes:
            return None
        self._left_bytes -= file.size_bytes
        name = self._free(f"made-{len(self._made) + 1}{PurePath(file.name).suffix[:8]}")
        self._made[name] = GivenFile(
            name=name, media_type=file.media_type, data=base64.b64decode(file.data, validate=True)
        )
        return name

    async def take(
        self, arguments: dict[str, Any], expected: Mapping[str, FileArgument]
    ) -> dict[str, list[GivenFile]]:
        """Move file arguments out of `arguments`. Raises: ToolArgumentsError."""
        taken: dict[str, list[GivenFile]] = {}
        for argument, kind in expected.items():
            value = arguments.pop(argument, None)
            if value is None:
                continue
            values = value if isinstance(value, list) else [value]
            if len(values) > 16 or (len(values) != 1 and not kind.many):
                raise ToolArgumentsError(f"The argument {argument!r} takes fewer files.", param=argument)
            taken[argument] = [await self._file(each, argument) for each in values]
        return taken

    async def _file(self, wanted: Any, argument: str) -> GivenFile:
        name = self._known(wanted)
        if name is None:
            raise ToolArgumentsError(
                f"The argument {argument!r} names no file that is attached.",
                hint=f"These are: {', '.join(self.names()) or 'none'}.",
                param=argument,
            )
        made = self._made.get(name)
        if made is not None:
            return made
        reference = self._given[name]
        try:
            found = await self._reader.take({argument: reference}, {argument: FileArgument()})
        except HuiyanError as error:
            raise ToolArgumentsError(f"{name} cannot be read: {error.message}", param=argument) from None
        (file,) = found[argument]
        return GivenFile(name=name, media_type=file.media_type, data=file.data)

    def _known(self, wanted: Any) -> str | None:
        if not isinstance(wanted, str):
            return None
        for name in (wanted, wanted.strip(), _clean(wanted)):
            if name in self._given or name in self._made:
                return name
        numbered = _PICTURE.fullmatch(wanted.strip().lower())
        name = f"picture-{int(numbered[1])}" if numbered is not None else ""
        return name if name in self._given else None

    def _free(self, wanted: str) -> str:
        """A name that is not taken yet, fit to be shown."""
        name = base = _clean(wanted) or "file"
        number = 2
        while name in self._given or name in self._made:
            name = f"{number}-{base}"
            number += 1
        return name


def _clean(name: str) -> str:
    return _UNPRINTABLE.sub("_", name).strip(" .")[:100]
