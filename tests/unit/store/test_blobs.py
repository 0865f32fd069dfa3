"""Blobs: whole or not there; what is on this machine already is linked, and left as it is."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from huiyan.errors import DigestMismatchError, StoreError
from huiyan.store.blobs import Blobs
from huiyan.store.layout import Layout

SHA256 = hashlib.sha256(b"some bytes").hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(Layout(tmp_path / "store"))


def test_created_from_bytes_and_from_a_file(blobs: Blobs, tmp_path: Path) -> None:
    assert blobs.create(b"some bytes") == SHA256
    assert blobs.path(SHA256).stat().st_mode & 0o777 == 0o444
    (tmp_path / "file").write_bytes(b"other bytes")
    sha256 = blobs.create(tmp_path / "file")
    assert blobs.path(sha256).stat().st_ino != (tmp_path / "file").stat().st_ino
    assert blobs.all() == sorted([SHA256, sha256])
    assert not any(blobs.layout.tmp.iterdir())


def test_adopting_links_and_leaves_the_original_alone(blobs: Blobs, tmp_path: Path) -> None:
    original = tmp_path / "cache" / "file"
    original.parent.mkdir()
    original.write_bytes(b"some bytes")
    original.chmod(0o640)
    before = original.stat()
    link = tmp_path / "cache" / "link"
    link.symlink_to("file")
    assert blobs.adopt(link, link=True) == SHA256
    after = original.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_ino) == (
        before.st_mode,
        before.st_mtime_ns,
        before.st_ino,
    )
    assert blobs.has(SHA256, 10)
    # A link where the file system shares no extents, as most do not.
    assert (
        blobs.path(SHA256).stat().st_ino == before.st_ino or blobs.path(SHA256).read_bytes() == b"some bytes"
    )


def test_adopting_what_is_something_else(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"wrong bytes")
    with pytest.raises(DigestMismatchError):
        blobs.adopt(tmp_path / "file", link=True, sha256=SHA256)
    with pytest.raises(StoreError):
        blobs.adopt(tmp_path / "none", link=True)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError):
        blobs.adopt(tmp_path / "pipe", link=True)
    assert blobs.all() == []


@pytest.mark.parametrize("spoil", ["flip", "cut", "link", "directory"])
def test_a_name_is_not_believed(blobs: Blobs, spoil: str) -> None:
    """ollama 17520, huggingface_hub 3643: a damaged blob must not pass for the file."""
    blobs.create(b"some bytes")
    path = blobs.path(SHA256)
    path.unlink()
    if spoil == "flip":
        path.write_bytes(b"somf bytes")
    elif spoil == "cut":
        path.write_bytes(b"some")
    elif spoil == "link":
        path.symlink_to("/etc/hostname")
    else:
        path.mkdir()
    fresh = Blobs(blobs.layout)
    assert not fresh.has(SHA256, 10)
    assert not path.exists()
    assert len(list(blobs.layout.damaged.iterdir())) == 1
    with fresh.open_partial(SHA256, 10) as partial:
        partial.write(0, b"some bytes")
        partial.finish()
    assert fresh.has(SHA256, 10)


def test_hashed_once_and_known_to_the_next_process(blobs: Blobs) -> None:
    blobs.create(b"some bytes")
    hashed: list[int] = []
    assert Blobs(blobs.layout).has(SHA256, 10, hashed.append)
    assert hashed == []
    blobs.layout.verified.unlink()
    assert Blobs(blobs.layout).has(SHA256, 10, hashed.append)
    assert Blobs(blobs.layout).has(SHA256, 10, hashed.append)
    assert hashed == [10]


def test_a_wrong_size_in_a_lock_costs_the_blob_nothing(blobs: Blobs) -> None:
    blobs.create(b"some bytes")
    assert not blobs.has(SHA256, 11)
    assert blobs.has(SHA256, 10)


def test_only_digests_have_a_path(blobs: Blobs) -> None:
    for name in ("../../etc/passwd", SHA256.upper(), SHA256[:-1], ""):
        with pytest.raises(ValueError, match="SHA-256"):
            blobs.path(name)
