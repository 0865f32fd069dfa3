"""ModelScope: plain listings read here, others by the `modelscope-hub` client; bytes come by our transfer.

A branch there is never resolved to a commit: what pins a model is the SHA-256 of every file, which the
listing names.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from huiyan.errors import (
    SourceDeniedError,
    SourceNotFoundError,
    SourceProtocolError,
    SourceUnreachableError,
)
from huiyan.messages import refusal
from huiyan.sources.deadline import DEFAULT_S, within
from huiyan.sources.listed import checked_listing
from huiyan.sources.modelscope_plain import plain_listing
from huiyan.sources.offline import Network
from huiyan.sources.protocol import FileRequest, Listing, RemoteFile, SourceName
from huiyan.sources.reasons import reason_of

DEFAULT_REVISION: Final = "master"


class ModelScope:
    """Signed in as the hub's own client is: by the token in its own file, never by a variable."""

    name: SourceName = "modelscope"

    def __init__(
        self,
        network: Network,
        endpoint: str = "https://modelscope.cn",
        *,
        list_timeout_s: float = DEFAULT_S,
    ) -> None:
        """list_timeout_s: for a listing, all attempts of the hub's client together."""
        self.endpoint = endpoint.rstrip("/")
        self._network = network
        self.list_timeout_s = list_timeout_s

    def list(self, model_id: str, revision: str | None = None) -> Listing:
        """Raises: SourceError and its kinds."""
        self._network.require(self.endpoint)
        wanted = revision or DEFAULT_REVISION
        return within(self.list_timeout_s, _host(self.endpoint), lambda: self._list(model_id, wanted))

    def _list(self, model_id: str, revision: str) -> Listing:
        exact_id, files = self._plain(model_id, revision) or self._by_client(model_id, revision)
        return checked_listing(
            Listing(
                source=self.name,
                endpoint=self.endpoint,
                id=exact_id,
                revision=revision,
                resolved="",
                files=files,
            ),
            asked=model_id,
        )

    def _plain(self, model_id: str, revision: str) -> tuple[str, tuple[RemoteFile, ...]] | None:
        found = plain_listing(
            self._network,
            self.endpoint,
            model_id,
            revision,
            self._credentials(),
            # The client shall have time to say what is wrong.
            timeout_s=self.list_timeout_s / 4,
        )
        return None if found is None else (found.id, found.files)

    def _by_client(self, model_id: str, revision: str) -> tuple[str, tuple[RemoteFile, ...]]:
        with _errors_of_ours(self.endpoint, model_id, revision), self._api() as api:
            info = api.get_repo(model_id, "model")
            exact_id = f"{info.owner}/{info.name}" if info.owner and info.name else model_id
            files = api.list_repo_files(exact_id, "model", revision=revision, recursive=True)
            return exact_id, tuple(
                RemoteFile(
                    path=file.path, size_bytes=file.size or 0, sha256=(file.sha256 or "").lower() or None
                )
                for file in files
                if file.type != "tree"
            )

    def request(self, listing: Listing, file: RemoteFile) -> FileRequest:
        query = urlencode({"Revision": listing.revision, "FilePath": file.path})
        url = f"{self.endpoint}/api/v1/models/{listing.id}/repo?{query}"
        return FileRequest(url=url, headers=self._credentials())

    def _credentials(self) -> dict[str, str]:
        token = self._token()
        return {"Authorization": f"Bearer {token}", "Cookie": f"m_session_id={token}"} if token else {}

    @contextlib.contextmanager
    def _api(self) -> Iterator[Any]:
        # The client takes half a second to import; no annotations of its own cover all of it.
        from modelscope_hub import HubApi
        from modelscope_hub.config import HubConfig

        logging.getLogger("modelscope_hub").setLevel(logging.ERROR)
        # Its own directory is not given to it: it would make an id for this machine there and send it along.
        # A token that is given, if only an empty one, keeps it from taking one out of the environment.
        with tempfile.TemporaryDirectory(prefix="huiyan-") as scratch:
            yield HubApi(
                HubConfig(
                    endpoint=self.endpoint,
                    token=self._token(),
                    config_dir=Path(scratch),
                    cache_dir=Path(scratch),
                )
            )

    def _token(self) -> str:
        # As the client finds its own directory.
        home = os.environ.get("MODELSCOPE_HOME") or "~/.modelscope"  # noqa: TID251
        if not (Path(home).expanduser() / "credentials" / "cookies").exists():
            # Nobody has signed in: the client is not imported to say so.
            return ""
        from modelscope_hub.config import HubConfig

        return HubConfig(endpoint=self.endpoint, token="").load_token() or ""


@contextlib.contextmanager
def _errors_of_ours(endpoint: str, model_id: str, revision: str) -> Iterator[None]:
    from modelscope_hub import errors as theirs
    from requests import RequestException

    host = _host(endpoint)
    try:
        yield
    except (theirs.AuthenticationError, theirs.PermissionDeniedError) as error:
        raise refusal(
            SourceDeniedError, "sources.denied", host=host, what=model_id, status=error.status_code or 403
        ) from error
    except (theirs.NotExistError, theirs.InvalidParameter) as error:
        raise refusal(
            SourceNotFoundError,
            "sources.model_not_found",
            source="ModelScope",
            id=model_id,
            revision=revision,
        ) from error
    except (theirs.NetworkError, theirs.RateLimitError, theirs.ServerError, OSError) as error:
        raise refusal(
            SourceUnreachableError, "sources.unreachable", host=host, reason=reason_of(error)
        ) from error
    except (theirs.HubError, RequestException, ValueError, TypeError, AttributeError, KeyError) as error:
        raise refusal(SourceProtocolError, "sources.protocol", host=host, reason=reason_of(error)) from error


def _host(endpoint: str) -> str:
    return endpoint.rsplit("://", maxsplit=1)[-1].split("/", maxsplit=1)[0]
