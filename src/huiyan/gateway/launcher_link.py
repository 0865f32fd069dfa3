"""What the gateway asks of the launcher: one JSON line to its control socket, one line back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from huiyan import errors
from huiyan.errors import HuiyanError, NoLauncherError, StoreError

_MAX_LINE_BYTES: Final = 4 * 1024 * 1024
#: A listing reads the store's locks; on a slow disk with many models that takes a moment.
_TIMEOUT_S: Final = 30.0

T = TypeVar("T")


class LauncherLink:
    """path: the control socket; None: no launcher has started this gateway."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    async def ask(self, op: str, kind: type[T], **fields: Any) -> T:
        """The answer to `op` as `kind`.

        Raises: NoLauncherError when there is no launcher (any more), and what the launcher itself raised.
        """
        if self._path is None:
            raise NoLauncherError("This gateway runs alone: no launcher fetches or updates for it.")
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(self._path, limit=_MAX_LINE_BYTES)
                try:
                    writer.write(msgspec.json.encode({"op": op, **fields}) + b"\n")
                    await writer.drain()
                    line = await reader.readuntil(b"\n")
                finally:
                    writer.close()
            answer = msgspec.json.decode(line)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise NoLauncherError("The launcher does not answer.") from error
        # The status of an update has an error of its own, beside much else.
        if isinstance(answer, dict) and set(answer) == {"error"}:
            raise error_of(answer["error"])
        return msgspec.convert(answer, kind)


def error_of(told: dict[str, Any]) -> HuiyanError:
    """The launcher's error again, in its own type where that is one of those it may raise here."""
    text = {name: str(told.get(name, "")) for name in ("code", "message", "hint")}
    kind = _KINDS.get(text["code"], StoreError)
    return kind(text["message"], hint=text["hint"])


def _with_kinds(kind: type[HuiyanError]) -> Iterator[type[HuiyanError]]:
    yield kind
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _with_kinds(each)


_KINDS: Final = {
    kind.code: kind
    for root in (
        StoreError,
        errors.ModelBusyError,
        errors.ModelNotFoundError,
        errors.UpdateError,
        errors.ToolError,
        errors.CheckRefusedError,
    )
    for kind in _with_kinds(root)
}
