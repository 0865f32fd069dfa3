"""A new vision encoder for a GGUF model: one file, which llama.cpp calls mmproj, in the place of another.

It fits any quantisation of its language model, so what is held against each other is the form: the kind of
its merger, the width of its embeddings, the size of a patch, and the shape of every tensor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from huiyan.engines import gguf
from huiyan.errors import ComponentMismatchError, ReleaseFeedError, StoreError
from huiyan.messages import refusal
from huiyan.store.compose import Snapshot
from huiyan.store.lock import LockedFile, ModelLock
from huiyan.store.snapshots import Store
from huiyan.updates.feed import Component, Projector
from huiyan.updates.place import Place, into_blob

#: (bytes done, bytes in all)
OnBytes = Callable[[int, int], None]


def form_of(path: Path) -> Projector:
    """The form of the projector at `path`. Raises: ComponentMismatchError when it is none, StoreError."""
    try:
        head = gguf.read_head(path)
        size_bytes = path.stat().st_size
    except OSError as error:
        raise refusal(StoreError, "fit.unreadable", path=path, reason=error.strerror) from error
    if size_bytes < head.needed_bytes:
        raise refusal(
            ComponentMismatchError,
            "fit.projector_size",
            name=path.name,
            size_bytes=size_bytes,
            needed_bytes=head.needed_bytes,
        )
    data = head.metadata
    kind, width = data.get("clip.projector_type"), data.get("clip.vision.projection_dim")
    patch_px = data.get("clip.vision.patch_size")
    if data.get("general.architecture") != "clip" or not kind or not width or not patch_px:
        raise refusal(ComponentMismatchError, "fit.no_projector", name=path.name)
    return Projector(
        type=str(kind), width=int(width), patch_px=int(patch_px), form_sha256=form_sha256(head.shapes)
    )


def form_sha256(shapes: dict[str, tuple[int, ...]]) -> str:
    """Of the names and shapes of all tensors; their types may differ."""
    return hashlib.sha256(msgspec.json.encode(sorted(shapes.items()))).hexdigest()


def check_fits(given: Projector, here: Projector, what: str) -> None:
    """Raises: ComponentMismatchError, which names what differs. what: the release, for people."""
    for name, new, old in (
        ("projector type", given.type, here.type),
        ("embedding width", given.width, here.width),
        ("patch size", given.patch_px, here.patch_px),
        ("tensors' names and shapes", given.form_sha256[:12], here.form_sha256[:12]),
    ):
        if new != old:
            raise refusal(ComponentMismatchError, "fit.projector", what=what, name=name, new=new, old=old)


class ProjectorStaging:
    """Composes the snapshot with the new file; blocks, for a thread. What was fetched is kept."""

    def __init__(
        self,
        store: Store,
        component: Component,
        place: Place,
        *,
        here: Callable[[], Snapshot],
        replaced: Callable[[Path], str],
        on_bytes: OnBytes = lambda done, total: None,
    ) -> None:
        """here: the model as it is in the store. replaced: of a tree, the path of the projector in use."""
        self._store = store
        self._component = component
        self._place = place
        self._here = here
        self._replaced = replaced
        self._on_bytes = on_bytes

    def check(self, projector: Path) -> None:
        """Whether the release fits the projector that is here, by what the feed says of it.

        Raises: ReleaseFeedError, ComponentMismatchError, StoreError.
        """
        if self._component.projector is None:
            raise refusal(
                ComponentMismatchError,
                "fit.safetensors",
                name=self._component.name,
                version=self._component.version,
            )
        check_fits(self._component.projector, form_of(projector), self._named)

    @property
    def _named(self) -> str:
        return f"{self._component.name} {self._component.version}"

    def run(self) -> str:
        """Digest of the new snapshot, complete and verified. Raises: as `check`, and DiskFullError."""
        here = self._here()
        path = self._replaced(here.tree)
        self.check(here.tree / path)
        assert self._component.projector is not None
        (file,) = self._component.files
        new = LockedFile(path=path, size_bytes=file.size_bytes, sha256=file.sha256)
        others = tuple(each for each in here.lock.files if each.path != path)
        lock = ModelLock(source="local", id=here.id, files=(*others, new))
        done = 0

        def on_piece(size_bytes: int) -> None:
            nonlocal done
            done += size_bytes
            self._on_bytes(min(done, file.size_bytes), file.size_bytes)

        with self._store.pin(lock):
            blob = into_blob(self._place, file, self._store.blobs, on_piece)
            found = form_of(blob)
            if found != self._component.projector:
                raise refusal(
                    ReleaseFeedError, "release_feed.other_projector", name=self._named, path=file.path
                )
            return self._store.compose(lock)
