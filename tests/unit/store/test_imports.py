"""Caches of other programs come in by link and stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from huiyan.errors import LockError, StoreError
from huiyan.store.durable import can_clone
from huiyan.store.imports import find_cached, import_cached, import_directory
from huiyan.store.snapshots import Store
from tests.support.models import MODEL_ID, files_of, tree_bytes

COMMIT = "89644892e4d85e24eaac8bacfd4f463576704203"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def hugging_face(cache: Path) -> Path:
    """As its client lays it out: blobs, and links to them from a snapshot."""
    repository = cache / "hub" / "models--Qwen--Tiny-VL"
    snapshot = repository / "snapshots" / COMMIT
    for number, (name, data) in enumerate(files_of(1).items()):
        blob = repository / "blobs" / f"etag{number}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        path = snapshot / name
        path.parent.mkdir(parents=True, exist_ok=True)
        depth = len(path.relative_to(repository).parts) - 1
        path.symlink_to("../" * depth + f"blobs/etag{number}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    return cache


def modelscope(cache: Path) -> Path:
    snapshot = cache / "models" / "Qwen--Tiny-VL" / "snapshots" / "master"
    write(snapshot, {**files_of(1), ".msc": b"x", ".mv": b"y"})
    return cache


def older_modelscope(cache: Path) -> Path:
    write(cache / "hub" / "models" / "Qwen" / "Tiny-VL-2___5", {**files_of(1), ".msc": b"x", ".mdl": b"z"})
    return cache


def seen(files: list[Path]) -> dict[Path, tuple[int, int, bytes]]:
    """What must stay as it is: mode, time, bytes."""
    return {path: (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@pytest.mark.parametrize(
    ("make", "source", "model_id", "revision"),
    [
        (hugging_face, "huggingface", MODEL_ID, COMMIT),
        (modelscope, "modelscope", MODEL_ID, "master"),
        (older_modelscope, "modelscope", "Qwen/Tiny-VL-2.5", ""),
    ],
)
def test_a_cache_comes_in_by_link(
    store: Store,
    tmp_path: Path,
    make: Callable[[Path], Path],
    source: str,
    model_id: str,
    revision: str,
) -> None:
    cache = make(tmp_path / "cache")
    files = [path for path in cache.rglob("*") if path.is_file() and not path.is_symlink()]
    before = seen(files)
    (cached,) = find_cached(cache)
    assert (cached.source, cached.id, cached.revision) == (source, model_id, revision)
    assert cached.size_bytes == sum(map(len, files_of(1).values()))
    hashed: list[int] = []
    snapshot = import_cached(store, cached, hashed.append)
    assert sum(hashed) >= cached.size_bytes
    assert tree_bytes(snapshot.tree) == files_of(1)
    assert snapshot.lock.resolved == (COMMIT if source == "huggingface" else "")
    assert store.verify(deep=True) == []
    assert seen(files) == before
    if not can_clone(tmp_path):
        inodes = {path.stat().st_ino for path in files}
        assert {path.stat().st_ino for path in snapshot.tree.rglob("*") if path.is_file()} <= inodes
    freed = store.remove(model_id)
    assert seen(files) == before
    assert freed == 0 or can_clone(tmp_path)


def test_the_original_changes_later(store: Store, tmp_path: Path) -> None:
    """Its bytes may be ours, too: that is noticed, and nothing damaged is loaded."""
    write(tmp_path / "model", files_of(1))
    import_directory(store, tmp_path / "model", model_id=MODEL_ID)
    with (tmp_path / "model" / "config.json").open("r+b") as file:
        file.write(b"!")
    found = Store(store.layout.root).verify(deep=False)
    if can_clone(tmp_path):
        assert found == []
    else:
        assert {damage.kind for damage in found} == {"content"}
        write(tmp_path / "model", files_of(1))
        import_directory(store, tmp_path / "model", model_id=MODEL_ID)
        assert store.verify(deep=True) == []


def test_links_that_lead_out_of_the_model_are_not_followed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    write(tmp_path / "model", {"config.json": b"{}"})
    (tmp_path / "model" / "weights").symlink_to(tmp_path / "secret")
    (tmp_path / "model" / "etc").symlink_to("/etc")
    snapshot = import_directory(store, tmp_path / "model", model_id="team/own")
    assert tree_bytes(snapshot.tree) == {"config.json": b"{}"}
    assert snapshot.lock.source == "local"


def test_nothing_to_import(store: Store, tmp_path: Path) -> None:
    assert find_cached(tmp_path / "none") == []
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError):
        import_directory(store, tmp_path / "empty", model_id=MODEL_ID)
    with pytest.raises(LockError):
        import_directory(store, tmp_path / "empty", model_id="../x")
    assert store.models() == []
