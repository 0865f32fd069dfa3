"""A plain HTTP(S) server with a models.lock: any static file server will do.

    {endpoint}/models.lock                  what there is (several models in one file), or
    {endpoint}/<owner>/<name>/models.lock   one model each
    {endpoint}/<owner>/<name>/<path>        the files

A server that offers ranges is resumed and read in parallel; one that does not works as well.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from huiyan.errors import LockError, SourceNotFoundError, SourceProtocolError
from huiyan.messages import refusal
from huiyan.sources.locked import listing_of
from huiyan.sources.offline import Network
from huiyan.sources.protocol import FileRequest, Listing, RemoteFile, SourceName
from huiyan.sources.transfer import Transfer, TransferOptions
from huiyan.store.lock import MAX_LOCK_BYTES, LockFile, decode_lock
from huiyan.store.names import check_model_id

LOCK_NAME: Final = "models.lock"


class Mirror:
    """endpoint: the URL of the directory that holds the models."""

    name: SourceName = "mirror"

    def __init__(self, network: Network, endpoint: str, options: TransferOptions | None = None) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._network = network
        self._transfer = Transfer(options or TransferOptions(), network)

    def list(self, model_id: str, revision: str | None = None) -> Listing:
        """Raises: SourceError and its kinds."""
        self._network.require(self.endpoint)
        check_model_id(model_id)
        try:
            locks = self._read(f"{self.endpoint}/{LOCK_NAME}")
            if locks.find(model_id) is None:
                raise refusal(
                    SourceNotFoundError, "sources.file_not_found", host=self.endpoint, path=model_id
                )
        except SourceNotFoundError:
            try:
                locks = self._read(f"{self.endpoint}/{quote(model_id)}/{LOCK_NAME}")
            except SourceNotFoundError as error:
                raise refusal(
                    SourceNotFoundError,
                    "sources.model_not_found",
                    source=self.endpoint,
                    id=model_id,
                    revision=revision or "–",
                ) from error
        return listing_of(
            locks, source=self.name, endpoint=self.endpoint, model_id=model_id, revision=revision
        )

    def request(self, listing: Listing, file: RemoteFile) -> FileRequest:
        return FileRequest(url=f"{self.endpoint}/{quote(listing.id)}/{quote(file.path)}")

    def _read(self, url: str) -> LockFile:
        with self._transfer.documents() as documents:
            data = documents.read(FileRequest(url=url), most_bytes=MAX_LOCK_BYTES)
        try:
            return decode_lock(data, url)
        except LockError as error:
            raise refusal(SourceProtocolError, "sources.index", path=url, reason=error.message) from error
