"""Another machine's store, as `huiyan models serve` offers it.

GET /lock                   its models.lock
GET /blobs/sha256/<hex>     a file's bytes, with ranges
"""

from __future__ import annotations

from huiyan.errors import LockError, SourceProtocolError
from huiyan.messages import refusal
from huiyan.sources.locked import listing_of
from huiyan.sources.offline import Network
from huiyan.sources.protocol import FileRequest, Listing, RemoteFile, SourceName
from huiyan.sources.transfer import Transfer, TransferOptions
from huiyan.store.lock import MAX_LOCK_BYTES, LockFile, decode_lock


class HuiyanStore:
    """endpoint: http(s)://HOST:PORT. token: if the other side asks for one."""

    name: SourceName = "huiyan"

    def __init__(
        self, network: Network, endpoint: str, options: TransferOptions | None = None, *, token: str = ""
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._network = network
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._transfer = Transfer(options or TransferOptions(), network)

    def list(self, model_id: str, revision: str | None = None) -> Listing:
        """Raises: SourceError and its kinds."""
        return listing_of(
            self.locks(), source=self.name, endpoint=self.endpoint, model_id=model_id, revision=revision
        )

    def locks(self) -> LockFile:
        """Everything that the other side has. Raises: SourceError and its kinds."""
        self._network.require(self.endpoint)
        request = FileRequest(url=f"{self.endpoint}/lock", headers=self._headers)
        with self._transfer.documents() as documents:
            data = documents.read(request, most_bytes=MAX_LOCK_BYTES)
        try:
            return decode_lock(data, request.url)
        except LockError as error:
            raise refusal(
                SourceProtocolError, "sources.protocol", host=self.endpoint, reason=error.message
            ) from error

    def request(self, listing: Listing, file: RemoteFile) -> FileRequest:
        return FileRequest(url=f"{self.endpoint}/blobs/sha256/{file.sha256}", headers=self._headers)
