"""A pull: what a source lists, less what is here, fetched, put together, and made current.

Sources are asked in order. Without a lock the first one that can serve the whole model decides what it
is; with a lock the bytes are decided, and each source gives what it has of them.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from huiyan.errors import (
    DigestMismatchError,
    OfflineError,
    PullInterruptedError,
    SourceChangedError,
    SourceError,
    SourceNotFoundError,
    TensorHeaderError,
)
from huiyan.messages import refusal
from huiyan.sources.delta import Delta
from huiyan.sources.plan import Plan, plan_locked, plan_unlocked
from huiyan.sources.protocol import Listing, Progress, Source
from huiyan.sources.space import check_space
from huiyan.sources.transfer import Transfer
from huiyan.sources.transfer.meter import Meter
from huiyan.store.catalogue import exact_id, split_variant
from huiyan.store.lock import LockedFile, ModelLock
from huiyan.store.snapshots import Store
from huiyan.store.tensors import tensor_digests

#: A branch may move while it is being fetched; one that moves all the time is given up.
_LISTINGS: Final = 3

_SAY_EVERY_S: Final = 0.25

OnProgress = Callable[[Progress], None]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be pulled.

    model_id: in any case; `:VARIANT` chooses one quantisation of a GGUF repository.
    include: patterns of paths; empty: what the model needs. only: patterns of the tensors that have changed;
    the others are taken from the snapshot that is here, and the published SHA-256 decides.
    """

    model_id: str
    revision: str | None = None
    locked: ModelLock | None = None
    include: tuple[str, ...] = ()
    only: tuple[str, ...] = ()


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    moved_bytes: over the network. whole: shards that came whole although parts of them were asked for: the
    source ignores Range, or more had changed than was said.
    """

    lock: ModelLock
    digest: str
    moved_bytes: int = 0
    reused_bytes: int = 0
    whole: tuple[str, ...] = ()


def pull(
    store: Store,
    sources: Sequence[Source],
    wish: Wish,
    *,
    transfer: Transfer,
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
) -> Pulled:
    """Bring a model into the store and make it current.

    May be killed at any moment: the store holds the old state or the new one, and what came is kept.
    on_progress: called from this thread. Raises: SourceError and its kinds, DigestMismatchError,
    DiskFullError, StoreError, PullInterruptedError.
    """
    run = _Pull(store, wish, transfer, on_progress or (lambda _: None), cancel or threading.Event())
    # What comes now is in no snapshot yet: a collection that runs meanwhile must leave it alone.
    with store.pin(everything=True):
        return run.locked(sources) if wish.locked is not None else run.unlocked(sources)


class _Pull:
    def __init__(
        self,
        store: Store,
        wish: Wish,
        transfer: Transfer,
        on_progress: OnProgress,
        cancel: threading.Event,
    ) -> None:
        self._store = store
        self._wish = wish
        self._transfer = transfer
        self._on_progress = on_progress
        self._cancel = cancel
        name, self._variant = split_variant(wish.model_id)
        self._id = exact_id(name)
        self._moved_bytes = 0
        self._whole: list[str] = []
        self._seeded: list[str] = []
        self._delta = True

    def unlocked(self, sources: Sequence[Source]) -> Pulled:
        """The first source that serves all of what it lists."""
        errors: list[SourceError | DigestMismatchError] = []
        for source in sources:
            for attempt in range(_LISTINGS):
                try:
                    return self._whole_of(source)
                except (SourceError, DigestMismatchError) as error:
                    self._doubt_delta(error)
                    # Replaced while it was fetched, perhaps: then what is listed now decides.
                    changed = isinstance(error, SourceChangedError | DigestMismatchError)
                    if not changed or attempt == _LISTINGS - 1:
                        errors.append(error)
                        break
        return self._here_already(errors)

    def locked(self, sources: Sequence[Source]) -> Pulled:
        """Every source in order, for what is still missing."""
        lock = self._wish.locked
        assert lock is not None
        errors: list[SourceError | DigestMismatchError] = []
        digests = self._missing_of(lock)
        for source in sources:
            if not digests:
                break
            try:
                self._part_of(source, lock, digests)
            except (SourceError, DigestMismatchError) as error:
                errors.append(error)
                if self._doubt_delta(error):
                    with contextlib.suppress(SourceError, DigestMismatchError):
                        self._part_of(source, lock, self._missing_of(lock))
            digests = self._missing_of(lock)
        if digests:
            paths = [file.path for file in lock.files if file.sha256 in digests]
            if errors:
                raise errors[0]
            raise refusal(
                SourceChangedError,
                "sources.differs",
                source=", ".join(source.name for source in sources),
                path=paths[0],
            )
        return self._compose(lock, reused_bytes=lock.size_bytes - self._moved_bytes)

    def _doubt_delta(self, error: SourceError | DigestMismatchError) -> bool:
        """Whether the error may come from tensors that were taken for unchanged; they are not again."""
        if not isinstance(error, DigestMismatchError) or not self._seeded:
            return False
        self._delta = False
        self._whole += self._seeded
        self._seeded = []
        return True

    def _whole_of(self, source: Source) -> Pulled:
        self._on_progress(Progress(phase="listing"))
        listing = source.list(self._id, self._wish.revision)
        current = self._store.current(listing.id)
        before = None if current is None else current.lock
        plan = plan_unlocked(
            listing, variant=self._variant, include=self._wish.include, before=before, store=self._store
        )
        found = self._fetch(source, listing, plan, before)
        lock = ModelLock(
            source=listing.source,
            endpoint=listing.endpoint,
            id=listing.id,
            revision=listing.revision,
            resolved=listing.resolved,
            files=tuple(
                LockedFile(path=file.path, size_bytes=file.size_bytes, sha256=found[file.path])
                for file in plan.files
            ),
        )
        lock = self._with_tensors(lock, before)
        return self._compose(lock, reused_bytes=max(0, lock.size_bytes - self._moved_bytes))

    def _part_of(self, source: Source, lock: ModelLock, digests: set[str]) -> None:
        self._on_progress(Progress(phase="listing"))
        revision = (lock.resolved or lock.revision or None) if source.name == lock.source else None
        listing = source.list(lock.id, revision)
        current = self._store.current(lock.id)
        plan = plan_locked(listing, lock, digests)
        self._fetch(source, listing, plan, None if current is None else current.lock)

    def _fetch(
        self, source: Source, listing: Listing, plan: Plan, before: ModelLock | None
    ) -> dict[str, str]:
        """Digest by path of every file of the plan."""
        items = plan.items(source, listing)
        blobs = self._store.blobs
        missing = [
            item for item in items if item.sha256 is None or not blobs.has(item.sha256, item.size_bytes)
        ]
        check_space(blobs.layout.root, sum(item.size_bytes for item in missing))
        if before is not None and self._delta:
            delta = Delta(self._store, before, only=self._wish.only)
            locked = self._wish.locked
            with self._transfer.documents(self._cancel) as documents:
                for item in missing:
                    tensors = locked.file(item.path).tensors if locked is not None else {}
                    self._moved_bytes += delta.seed(documents, item, tensors)
            self._whole += delta.whole
            self._seeded += delta.seeded
        here = {item.path: item.sha256 for item in items if item.sha256 is not None and item not in missing}
        outcome = self._transfer.fetch(blobs, missing, self._on_progress, self._cancel)
        self._moved_bytes += outcome.moved_bytes
        return {**plan.known, **here, **outcome.digests}

    def _missing_of(self, lock: ModelLock) -> set[str]:
        blobs = self._store.blobs
        return {file.sha256 for file in lock.files if not blobs.has(file.sha256, file.size_bytes)}

    def _with_tensors(self, lock: ModelLock, before: ModelLock | None) -> ModelLock:
        """Digest of every tensor, so that the next revision moves only what changed."""
        known = {file.sha256: file.tensors for file in before.files} if before is not None else {}
        total_bytes = sum(file.size_bytes for file in lock.files if _needs_tensors(file, known))
        checking = _Checking(total_bytes, self._on_progress, self._cancel)
        files: list[LockedFile] = []
        for file in lock.files:
            tensors = known.get(file.sha256, {})
            if _needs_tensors(file, known):
                checking.file = file.path
                with contextlib.suppress(TensorHeaderError):
                    # What is no safetensors file has no digests of tensors; its own it has.
                    tensors = tensor_digests(self._store.blobs.path(file.sha256), checking.read)
            files.append(msgspec.structs.replace(file, tensors=tensors))
        return msgspec.structs.replace(lock, files=tuple(files))

    def _compose(self, lock: ModelLock, *, reused_bytes: int) -> Pulled:
        self._on_progress(
            Progress(phase="composing", done_bytes=lock.size_bytes, total_bytes=lock.size_bytes)
        )
        digest = self._store.install(lock).digest
        self._on_progress(
            Progress(
                phase="done",
                done_bytes=lock.size_bytes,
                total_bytes=lock.size_bytes,
                moved_bytes=self._moved_bytes,
            )
        )
        return Pulled(
            lock=lock,
            digest=digest,
            moved_bytes=self._moved_bytes,
            reused_bytes=max(0, reused_bytes),
            whole=tuple(dict.fromkeys(self._whole)),
        )

    def _here_already(self, errors: Sequence[SourceError | DigestMismatchError]) -> Pulled:
        """Without a network a model that is here is what was asked for; else the first error says why not.

        Raises: the first error; OfflineError.
        """
        if errors and not any(isinstance(error, OfflineError) for error in errors):
            raise errors[0]
        current = self._store.current(self._store.resolve_name(self._id) or self._id)
        revision = self._wish.revision
        if current is not None and revision in (None, current.lock.revision, current.lock.resolved):
            return Pulled(lock=current.lock, digest=current.digest, reused_bytes=current.lock.size_bytes)
        found = [error for error in errors if not isinstance(error, OfflineError | SourceNotFoundError)]
        if found:
            raise found[0]
        raise refusal(OfflineError, "sources.not_here", id=self._id)


class _Checking:
    """Progress of reading what has come once more, for the digests of its tensors."""

    def __init__(self, total_bytes: int, on_progress: OnProgress, cancel: threading.Event) -> None:
        self.file = ""
        self._meter = Meter(total_bytes)
        self._on_progress = on_progress
        self._cancel = cancel
        self._said_s = 0.0

    def read(self, size_bytes: int) -> None:
        """Raises: PullInterruptedError."""
        if self._cancel.is_set():
            raise refusal(PullInterruptedError, "sources.interrupted")
        self._meter.moved(self.file, size_bytes)
        now_s = time.monotonic()
        if now_s - self._said_s >= _SAY_EVERY_S:
            self._said_s = now_s
            self._on_progress(msgspec.structs.replace(self._meter.look(), phase="checking", moved_bytes=0))


def _needs_tensors(file: LockedFile, known: dict[str, dict[str, str]]) -> bool:
    return file.path.endswith(".safetensors") and not known.get(file.sha256)
