"""Files of a tool call: kept pictures, data URLs, parts of a form; never a path, never a URL to fetch."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Final

from huiyan.errors import ImageMissingError, PayloadTooLargeError, ToolArgumentsError
from huiyan.gateway.multipart import Part
from huiyan.gateway.pictures.store import ImageStore
from huiyan.tools.catalogue import FileArgument
from huiyan.tools.schema_files import GivenFile

_SHA256: Final = re.compile(r"sha256:([0-9a-fA-F]{64})")
_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w.=+-]+)*?;base64,")
_ATTACHMENT: Final = "attachment://"
_MAX_FILES: Final = 16
_HINT: Final = "Send it as sha256:… (PUT /api/images), as a data URL with base64, or as a part of a form."


class FileReader:
    """Reads the files of one caller."""

    def __init__(
        self,
        store: ImageStore,
        executor: Executor,
        *,
        owner: str,
        parts: Sequence[Part] | Mapping[str, Part],
        max_bytes: int,
    ) -> None:
        """parts: of a form, where they are given by name. max_bytes: of all files together."""
        self._store = store
        self._executor = executor
        self._owner = owner
        self._parts = dict(parts) if isinstance(parts, Mapping) else {part.name: part for part in parts}
        self._left_bytes = max_bytes
        self._max_bytes = max_bytes

    async def take(
        self, arguments: dict[str, Any], expected: Mapping[str, FileArgument]
    ) -> dict[str, list[GivenFile]]:
        """Move file arguments out of `arguments`. A form's part with an argument's name is that argument.

        Raises: ToolArgumentsError, ImageMissingError, PayloadTooLargeError.
        """
        taken: dict[str, list[GivenFile]] = {}
        for name, argument in expected.items():
            value = arguments.pop(name, None)
            if value is None and name in self._parts:
                value = f"{_ATTACHMENT}{name}"
            if value is None:
                continue
            values = value if isinstance(value, list) else [value]
            if len(values) > _MAX_FILES or (len(values) != 1 and not argument.many):
                raise ToolArgumentsError(f"The argument {name!r} takes fewer files.", param=name)
            taken[name] = [await self._one(each, name) for each in values]
        return taken

    async def _one(self, reference: Any, name: str) -> GivenFile:
        if isinstance(reference, str):
            if reference.startswith(_ATTACHMENT):
                return self._counted(self._part(reference.removeprefix(_ATTACHMENT), name))
            if found := _SHA256.fullmatch(reference):
                return self._counted(await self._kept(found[1].lower()))
            if found := _DATA_URL.match(reference):
                return self._counted(_decoded(reference[found.end() :], found[1] or "text/plain", name))
        raise ToolArgumentsError(f"The argument {name!r} is a file.", hint=_HINT, param=name)

    def _part(self, wanted: str, name: str) -> GivenFile:
        part = self._parts.get(wanted)
        if part is None:
            raise ToolArgumentsError(f"The form has no part {wanted[:100]!r}.", param=name)
        kind = part.media_type or "application/octet-stream"
        return GivenFile(name=part.filename or part.name, media_type=kind, data=part.data)

    async def _kept(self, sha256: str) -> GivenFile:
        loop = asyncio.get_running_loop()
        image = await loop.run_in_executor(self._executor, self._store.get, self._owner, sha256)
        if image is None:
            raise ImageMissingError("A picture of the request is not kept here.", hashes=[sha256])
        return GivenFile(name=sha256[:12], media_type=image.media_type, data=bytes(image.data))

    def _counted(self, file: GivenFile) -> GivenFile:
        self._left_bytes -= len(file.data)
        if self._left_bytes < 0:
            raise PayloadTooLargeError(
                f"The files of the call have more than {self._max_bytes:,} bytes.", hint="Send smaller ones."
            )
        return file


def _decoded(text: str, media_type: str, name: str) -> GivenFile:
    try:
        return GivenFile(name=name, media_type=media_type.lower(), data=base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise ToolArgumentsError(f"The argument {name!r} is no valid base64.", param=name) from None
