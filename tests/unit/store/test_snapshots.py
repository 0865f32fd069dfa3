"""Snapshots, `current`, rollback: one step from the old state to the new one."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from huiyan.errors import LockError, ModelFileMissingError, ModelNotInStoreError, StoreError
from huiyan.store.snapshots import Store
from tests.support.models import MODEL_ID, fetch, files_of, lock_of, tree_bytes


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_model_lies_there_under_its_names(store: Store) -> None:
    snapshot = fetch(store, files_of(1))
    assert tree_bytes(snapshot.tree) == files_of(1)
    assert snapshot.digest == lock_of(files_of(1)).digest()
    link = store.layout.models / "Qwen--Tiny-VL" / "current"
    assert str(link.readlink()) == f"../../snapshots/{snapshot.digest}"
    assert tree_bytes(link / "tree") == files_of(1)
    (model,) = store.models()
    assert (model.id, model.digest, model.size_bytes) == (MODEL_ID, snapshot.digest, snapshot.lock.size_bytes)
    assert model.previous is None
    assert model.pulled_at


def test_two_stores_have_the_same_bytes_from_two_sources(tmp_path: Path) -> None:
    here, there = Store(tmp_path / "a"), Store(tmp_path / "b")
    fetch(here, files_of(1))
    for data in files_of(1).values():
        there.blobs.create(data)
    there.install(lock_of(files_of(1), source="huggingface"))
    one, other = here.current(MODEL_ID), there.current(MODEL_ID)
    assert one is not None
    assert other is not None
    assert one.digest == other.digest
    assert tree_bytes(one.tree) == tree_bytes(other.tree)


def test_update_rollback_and_forward_again(store: Store) -> None:
    old, new = fetch(store, files_of(1)), fetch(store, files_of(2))
    assert store.current(MODEL_ID) == new
    assert store.previous(MODEL_ID) == old
    assert store.rollback(MODEL_ID) == old
    assert store.current(MODEL_ID) == old
    assert store.previous(MODEL_ID) == new
    assert store.rollback(MODEL_ID) == new
    assert [entry.action for entry in store.history(MODEL_ID)] == ["switch", "switch", "rollback", "rollback"]
    link = store.layout.model(MODEL_ID) / "previous"
    assert str(link.readlink()).endswith(old.digest)


def test_the_same_again_changes_nothing(store: Store) -> None:
    fetch(store, files_of(1))
    new = fetch(store, files_of(2))
    before = store.models()
    assert fetch(store, files_of(2)) == new
    assert store.models() == before


def test_nothing_to_go_back_to(store: Store) -> None:
    fetch(store, files_of(1))
    with pytest.raises(StoreError, match="no previous"):
        store.rollback(MODEL_ID)
    with pytest.raises(ModelNotInStoreError):
        store.rollback("Qwen/None")


def test_any_case_finds_the_one_copy(store: Store) -> None:
    """xinference 1638: a second copy of the same model under another name."""
    fetch(store, files_of(1))
    assert store.resolve_name("qwen/tiny-vl") == MODEL_ID
    assert store.current("QWEN/TINY-VL") == store.current(MODEL_ID)
    other = lock_of(files_of(1), model_id="qwen/tiny-vl")
    with pytest.raises(StoreError, match="differs in upper and lower case"):
        store.install(other)
    assert [model.id for model in store.models()] == [MODEL_ID]


def test_a_model_that_is_not_whole_is_not_composed(store: Store) -> None:
    """gpustack 4544: an incomplete model marked complete."""
    files = files_of(1)
    for path, data in files.items():
        if path != "config.json":
            store.blobs.create(data)
    with pytest.raises(ModelFileMissingError, match=r"config\.json"):
        store.install(lock_of(files))
    assert store.models() == []
    assert not store.layout.snapshots.exists() or not any(store.layout.snapshots.iterdir())
    sha256 = store.blobs.create(files["config.json"])
    blob = store.blobs.path(sha256)
    blob.chmod(0o644)
    blob.write_bytes(files["config.json"].replace(b"qwen", b"qwem"))
    with pytest.raises(ModelFileMissingError):
        store.install(lock_of(files))


def test_a_lock_that_lies_about_a_size(store: Store) -> None:
    files = files_of(1)
    for data in files.values():
        store.blobs.create(data)
    lock = lock_of(files)
    honest = lock.file("config.json")
    lied = tuple(
        msgspec.structs.replace(file, size_bytes=0) if file.path == "config.json" else file
        for file in lock.files
    )
    with pytest.raises(LockError, match=r"gives config\.json 0 bytes"):
        store.install(msgspec.structs.replace(lock, files=lied))
    assert store.blobs.has(honest.sha256, honest.size_bytes)


def test_a_snapshot_of_another_model_is_not_taken(store: Store) -> None:
    snapshot = fetch(store, files_of(1))
    with pytest.raises(StoreError, match="belongs to"):
        store.switch("Qwen/Other", snapshot.digest)
    with pytest.raises(ModelNotInStoreError):
        store.switch(MODEL_ID, "0" * 64)


@pytest.mark.parametrize("spoil", ["flip", "missing", "link", "directory", "parent", "extra"])
def test_a_pull_mends_a_tree_in_place(store: Store, spoil: str) -> None:
    tree = fetch(store, files_of(1)).tree
    target = tree / "nested" / "dir" / "tokenizer.json"
    target.unlink()
    if spoil == "flip":
        target.write_bytes(b"!" + files_of(1)["nested/dir/tokenizer.json"][1:])
    elif spoil == "link":
        target.symlink_to("/etc/hostname")
    elif spoil == "directory":
        (target / "more").mkdir(parents=True)
    elif spoil == "parent":
        target.parent.rmdir()
        target.parent.symlink_to("/tmp")
    elif spoil == "extra":
        (tree / "evil.py").write_bytes(b"import os")
    assert tree_bytes(fetch(store, files_of(1)).tree) == files_of(1)
    assert not target.parent.is_symlink()
    assert store.verify(deep=True) == []


def test_history_that_was_damaged_costs_no_model(store: Store) -> None:
    old, new = fetch(store, files_of(1)), fetch(store, files_of(2))
    path = store.layout.model(MODEL_ID) / "history.jsonl"
    path.write_bytes(b"\0" * 100)
    assert store.current(MODEL_ID) == new
    assert store.previous(MODEL_ID) == old
    store.gc()
    assert store.rollback(MODEL_ID) == old
