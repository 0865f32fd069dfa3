"""What a store occupies, measured by inodes: never a promised saving."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from huiyan.store.blobs import Blobs
from huiyan.store.compose import Snapshot
from huiyan.store.layout import Layout


class ModelUsage(msgspec.Struct, frozen=True, kw_only=True):
    """size_bytes: of its snapshots' files, each counted once. unique_bytes: what `rm` would give back.

    shared_bytes: of files that snapshots of other models have, too.
    """

    id: str
    snapshots: int
    size_bytes: int
    unique_bytes: int
    shared_bytes: int


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """logical_bytes: all snapshots as if each had its own files. stored_bytes: what these files occupy.

    saved_bytes: the difference. unused_bytes: blobs that no snapshot names, until a gc.
    partial_bytes: downloads that are not finished.
    """

    logical_bytes: int
    stored_bytes: int
    saved_bytes: int
    unused_bytes: int
    partial_bytes: int
    damaged_bytes: int
    models: tuple[ModelUsage, ...]


def measure(layout: Layout, blobs: Blobs, snapshots: list[Snapshot], *, clones: bool) -> Usage:
    """snapshots: every one that can be read. clones: whether this file system lets files share extents.

    A tree's file is the blob itself (a hard link) or a copy, which counts. Where it is a clone no inode shows
    what is shared, so the trees of such a file system are taken to occupy nothing beside their blobs.
    """
    users: Counter[str] = Counter()
    sizes: dict[str, int] = {}
    by_model: dict[str, set[str]] = {}
    for snapshot in snapshots:
        for file in snapshot.lock.files:
            sizes[file.sha256] = file.size_bytes
            by_model.setdefault(snapshot.id, set()).add(file.sha256)
    for digests in by_model.values():
        users.update(digests)
    named = [layout.blob(sha256) for sha256 in sizes]
    trees = [snapshot.tree / file.path for snapshot in snapshots for file in snapshot.lock.files]
    stored_bytes = occupied_bytes(named if clones else [*named, *trees])
    logical_bytes = sum(snapshot.size_bytes for snapshot in snapshots)
    unused = [layout.blob(sha256) for sha256 in blobs.all() if sha256 not in sizes]
    return Usage(
        logical_bytes=logical_bytes,
        stored_bytes=stored_bytes,
        saved_bytes=logical_bytes - stored_bytes,
        unused_bytes=occupied_bytes(unused),
        partial_bytes=occupied_bytes(_files(layout.partial)),
        damaged_bytes=occupied_bytes(_files(layout.damaged)),
        models=tuple(
            ModelUsage(
                id=model_id,
                snapshots=sum(snapshot.id == model_id for snapshot in snapshots),
                size_bytes=sum(sizes[sha256] for sha256 in digests),
                unique_bytes=sum(sizes[sha256] for sha256 in digests if users[sha256] == 1),
                shared_bytes=sum(sizes[sha256] for sha256 in digests if users[sha256] > 1),
            )
            for model_id, digests in sorted(by_model.items())
        ),
    )


def occupied_bytes(paths: Iterable[Path]) -> int:
    """Bytes of these files, each inode once; holes do not count."""
    sizes: dict[tuple[int, int], int] = {}
    for path in paths:
        try:
            found = path.lstat()
        except OSError:
            continue
        sizes[found.st_dev, found.st_ino] = min(found.st_size, found.st_blocks * 512)
    return sum(sizes.values())


def _files(top: Path) -> Iterable[Path]:
    for folder, _, names in os.walk(top):
        for name in names:
            yield Path(folder) / name
