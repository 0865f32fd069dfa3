"""Small things that are read whole into memory: an index, the head of a file."""

from __future__ import annotations

import threading
from typing import Final

from huiyan.errors import SourceProtocolError
from huiyan.messages import Text, refusal
from huiyan.sources.protocol import FileRequest
from huiyan.sources.transfer.body import RemoteBody
from huiyan.sources.transfer.connections import Connections
from huiyan.sources.transfer.exchange import Answer, get
from huiyan.sources.transfer.faults import PassingFault, Patience
from huiyan.sources.transfer.item import Item
from huiyan.sources.transfer.options import TransferOptions

_PIECE_BYTES: Final = 256 * 1024


class Documents:
    """Made by `Transfer.documents`. Tries again like the transfer itself."""

    def __init__(self, connections: Connections, options: TransferOptions, cancel: threading.Event) -> None:
        self._connections = connections
        self._options = options
        self._cancel = cancel

    def read(self, request: FileRequest, *, most_bytes: int) -> bytes:
        """A whole document. Raises: SourceError and its kinds, PullInterruptedError."""
        patience = Patience(self._options, self._cancel)
        while True:
            try:
                answer = get(self._connections, request, {})
                try:
                    return self._whole(answer, most_bytes)
                finally:
                    answer.finish()
            except PassingFault as fault:
                patience.wait(fault)

    def read_range(self, item: Item, request: FileRequest, start: int, stop: int) -> bytes | None:
        """Bytes start..stop of a file; None when the server ignores ranges.

        Raises: SourceError and its kinds, PullInterruptedError.
        """
        patience = Patience(self._options, self._cancel)
        body = RemoteBody(item, request, self._connections)
        while True:
            try:
                answer, is_range = body.open(start, stop)
                if not is_range:
                    answer.close()
                    return None
                try:
                    found = self._exactly(answer, body, start, stop)
                finally:
                    answer.finish()
                return found
            except PassingFault as fault:
                patience.wait(fault)

    @staticmethod
    def _whole(answer: Answer, most_bytes: int) -> bytes:
        expected = answer.length_bytes
        found = bytearray()
        view = memoryview(bytearray(_PIECE_BYTES))
        while count := answer.read_into(view):
            found += view[:count]
            if len(found) > most_bytes:
                answer.close()
                raise refusal(
                    SourceProtocolError,
                    "sources.protocol",
                    host=answer.host,
                    reason=Text("reason.more_bytes", {"limit_bytes": most_bytes}),
                )
        if expected is not None and len(found) < expected and answer.length_bytes != 0:
            raise PassingFault(answer.host, "the connection ended early")
        return bytes(found)

    @staticmethod
    def _exactly(answer: Answer, body: RemoteBody, start: int, stop: int) -> bytes:
        found = bytearray(stop - start)
        view = memoryview(found)
        position = 0
        while position < len(found):
            count = answer.read_into(view[position:])
            if count == 0:
                raise body.cut(start + position, stop)
            position += count
        return bytes(found)
