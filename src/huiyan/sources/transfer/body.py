"""Asks for a range of a file, and holds the answer's head against what was listed before it takes a byte."""

from __future__ import annotations

import re
import threading
from typing import Final
from urllib.parse import urlsplit

from huiyan.errors import SourceChangedError, SourceProtocolError
from huiyan.messages import refusal
from huiyan.sources.protocol import FileRequest
from huiyan.sources.transfer import ranges
from huiyan.sources.transfer.connections import Connections
from huiyan.sources.transfer.exchange import Answer, get
from huiyan.sources.transfer.faults import PassingFault
from huiyan.sources.transfer.item import Item

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class RemoteBody:
    """One remote file, for all threads that read from it. etag: of its first answer."""

    def __init__(self, item: Item, request: FileRequest, connections: Connections) -> None:
        self._item = item
        self._request = request
        self._connections = connections
        self._lock = threading.Lock()
        self._etag = ""

    def open(self, start: int, stop: int) -> tuple[Answer, bool]:
        """The answer to a request for start..stop, and whether it is that range and not the whole file.

        Raises: PassingFault, SourceChangedError and the errors of `exchange.get`.
        """
        whole = start == 0 and stop == self._item.size_bytes
        headers = {} if whole else {"Range": ranges.header(start, stop)}
        with self._lock:
            etag = self._etag
        if etag and not whole:
            headers["If-Range"] = etag
        answer = get(self._connections, self._request, headers)
        try:
            return answer, self._check(answer, start, stop, etag)
        except BaseException:
            answer.close()
            raise

    def _check(self, answer: Answer, start: int, stop: int, etag: str) -> bool:
        self._check_linked(answer)
        size = self._item.size_bytes
        if answer.status == 416:
            raise self._changed(answer, f"it has no byte {start:,} any more")
        if etag and answer.etag and answer.etag != etag:
            with self._lock:
                # Whoever asks next begins anew with what is there now.
                self._etag = ""
            raise self._changed(answer, "it was replaced meanwhile")
        if answer.status == 304:
            raise self._wrong(answer, "HTTP 304 to a request without condition")
        if answer.status == 200:
            self._check_length(answer, size)
            self._remember(answer)
            return start == 0 and stop == size
        found = ranges.parse_content_range(answer.header("content-range"))
        if found is None:
            raise self._wrong(answer, "HTTP 206 without a usable Content-Range")
        if found[2] is not None and found[2] != size:
            raise self._changed(answer, f"it has {found[2]:,} bytes, {size:,} were listed")
        if found[0] != start or found[1] > stop:
            raise self._wrong(answer, f"bytes {found[0]}-{found[1] - 1} for {start}-{stop - 1}")
        self._check_length(answer, found[1] - found[0])
        self._remember(answer)
        return True

    def _check_length(self, answer: Answer, expected_bytes: int) -> None:
        length = answer.length_bytes
        if length is None or length == expected_bytes:
            return
        raise self._changed(answer, f"{length:,} bytes are announced, {expected_bytes:,} were listed")

    def _check_linked(self, answer: Answer) -> None:
        item = self._item
        if answer.linked_size is not None and answer.linked_size != item.size_bytes:
            raise self._changed(answer, f"it has {answer.linked_size:,} bytes now")
        linked = answer.linked_etag.lower()
        if item.sha256 is not None and _SHA256.fullmatch(linked) and linked != item.sha256:
            raise self._changed(answer, "the hub names another SHA-256 now")

    def _remember(self, answer: Answer) -> None:
        with self._lock:
            self._etag = self._etag or answer.etag

    def _changed(self, answer: Answer, reason: str) -> SourceChangedError:
        return refusal(
            SourceChangedError, "sources.changed", path=self._item.path, host=answer.host, reason=reason
        )

    @staticmethod
    def _wrong(answer: Answer, reason: str) -> SourceProtocolError:
        return refusal(SourceProtocolError, "sources.protocol", host=answer.host, reason=reason)

    def cut(self, position: int, stop: int) -> PassingFault:
        """The fault of a body that ended early."""
        host = urlsplit(self._request.url).hostname or ""
        return PassingFault(host, f"the connection ended {stop - position:,} bytes early")

    def longer(self, answer: Answer) -> SourceChangedError:
        """The fault of a body that goes on after its end."""
        return self._changed(answer, f"it has more than {self._item.size_bytes:,} bytes")
