"""What ModelScope answers to a listing when all is well: two small answers, asked for at once.

The hub's own client takes longer to import than both take to come. So it is asked only where one of them is
anything but plain: an error, a sign-in that is missing, a list that may be cut. It knows what to do then.
"""

from __future__ import annotations

import threading
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from huiyan.errors import SourceError
from huiyan.sources.offline import Network
from huiyan.sources.protocol import FileRequest, RemoteFile
from huiyan.sources.transfer import Transfer, TransferOptions
from huiyan.store.names import same_but_for_case

_MOST_BYTES: Final = 16 * 1024 * 1024
#: The hub cuts a list at 3,000 entries and does not say so.
_MOST_ENTRIES: Final = 2_999


class _Entry(msgspec.Struct, frozen=True, rename="pascal"):
    path: str
    size: int = 0
    sha256: str | None = None
    type: str = "blob"


class _Entries(msgspec.Struct, frozen=True, rename="pascal"):
    files: list[_Entry]


class _Files(msgspec.Struct, frozen=True, rename="pascal"):
    data: _Entries
    success: bool


class _Model(msgspec.Struct, frozen=True):
    id: str | int | None = None
    owner: str | None = None
    name: str | None = None

    @property
    def exact_id(self) -> str:
        return self.id if isinstance(self.id, str) and "/" in self.id else f"{self.owner}/{self.name}"


class _Info(msgspec.Struct, frozen=True):
    data: _Model
    success: bool


class PlainListing(msgspec.Struct, frozen=True, kw_only=True):
    """id: in the hub's own case."""

    id: str
    files: tuple[RemoteFile, ...]


def plain_listing(
    network: Network,
    endpoint: str,
    model_id: str,
    revision: str,
    headers: dict[str, str],
    *,
    timeout_s: float,
) -> PlainListing | None:
    """None where the hub's client has to ask. headers: credentials. timeout_s: of each step."""
    options = TransferOptions(retries=0, connect_timeout_s=timeout_s, read_timeout_s=timeout_s)
    query = urlencode({"Revision": revision, "Recursive": "True"})
    urls = (
        f"{endpoint}/openapi/v1/models/{quote(model_id)}",
        f"{endpoint}/api/v1/models/{quote(model_id)}/repo/files?{query}",
    )
    answers: list[bytes | None] = [None, None]
    transfer = Transfer(options, network)

    def read(number: int) -> None:
        try:
            with transfer.documents() as documents:
                answers[number] = documents.read(
                    FileRequest(url=urls[number], headers=headers), most_bytes=_MOST_BYTES
                )
        except SourceError:
            # Whatever it was, the client meets it too, and tells.
            return

    other = threading.Thread(target=read, args=(0,), name="modelscope info", daemon=True)
    other.start()
    read(1)
    other.join()
    return _understood(*answers, asked=model_id)


def _understood(info_answer: bytes | None, files_answer: bytes | None, *, asked: str) -> PlainListing | None:
    if info_answer is None or files_answer is None:
        return None
    try:
        info = msgspec.json.decode(info_answer, type=_Info)
        files = msgspec.json.decode(files_answer, type=_Files)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    entries = files.data.files
    if not (info.success and files.success and 0 < len(entries) <= _MOST_ENTRIES):
        return None
    if not same_but_for_case(info.data.exact_id, asked):
        return None
    return PlainListing(
        id=info.data.exact_id,
        files=tuple(
            RemoteFile(path=entry.path, size_bytes=entry.size, sha256=(entry.sha256 or "").lower() or None)
            for entry in entries
            if entry.type != "tree"
        ),
    )
