"""Of a new shard only the tensors that are not here: its head is fetched, the others come from old shards.

What is written goes into the file's partial, like bytes that came before a cut; the transfer then fetches
what is still missing, and the published SHA-256 decides about the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from huiyan.errors import TensorHeaderError
from huiyan.sources.protocol import FileRequest
from huiyan.sources.transfer import Item
from huiyan.sources.transfer.documents import Documents
from huiyan.store.delta import OldTensors, open_shard, plan, seed
from huiyan.store.lock import ModelLock
from huiyan.store.snapshots import Store
from huiyan.store.tensors import fetch_header


class _NoRangesError(Exception):
    """The server sends the whole file whatever is asked for."""


class Delta:
    """before: the lock of the snapshot whose shards are here. only: patterns of what has changed.

    whole: paths of shards that will come whole because the server ignores ranges. seeded: of those of which
    something was here.
    """

    def __init__(self, store: Store, before: ModelLock, *, only: Sequence[str]) -> None:
        self._blobs = store.blobs
        self._only = only
        self.whole: list[str] = []
        self.seeded: list[str] = []
        shards = (
            open_shard(store.blobs.path(file.sha256), file.tensors)
            for file in before.files
            if file.path.endswith(".safetensors") and store.blobs.has(file.sha256, file.size_bytes)
        )
        self._old = OldTensors(shard for shard in shards if shard is not None)

    def seed(self, documents: Documents, item: Item, digests: Mapping[str, str]) -> int:
        """Write what is here of a file into its partial. Returns the bytes that were fetched for it.

        digests: of the new file's tensors, where its lock has them. Raises: SourceError, StoreError.
        """
        request = item.origin
        useful = item.path.endswith(".safetensors") and bool(self._old) and bool(digests or self._only)
        if not useful or item.sha256 is None or not isinstance(request, FileRequest):
            return 0

        def read(start: int, stop: int) -> bytes:
            data = documents.read_range(item, request, start, stop)
            if data is None:
                raise _NoRangesError
            return data

        with self._blobs.open_partial(item.sha256, item.size_bytes) as partial:
            if partial.done_bytes:
                # Began before: what came then and what was written then is there.
                return 0
            try:
                head, header = fetch_header(read, size_bytes=item.size_bytes)
            except _NoRangesError:
                self.whole.append(item.path)
                return 0
            except TensorHeaderError:
                # Not for us to judge: its digest says whether it is what was published.
                return 0
            planned = plan(header, self._old, digests=digests, only=self._only)
            if planned.pieces:
                self.seeded.append(item.path)
            seed(partial, head, planned)
        return len(head)
