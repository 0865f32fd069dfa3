"""What a source of model files is, and what it says about a model."""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

import msgspec

SourceName = Literal["modelscope", "huggingface", "mirror", "local", "huiyan"]
_Size = Annotated[int, msgspec.Meta(ge=0)]


class RemoteFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a model. path: relative, POSIX. sha256: hex; None where the source does not know it.

    git_oid: SHA-1 of the file as a git blob, which is what Hugging Face knows of small files.
    """

    path: str
    size_bytes: _Size
    sha256: str | None = None
    etag: str | None = None
    git_oid: str | None = None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A model as a source has it. id: in the source's own case. resolved: commit id, "" where it has none."""

    source: SourceName
    endpoint: str
    id: str
    revision: str
    resolved: str
    files: tuple[RemoteFile, ...]


class FileRequest(msgspec.Struct, frozen=True, kw_only=True):
    """How to get one file over HTTP. headers: may hold credentials; only the URL's own origin sees them."""

    url: str
    headers: dict[str, str] = {}

    def __repr__(self) -> str:
        """Without headers and query: both may be secret."""
        return f"FileRequest({self.url.split('?')[0]!r})"


class LocalFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is on this machine. path: absolute."""

    path: str


Origin = FileRequest | LocalFile


class Source(Protocol):
    """Blocking, for threads. Every method that would open a socket asks the network guard first."""

    @property
    def name(self) -> SourceName: ...

    @property
    def endpoint(self) -> str: ...

    def list(self, model_id: str, revision: str | None = None) -> Listing:
        """Raises: SourceError and its kinds."""
        ...

    def request(self, listing: Listing, file: RemoteFile) -> Origin:
        """Opens no socket. Raises: SourceError."""
        ...


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a pull. total_bytes: 0 while unknown; eta_s: None while unknown.

    phase: listing, fetching, checking, composing, done; an update has the journal's steps.
    done_bytes: of total_bytes, with what was here before. moved_bytes: came over the network.
    """

    phase: str
    file: str = ""
    done_bytes: int = 0
    total_bytes: int = 0
    moved_bytes: int = 0
    rate_bytes_per_s: float = 0.0
    eta_s: float | None = None
