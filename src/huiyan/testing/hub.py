"""A scriptable stand-in for both hubs and a plain mirror. It is a fake, and holds small files made by tests.

`tests/contract/test_hubs.py` runs the hubs' own clients against it, so that it is what they expect.
Files of at least `lfs_bytes`, and weights, are served as the hubs serve large files: by a redirect to a
second origin (another port), which honours ranges and must see no credentials.
"""

from __future__ import annotations

import hashlib
import threading
from types import TracebackType

from huiyan.sources.mirror import LOCK_NAME
from huiyan.store.lock import LockedFile, LockFile, ModelLock, encode_lock
from huiyan.testing import hub_huggingface, hub_modelscope
from huiyan.testing.hub_faults import Fault, Faults
from huiyan.testing.hub_models import FakeModel, git_oid
from huiyan.testing.hub_server import HubRequest, HubServer, Reply


class FakeHub:
    """A context manager; thread-safe.

    url: of the hub; the same address speaks both APIs, and is a mirror at `mirror_url`.
    cdn_url: where it redirects to for large files. requests: all that came, in order, to either.
    """

    def __init__(self, *, lfs_bytes: int = 2048, page_size: int = 1000) -> None:
        self.lfs_bytes = lfs_bytes
        self.page_size = page_size
        self.models: dict[str, FakeModel] = {}
        self.faults = Faults()
        self.requests: list[HubRequest] = []
        self.ranges = True
        self.gated: set[str] = set()
        self._lock = threading.Lock()
        self._hub = HubServer(self._answer, self.faults, self._record)
        self._cdn = HubServer(self._answer_cdn, self.faults, self._record)

    def __enter__(self) -> FakeHub:
        self._hub.start()
        self._cdn.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.release.set()
        self._hub.stop()
        self._cdn.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._hub.port}"

    @property
    def cdn_url(self) -> str:
        return f"http://127.0.0.1:{self._cdn.port}"

    @property
    def mirror_url(self) -> str:
        return f"{self.url}/mirror"

    @property
    def store_url(self) -> str:
        """What `huiyan models serve` would offer of the same models."""
        return f"{self.url}/store"

    def add(self, model_id: str, files: dict[str, bytes]) -> FakeModel:
        """A model with one commit, to which `main` and `master` point."""
        model = FakeModel(model_id, files)
        self.models[model_id] = model
        return model

    def fail(self, kind: str, **how: object) -> Fault:
        """A fault on cue: see `hub_faults.Fault` for kinds and fields."""
        return self.faults.add(Fault(kind=kind, **how))  # type: ignore[arg-type]

    def lock(self, *, revision: str = "main") -> LockFile:
        """What the models are now, as a models.lock."""
        return LockFile(
            models=tuple(
                ModelLock(
                    source="mirror",
                    endpoint=self.mirror_url,
                    id=model.id,
                    revision=revision,
                    resolved=model.branches[revision],
                    files=tuple(
                        LockedFile(path=path, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
                        for path, data in sorted(model.at(revision).items())
                    ),
                )
                for model in self.models.values()
            )
        )

    def find(self, model_id: str) -> FakeModel | None:
        """Hubs do not care for case when they are asked."""
        found = self.models.get(model_id)
        if found is not None:
            return found
        return next((m for m in self.models.values() if m.id.casefold() == model_id.casefold()), None)

    def is_large(self, path: str, data: bytes) -> bool:
        return len(data) >= self.lfs_bytes or path.endswith((".safetensors", ".gguf"))

    def cdn_location(self, data: bytes) -> str:
        return f"{self.cdn_url}/cdn/{hashlib.sha256(data).hexdigest()}?signature=secret"

    def served_bytes(self) -> int:
        """Of bodies of files, as far as they were sent."""
        return sum(request.sent_bytes for request in self.requests if request.is_file)

    def file_requests(self, part: str = "") -> list[HubRequest]:
        return [request for request in self.requests if request.is_file and part in request.target]

    def _record(self, request: HubRequest) -> None:
        with self._lock:
            self.requests.append(request)

    def _answer(self, request: HubRequest) -> Reply:
        path = request.path
        if path.startswith("/mirror/"):
            return self._mirror(request, path.removeprefix("/mirror/"))
        if path.startswith("/store/"):
            return self._store(path.removeprefix("/store/"))
        if path.startswith(("/api/v1/", "/openapi/")):
            return hub_modelscope.answer(self, request)
        return hub_huggingface.answer(self, request)

    def _answer_cdn(self, request: HubRequest) -> Reply:
        digest = request.path.removeprefix("/cdn/")
        data = self._by_digest(digest)
        if data is None or request.query.get("signature") != "secret":
            return Reply(status=403)
        return Reply(body=data, etag=f'"{digest[:32]}"', ranges=self.ranges, is_file=True)

    def _mirror(self, request: HubRequest, rest: str) -> Reply:
        if rest == LOCK_NAME:
            return Reply(body=encode_lock(self.lock()), content_type="application/toml")
        for model in self.models.values():
            if rest.startswith(f"{model.id}/"):
                data = model.at("main").get(rest.removeprefix(f"{model.id}/"))
                if data is not None:
                    return Reply(body=data, etag=f'"{git_oid(data)}"', ranges=self.ranges, is_file=True)
        return Reply(status=404)

    def _store(self, rest: str) -> Reply:
        if rest == "lock":
            return Reply(body=encode_lock(self.lock()), content_type="application/toml")
        data = self._by_digest(rest.removeprefix("blobs/sha256/"))
        if data is None:
            return Reply(status=404)
        return Reply(body=data, etag=f'"{git_oid(data)}"', ranges=self.ranges, is_file=True)

    def _by_digest(self, digest: str) -> bytes | None:
        for model in self.models.values():
            if digest in model.by_digest:
                return model.by_digest[digest]
        return None
