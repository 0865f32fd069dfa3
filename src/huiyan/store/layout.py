"""Where everything of a store lies. `docs/concepts/store.md` says how to mend one by hand."""

from __future__ import annotations

from pathlib import Path

from huiyan.store.names import directory_name


class Layout:
    """Paths below `root`; nothing is created by asking for one.

    blobs/sha256/ab/abcdef…        a file's bytes under their SHA-256, mode 0444
    partial/<sha256>/data,journal  a file that is still being fetched
    snapshots/<digest>/tree/…      a model's files under their names, linked to the blobs
    snapshots/<digest>/lock.toml   what the tree holds; its last line is the checksum of the others
    models/<owner>--<name>/        current, previous (links to snapshots), history.jsonl
    damaged/                       what a verification found to be damaged
    pins/                          what running processes need kept
    locks/                         files for flock, without content
    tmp/                           what is being made; nothing there outlives its maker
    verified.json                  size, time and inode of files whose digest was checked
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs" / "sha256"
        self.partial = root / "partial"
        self.snapshots = root / "snapshots"
        self.models = root / "models"
        self.damaged = root / "damaged"
        self.pins = root / "pins"
        self.locks = root / "locks"
        self.tmp = root / "tmp"
        self.verified = root / "verified.json"

    def blob(self, sha256: str) -> Path:
        return self.blobs / sha256[:2] / sha256

    def snapshot(self, digest: str) -> Path:
        return self.snapshots / digest

    def tree(self, digest: str) -> Path:
        return self.snapshots / digest / "tree"

    def snapshot_lock(self, digest: str) -> Path:
        return self.snapshots / digest / "lock.toml"

    def model(self, model_id: str) -> Path:
        return self.models / directory_name(model_id)

    @property
    def store_lock(self) -> Path:
        """Shared by whoever links or adds blobs and snapshots, exclusive for whoever removes them."""
        return self.locks / "store.lock"

    @property
    def refs_lock(self) -> Path:
        """Exclusive for whoever changes what `current` and `previous` are."""
        return self.locks / "refs.lock"

    @property
    def record_lock(self) -> Path:
        return self.locks / "record.lock"

    def partial_lock(self, name: str) -> Path:
        return self.locks / "partial" / f"{name}.lock"
