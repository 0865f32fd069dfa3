"""Any flipped byte in any stored file is found, and a pull mends it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from huiyan.store.snapshots import Store
from tests.support.models import MODEL_ID, fetch, files_of, tree_bytes


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """With an update behind it, an unused blob, and a tree whose files are copies of their blobs."""
    store = Store(tmp_path / "store")
    for version in (1, 2, 3):
        fetch(store, files_of(version, big_bytes=9000))
    store.blobs.create(b"unused")
    fetch(store, files_of(4, big_bytes=500), model_id="Qwen/Other")
    other = store.current("Qwen/Other")
    assert other is not None
    for name in files_of(4):
        path = other.tree / name
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
    assert store.verify(deep=True) == []
    return store


def flip(path: Path, at: int) -> None:
    """One bit, with the time kept: as a disk would, without telling anybody."""
    before = path.stat()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << (at % 8)
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    path.chmod(before.st_mode)


def stored_files(store: Store) -> list[Path]:
    """Each file of the store with something in it, hard links once."""
    found: dict[int, Path] = {}
    for path in sorted(store.layout.root.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size:
            found.setdefault(path.stat().st_ino, path)
    return list(found.values())


def tree_of(store: Store, model_id: str) -> dict[str, bytes]:
    current = store.current(model_id)
    assert current is not None
    return tree_bytes(current.tree)


def test_a_flipped_byte_in_any_file_is_found_and_mended(store: Store) -> None:
    paths = stored_files(store)
    kinds = {path.relative_to(store.layout.root).parts[0] for path in paths}
    assert kinds == {"blobs", "models", "snapshots", "verified.json"}
    for number, path in enumerate(paths):
        if not path.exists():
            # Of a snapshot that nothing needed; a gc after an earlier flip took it.
            continue
        at = (number * 7919) % path.stat().st_size
        flip(path, at)
        name = path.relative_to(store.layout.root).as_posix()
        found = Store(store.layout.root).verify(deep=True)
        assert name in {damage.path for damage in found}, f"byte {at} of {name} was not found"
        for version in (2, 3):
            fetch(Store(store.layout.root), files_of(version, big_bytes=9000))
        fetch(Store(store.layout.root), files_of(4, big_bytes=500), model_id="Qwen/Other")
        again = Store(store.layout.root)
        again.gc()
        assert again.verify(deep=True) == [], f"byte {at} of {name} was not mended"
        assert tree_of(again, MODEL_ID) == files_of(3, big_bytes=9000)
        assert tree_of(again, "Qwen/Other") == files_of(4, big_bytes=500)


def test_every_byte_of_the_small_files_counts(store: Store) -> None:
    """Whatever byte it is: of a lock, the history, the record."""
    snapshot = store.current(MODEL_ID)
    assert snapshot is not None
    for path in (
        store.layout.snapshot_lock(snapshot.digest),
        store.layout.model(MODEL_ID) / "history.jsonl",
        store.layout.verified,
    ):
        data = path.read_bytes()
        for at in range(0, len(data), max(1, len(data) // 25)):
            flip(path, at)
            found = Store(store.layout.root).verify(deep=True, mark=False)
            assert path.relative_to(store.layout.root).as_posix() in {damage.path for damage in found}, at
            flip(path, at)


@pytest.mark.parametrize("target", ["../../snapshots/" + "0" * 64, "/etc", "../../snapshots/../models"])
def test_links_that_lead_elsewhere_are_found(store: Store, target: str) -> None:
    link = store.layout.model(MODEL_ID) / "current"
    link.unlink()
    link.symlink_to(target)
    assert {"reference"} == {damage.kind for damage in store.verify(deep=False)}
    assert store.current(MODEL_ID) is None
    store.gc()
    fetch(store, files_of(3, big_bytes=9000))
    assert store.verify(deep=True) == []
    assert tree_of(store, MODEL_ID) == files_of(3, big_bytes=9000)


def test_the_quick_look_reads_nothing_that_has_not_changed(store: Store) -> None:
    seen: list[tuple[int, int]] = []
    assert store.verify(deep=False, on_progress=lambda done, total: seen.append((done, total))) == []
    assert seen[-1][0] == seen[-1][1]
    blob = next(path for path in stored_files(store) if "blobs" in path.parts and path.stat().st_size == 9000)
    flip(blob, 5)
    assert Store(store.layout.root).verify(deep=False) == []
    os.utime(blob)
    found = Store(store.layout.root).verify(deep=False)
    assert {damage.kind for damage in found} == {"content"}
    assert {damage.model for damage in found} == {MODEL_ID}


def test_what_is_missing_or_too_much(store: Store) -> None:
    snapshot = store.current(MODEL_ID)
    assert snapshot is not None
    (snapshot.tree / "config.json").unlink()
    (snapshot.tree / "evil.py").write_bytes(b"import os")
    found = {(damage.path.rpartition("/")[2], damage.kind) for damage in store.verify(MODEL_ID, deep=False)}
    assert found == {("config.json", "missing"), ("evil.py", "extra")}
    assert not (snapshot.tree / "evil.py").exists()


def test_without_marking_nothing_is_touched(store: Store) -> None:
    blob = next(path for path in stored_files(store) if "blobs" in path.parts)
    flip(blob, 0)
    before = sorted(store.layout.root.rglob("*"))
    assert store.verify(deep=True, mark=False)
    assert [path for path in sorted(store.layout.root.rglob("*")) if "pins" not in path.parts] == [
        path for path in before if "pins" not in path.parts
    ]
