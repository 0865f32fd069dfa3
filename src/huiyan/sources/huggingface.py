"""Hugging Face, through the `huggingface-hub` client; the bytes come by our own transfer.

Files that the hub stores in Xet come through its HTTP bridge, where ranges work. A branch is resolved to
its commit first, so the listing and all its files are of one commit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from huiyan.errors import (
    OfflineError,
    SourceDeniedError,
    SourceNotFoundError,
    SourceProtocolError,
    SourceUnreachableError,
)
from huiyan.messages import refusal
from huiyan.sources.deadline import DEFAULT_S, within
from huiyan.sources.listed import checked_listing
from huiyan.sources.offline import Network
from huiyan.sources.protocol import FileRequest, Listing, RemoteFile, SourceName
from huiyan.sources.reasons import reason_of

DEFAULT_REVISION: Final = "main"
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
_MAX_TOKEN_BYTES: Final = 4096


class HuggingFace:
    """Signed in as the hub's own client is: by the token in its own file, never by a variable."""

    name: SourceName = "huggingface"

    def __init__(
        self,
        network: Network,
        endpoint: str = "https://huggingface.co",
        *,
        token_path: Path | None = None,
        list_timeout_s: float = DEFAULT_S,
    ) -> None:
        """token_path: the client's own token file, where None.

        list_timeout_s: for a listing, all attempts of the hub's client together.
        """
        self.endpoint = endpoint.rstrip("/")
        self._network = network
        self.list_timeout_s = list_timeout_s
        self._token_path = token_path

    def list(self, model_id: str, revision: str | None = None) -> Listing:
        """Raises: SourceError and its kinds."""
        self._network.require(self.endpoint)
        wanted = revision or DEFAULT_REVISION
        return within(self.list_timeout_s, _host(self.endpoint), lambda: self._list(model_id, wanted))

    def _list(self, model_id: str, revision: str) -> Listing:
        with _errors_of_ours(self.endpoint, model_id, revision):
            from huggingface_hub import HfApi
            from huggingface_hub.hf_api import RepoFile

            api: Any = HfApi(endpoint=self.endpoint, token=self._token() or False, library_name="huiyan")
            info = api.model_info(model_id, revision=revision, timeout=30)
            commit, exact_id = str(info.sha or ""), str(info.id)
            if not commit:
                raise ValueError("no commit")
            tree = api.list_repo_tree(exact_id, recursive=True, revision=commit)
            found = [
                RemoteFile(
                    path=file.path,
                    size_bytes=file.lfs.size if file.lfs else file.size,
                    sha256=file.lfs.sha256.lower() if file.lfs else None,
                    git_oid=None if file.lfs else file.blob_id,
                )
                for file in tree
                if isinstance(file, RepoFile)
            ]
        return checked_listing(
            Listing(
                source=self.name,
                endpoint=self.endpoint,
                id=exact_id,
                revision=revision,
                resolved=commit,
                files=tuple(found),
            ),
            asked=model_id,
        )

    def request(self, listing: Listing, file: RemoteFile) -> FileRequest:
        token = self._token()
        return FileRequest(
            url=f"{self.endpoint}/{listing.id}/resolve/{quote(listing.resolved, safe='')}/{quote(file.path)}",
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )

    def _token(self) -> str:
        from huggingface_hub import constants

        path = self._token_path or Path(constants.HF_TOKEN_PATH)
        with contextlib.suppress(OSError, UnicodeDecodeError), path.open("rb") as file:
            text = file.read(_MAX_TOKEN_BYTES).decode("ascii").strip()
            return text if text.isprintable() else ""
        return ""


@contextlib.contextmanager
def _errors_of_ours(endpoint: str, model_id: str, revision: str) -> Iterator[None]:
    from httpx2 import HTTPError
    from huggingface_hub import errors as theirs

    host = _host(endpoint)
    try:
        yield
    except theirs.OfflineModeIsEnabled as error:
        raise refusal(OfflineError, "sources.offline", host=host) from error
    except theirs.GatedRepoError as error:
        raise refusal(
            SourceDeniedError, "sources.denied", host=host, what=model_id, status=_status(error)
        ) from error
    except (theirs.RepositoryNotFoundError, theirs.RevisionNotFoundError, theirs.HFValidationError) as error:
        raise refusal(
            SourceNotFoundError,
            "sources.model_not_found",
            source="Hugging Face",
            id=model_id,
            revision=revision,
        ) from error
    except theirs.HfHubHTTPError as error:
        status = _status(error)
        if status in (401, 403):
            raise refusal(
                SourceDeniedError, "sources.denied", host=host, what=model_id, status=status
            ) from error
        kind = SourceUnreachableError if status in _PASSING else SourceProtocolError
        key = "sources.unreachable" if status in _PASSING else "sources.protocol"
        raise refusal(kind, key, host=host, reason=f"HTTP {status}") from error
    except (HTTPError, OSError) as error:
        raise refusal(
            SourceUnreachableError, "sources.unreachable", host=host, reason=reason_of(error)
        ) from error
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise refusal(SourceProtocolError, "sources.protocol", host=host, reason=reason_of(error)) from error


def _host(endpoint: str) -> str:
    return endpoint.rsplit("://", maxsplit=1)[-1].split("/", maxsplit=1)[0]


def _status(error: Exception) -> int:
    return int(getattr(getattr(error, "response", None), "status_code", 0) or 0)
