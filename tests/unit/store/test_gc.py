"""Bytes that are given back, and bytes that must stay."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from huiyan.errors import ModelNotInStoreError
from huiyan.store.locks import FileLock
from huiyan.store.snapshots import Store
from tests.support.models import MODEL_ID, fetch, files_of, lock_of, tree_bytes
from tests.support.wait import wait_until


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_removing_gives_the_bytes_back_and_says_how_many(store: Store) -> None:
    """gpustack 2061: delete leaves the bytes."""
    fetch(store, files_of(1))
    fetch(store, files_of(2))
    expected = len({data for version in (1, 2) for data in files_of(version).values()})
    assert len(store.blobs.all()) == expected
    size_bytes = sum(map(len, {*files_of(1).values(), *files_of(2).values()}))
    assert store.remove("qwen/tiny-vl") == size_bytes
    assert store.blobs.all() == []
    assert store.models() == []
    assert list(store.layout.snapshots.iterdir()) == []
    with pytest.raises(ModelNotInStoreError):
        store.remove(MODEL_ID)


def test_what_another_model_has_too_stays(store: Store) -> None:
    fetch(store, files_of(1))
    other = fetch(store, files_of(2), model_id="Qwen/Other")
    own = {*files_of(1).values()} - {*files_of(2).values()}
    assert store.remove(MODEL_ID) == sum(map(len, own))
    assert tree_bytes(other.tree) == files_of(2)
    assert store.verify(deep=True) == []


def test_gc_keeps_current_and_previous(store: Store) -> None:
    snapshots = [fetch(store, files_of(version)) for version in (1, 2, 3)]
    store.blobs.create(b"nobody's")
    store.blobs.open_partial("0" * 64, 1000).abandon()
    expected = sum(map(len, {*files_of(1).values()} - {*files_of(2).values(), *files_of(3).values()})) + 8
    trial = store.gc(dry_run=True)
    assert len(store.blobs.all()) == trial.blobs + len({*files_of(2).values(), *files_of(3).values()})
    report = store.gc()
    assert (report.blobs, report.snapshots, report.partials) == (trial.blobs, 1, 1)
    assert report.blobs == 3
    assert report.freed_bytes - expected in range(1000)
    assert sorted(store.layout.snapshots.iterdir()) == sorted(
        store.layout.snapshot(snapshot.digest) for snapshot in snapshots[1:]
    )
    assert store.gc().freed_bytes == 0
    assert store.verify(deep=True) == []


def test_what_is_linked_from_elsewhere_gives_nothing_back(store: Store, tmp_path: Path) -> None:
    (tmp_path / "original").write_bytes(b"x" * 10_000)
    store.blobs.adopt(tmp_path / "original", link=True)
    linked = (tmp_path / "original").stat().st_nlink > 1
    report = store.gc()
    assert report.blobs == 1
    assert report.freed_bytes == (0 if linked else 10_000)
    assert (tmp_path / "original").read_bytes() == b"x" * 10_000


def test_a_pull_that_runs_keeps_what_it_has_so_far(store: Store) -> None:
    lock = lock_of(files_of(1))
    other = Store(store.layout.root)
    with store.pin(lock):
        for data in files_of(1).values():
            store.blobs.create(data)
        store.compose(lock)
        assert other.gc().blobs == 0
        store.switch(lock.id, lock.digest())
    with store.pin(everything=True):
        store.blobs.create(b"unknown beforehand")
        assert other.gc().blobs == 0
    assert other.gc().blobs == 1
    assert tree_bytes(store.tree(lock.digest())) == files_of(1)


def test_a_partial_that_is_being_written_stays(store: Store) -> None:
    with store.blobs.open_partial("0" * 64, 1000) as partial:
        partial.write(0, b"x")
        assert Store(store.layout.root).gc().partials == 0
    assert store.gc().partials == 1


_PINNER = """
import sys, time
from pathlib import Path
from huiyan.store.snapshots import Store
store = Store(Path(sys.argv[1]))
pin = store.pin(everything=True)
store.blobs.create(b"kept while it lives")
print("pinned", flush=True)
time.sleep(600)
"""


def test_a_pin_dies_with_its_process(store: Store) -> None:
    """gpustack 3054: a stale lock blocks a model family."""
    words = [sys.executable, "-c", _PINNER, str(store.layout.root)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as pinner:
        try:
            assert pinner.stdout is not None
            assert pinner.stdout.readline() == b"pinned\n"
            assert store.gc().blobs == 0
        finally:
            pinner.kill()
    assert store.gc().blobs == 1
    assert not any(store.layout.pins.iterdir())


def test_gc_waits_for_who_is_adding(store: Store) -> None:
    fetch(store, files_of(1))
    done: list[object] = []
    waits: list[int] = []
    lock = FileLock(store.layout.store_lock, shared=True)
    lock.acquire()
    other = Store(store.layout.root, on_wait=lambda: waits.append(1))
    thread = threading.Thread(target=lambda: done.append(other.gc()))
    thread.start()
    wait_until(lambda: bool(waits), "gc waits", 30)
    assert not done
    lock.release()
    thread.join(30)
    assert done


def test_a_needed_snapshot_without_its_list_keeps_every_blob(store: Store) -> None:
    snapshot = fetch(store, files_of(1))
    store.blobs.create(b"nobody's")
    store.layout.snapshot_lock(snapshot.digest).unlink()
    report = store.gc()
    assert report.blobs == 0
    assert report.undecided == (snapshot.digest,)
    fetch(store, files_of(1))
    assert store.gc().blobs == 1


def test_usage_is_measured(store: Store) -> None:
    fetch(store, files_of(1))
    fetch(store, files_of(2), model_id="Qwen/Other")
    store.blobs.create(b"unused")
    usage = store.usage()
    one, two = files_of(1), files_of(2)
    stored = sum(map(len, {*one.values(), *two.values()}))
    assert usage.logical_bytes == sum(map(len, [*one.values(), *two.values()]))
    assert usage.stored_bytes == stored
    assert usage.saved_bytes == usage.logical_bytes - stored
    assert usage.unused_bytes == 6
    by_id = {model.id: model for model in usage.models}
    shared = sum(map(len, {*one.values()} & {*two.values()}))
    assert by_id[MODEL_ID].shared_bytes == by_id["Qwen/Other"].shared_bytes == shared
    assert by_id[MODEL_ID].unique_bytes == sum(map(len, {*one.values()} - {*two.values()}))
    assert store.remove(MODEL_ID) == by_id[MODEL_ID].unique_bytes
