"""Reads ranges of a file that is on this machine, as if it came from afar."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from huiyan.errors import SourceChangedError, SourceUnreachableError
from huiyan.messages import refusal
from huiyan.sources.protocol import LocalFile
from huiyan.sources.transfer.item import Item


def read_local(
    item: Item, local: LocalFile, start: int, stop: int, buffer: memoryview
) -> Iterator[tuple[int, int]]:
    """(position, count) for each piece, which lies in `buffer`.

    Raises: SourceChangedError, SourceUnreachableError.
    """
    path = Path(local.path)
    try:
        with path.open("rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size != item.size_bytes:
                raise _changed(item, path, "its size is another now")
            position = start
            while position < stop:
                count = os.preadv(file.fileno(), [buffer[: stop - position]], position)
                if count == 0:
                    raise _changed(item, path, "it became shorter while it was read")
                yield position, count
                position += count
    except OSError as error:
        raise refusal(
            SourceUnreachableError, "sources.unreachable", host=path, reason=error.strerror or str(error)
        ) from error


def _changed(item: Item, path: Path, reason: str) -> SourceChangedError:
    return refusal(SourceChangedError, "sources.changed", path=item.path, host=path.parent, reason=reason)
