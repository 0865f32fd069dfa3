"""Export and import: whole, the same bytes, and nothing that an archive says is done outside the store."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huiyan.errors import ArchiveRefusedError, ModelNotInStoreError, StoreError
from huiyan.store.lock import LockFile, encode_lock
from huiyan.store.snapshots import Store
from huiyan.store.tar import header
from tests.support.models import MODEL_ID, fetch, files_of, lock_of, tree_bytes


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    fetch(store, files_of(1))
    fetch(store, files_of(2), model_id="Qwen/Other")
    return store


@pytest.fixture
def archive(store: Store, tmp_path: Path) -> Path:
    return store.export([MODEL_ID, "qwen/other"], tmp_path / "models.tar")


@pytest.mark.parametrize("name", ["models.tar", "models"])
def test_carried_over(store: Store, tmp_path: Path, name: str) -> None:
    written: list[int] = []
    target = store.export([MODEL_ID, "qwen/other"], tmp_path / "out" / name, written.append)
    there = Store(tmp_path / "there")
    snapshots = there.import_archive(target)
    assert [snapshot.id for snapshot in snapshots] == ["Qwen/Other", MODEL_ID]
    for version, model_id in ((1, MODEL_ID), (2, "Qwen/Other")):
        here = there.current(model_id)
        assert here is not None
        assert tree_bytes(here.tree) == files_of(version)
        assert here == msgspec.structs.replace(store.snapshot(here.digest), tree=here.tree)
    assert sum(written) == sum(map(len, {*files_of(1).values(), *files_of(2).values()}))
    assert there.verify(deep=True) == []
    assert [snapshot.digest for snapshot in there.import_archive(target)] == [s.digest for s in snapshots]


def test_an_archive_is_the_same_whoever_writes_it(store: Store, archive: Path, tmp_path: Path) -> None:
    there = Store(tmp_path / "there")
    there.import_archive(archive)
    again = there.export(["Qwen/Other", MODEL_ID], tmp_path / "again.tar")
    assert again.read_bytes() == archive.read_bytes()


def test_other_tar_programs_read_it_and_write_it(archive: Path, tmp_path: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "plain", filter="data")
        names = tar.getnames()
    assert names[0] == "models.lock"
    with tarfile.open(tmp_path / "repacked.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        tar.add(tmp_path / "plain", ".", recursive=False)
        for name in names:
            tar.add(tmp_path / "plain" / name, f"./{name}")
    for path in (tmp_path / "repacked.tar", tmp_path / "plain"):
        assert len(Store(tmp_path / path.name.replace(".", "-") / "there").import_archive(path)) == 2


def test_sizes_beyond_eight_gibibytes() -> None:
    for size_bytes in (0, 8**11 - 1, 8**11, 40 * 1024**3):
        assert tarfile.TarInfo.frombuf(header("x", size_bytes), "ascii", "strict").size == size_bytes


def test_what_is_there_is_not_overwritten(store: Store, archive: Path, tmp_path: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(StoreError, match="exists already"):
        store.export([MODEL_ID], archive)
    assert archive.read_bytes() == before
    with pytest.raises(ModelNotInStoreError):
        store.export(["Qwen/None"], tmp_path / "none.tar")
    assert not (tmp_path / "none.tar").exists()


def test_a_damaged_model_is_not_exported(store: Store, tmp_path: Path) -> None:
    blob = max(store.layout.blobs.rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    blob.chmod(0o644)
    blob.write_bytes(b"!" + blob.read_bytes()[1:])
    with pytest.raises(StoreError):
        Store(store.layout.root).export([MODEL_ID], tmp_path / "models.tar")
    assert list(tmp_path.glob("*models*")) == []


def hostile(
    tmp_path: Path, *members: tarfile.TarInfo, lock: bytes | None = None, first: bool = False
) -> Path:
    """An archive with a good lock of one file, `blobs/…` of it, and these members."""
    files = {"config.json": b"{}"}
    good = encode_lock(LockFile(models=(lock_of(files),))) if lock is None else lock
    path = tmp_path / "hostile.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for member in members if first else ():
            tar.addfile(member, io.BytesIO(b"x" * member.size))
        info = tarfile.TarInfo("models.lock")
        info.size = len(good)
        tar.addfile(info, io.BytesIO(good))
        for member in () if first else members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
        sha256 = lock_of(files).files[0].sha256
        info = tarfile.TarInfo(f"blobs/sha256/{sha256[:2]}/{sha256}")
        info.size = 2
        tar.addfile(info, io.BytesIO(b"{}"))
    return path


def member(
    name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size_bytes: int = 0
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size_bytes
    return info


SHA256 = lock_of({"config.json": b"{}"}).files[0].sha256
BLOB = f"blobs/sha256/{SHA256[:2]}/{SHA256}"


@pytest.mark.parametrize(
    "evil",
    [
        member("../../evil", size_bytes=3),
        member("/tmp/evil", size_bytes=3),
        member("blobs/../../evil", size_bytes=3),
        member("evil", size_bytes=3),
        member(BLOB, tarfile.SYMTYPE, "/etc/passwd"),
        member(BLOB, tarfile.LNKTYPE, "models.lock"),
        member("models.lock", tarfile.SYMTYPE, "/etc/passwd"),
        member(BLOB, tarfile.CHRTYPE),
        member(BLOB, tarfile.BLKTYPE),
        member(BLOB, tarfile.FIFOTYPE),
        member(BLOB, tarfile.GNUTYPE_SPARSE),
        member(BLOB, size_bytes=2),
        member(BLOB, size_bytes=1),
        member(BLOB.replace(SHA256, "0" * 64), size_bytes=2),
        member("x" * 300, size_bytes=3),
        member("models.lock", size_bytes=3),
    ],
    ids=lambda info: f"{info.name[:20]}-{info.type!r}-{info.size}",
)
def test_archives_that_try_something(tmp_path: Path, evil: tarfile.TarInfo) -> None:
    store = Store(tmp_path / "a" / "b" / "store")
    assert store.import_archive(hostile(tmp_path))
    fresh = Store(tmp_path / "a" / "b" / "fresh")
    with pytest.raises(ArchiveRefusedError):
        fresh.import_archive(hostile(tmp_path, evil))
    with pytest.raises(ArchiveRefusedError):
        fresh.import_archive(hostile(tmp_path, evil, first=True))
    assert fresh.models() == []
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("old", [b'path = "config.json"', b"size_bytes = 2", b'id = "Qwen/Tiny-VL"'])
def test_a_lock_inside_that_was_changed(tmp_path: Path, old: bytes) -> None:
    good = encode_lock(LockFile(models=(lock_of({"config.json": b"{}"}),)))
    new = {b"p": b'path = "../../evil"', b"s": b"size_bytes = 3", b"i": b'id = "../../x"'}[old[:1]]
    with pytest.raises(ArchiveRefusedError):
        Store(tmp_path / "store").import_archive(hostile(tmp_path, lock=good.replace(old, new)))


def test_a_file_is_missing(store: Store, tmp_path: Path) -> None:
    folder = store.export([MODEL_ID], tmp_path / "models")
    blob = next(path for path in folder.rglob("*") if path.is_file() and "blobs" in path.parts)
    data = blob.read_bytes()
    for spoil in ("gone", "link", "pipe", "flip"):
        blob.unlink(missing_ok=True)
        if spoil == "link":
            blob.symlink_to("/dev/zero")
        elif spoil == "pipe":
            os.mkfifo(blob)
        elif spoil == "flip":
            blob.write_bytes(bytes([*data[:-1], data[-1] ^ 1]) if data else b"")
        if data or spoil != "flip":
            with pytest.raises(ArchiveRefusedError):
                Store(tmp_path / "there").import_archive(folder)
    with pytest.raises(StoreError):
        store.import_archive(tmp_path / "nothing.tar")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10**9), bit=st.integers(0, 7), cut=st.booleans())
def test_a_damaged_archive_never_gives_a_damaged_model(
    archive: Path, tmp_path: Path, at: int, bit: int, cut: bool
) -> None:
    data = bytearray(archive.read_bytes())
    at %= len(data)
    if cut:
        del data[at:]
    else:
        data[at] ^= 1 << bit
    (tmp_path / "damaged.tar").write_bytes(data)
    there = Store(tmp_path / f"there-{at}-{bit}-{cut}")
    try:
        there.import_archive(tmp_path / "damaged.tar")
    except StoreError:
        assert there.models() == []
    else:
        # Where nothing counts: a mode, padding, what follows the end.
        for version, model_id in ((1, MODEL_ID), (2, "Qwen/Other")):
            snapshot = there.current(model_id)
            assert snapshot is not None
            assert tree_bytes(snapshot.tree) == files_of(version)
