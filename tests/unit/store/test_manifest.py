"""huiyan.store.manifest: what is missing, damaged or changed is found; verified files are not read again."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest

from huiyan.errors import DigestMismatchError, DiskFullError, ModelFileMissingError, StoreError
from huiyan.store.manifest import (
    Manifest,
    VerificationRecord,
    check_sizes,
    read_manifest,
    verify,
    write_atomic,
)

FILES = {"model.gguf": b"weights" * 1000, "parts/mmproj.gguf": b"eyes" * 500}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    entries = []
    for name, data in FILES.items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        entries.append({"path": name, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    (tmp_path / "model" / "manifest.json").write_text(json.dumps({"name": "m", "files": entries}))
    return tmp_path / "model"


@pytest.fixture
def manifest(directory: Path) -> Manifest:
    return read_manifest(directory / "manifest.json")


def record(directory: Path) -> VerificationRecord:
    return VerificationRecord(directory.parent / "state" / "verified.json")


def test_whole_files_pass_and_are_read_once(directory: Path, manifest: Manifest) -> None:
    fractions: list[float] = []
    assert verify(directory, manifest, record(directory), fractions.append) == 2
    assert fractions[-1] == 1.0
    assert verify(directory, manifest, record(directory)) == 0


def test_a_touched_file_is_read_again(directory: Path, manifest: Manifest) -> None:
    verify(directory, manifest, record(directory))
    os.utime(directory / "model.gguf", ns=(1, 1))
    assert verify(directory, manifest, record(directory)) == 1


def test_one_flipped_bit_is_found(directory: Path, manifest: Manifest) -> None:
    data = bytearray(FILES["model.gguf"])
    data[3500] ^= 1
    (directory / "model.gguf").write_bytes(data)
    check_sizes(directory, manifest)
    with pytest.raises(DigestMismatchError, match=r"model\.gguf"):
        verify(directory, manifest, record(directory))


def test_damage_after_verification_is_found_when_the_file_changed(
    directory: Path, manifest: Manifest
) -> None:
    verify(directory, manifest, record(directory))
    (directory / "model.gguf").write_bytes(b"WEIGHTS" * 1000)
    with pytest.raises(DigestMismatchError):
        verify(directory, manifest, record(directory))


def test_a_truncated_file_is_named_with_both_sizes(directory: Path, manifest: Manifest) -> None:
    os.truncate(directory / "model.gguf", 10)
    with pytest.raises(DigestMismatchError, match=r"10 bytes.*7,000"):
        check_sizes(directory, manifest)


def test_a_missing_file_is_named(directory: Path, manifest: Manifest) -> None:
    (directory / "parts" / "mmproj.gguf").unlink()
    with pytest.raises(ModelFileMissingError, match=r"mmproj\.gguf"):
        check_sizes(directory, manifest)


@pytest.mark.parametrize("path", ["../evil", "/etc/passwd", "a//b"])
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    entry = {"path": path, "size_bytes": 0, "sha256": "0" * 64}
    (tmp_path / "manifest.json").write_text(json.dumps({"name": "m", "files": [entry]}))
    with pytest.raises(StoreError, match="outside"):
        read_manifest(tmp_path / "manifest.json")


@pytest.mark.parametrize("text", ["", "[]", '{"name": "m"}', '{"name":"m","files":[{"path":"a"}]}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(StoreError):
        read_manifest(tmp_path / "manifest.json")


def test_a_missing_manifest_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelFileMissingError):
        read_manifest(tmp_path / "manifest.json")


def test_a_damaged_record_costs_only_hashing(directory: Path, manifest: Manifest) -> None:
    verify(directory, manifest, record(directory))
    (directory.parent / "state" / "verified.json").write_text("{ not json")
    assert verify(directory, manifest, record(directory)) == 2


def test_write_atomic_replaces_whole_files_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"
    write_atomic(path, b"one", mode=0o600)
    write_atomic(path, b"two", mode=0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["file.json"]


def test_a_full_disk_is_called_so_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.json"
    write_atomic(path, b"old")

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError) as caught:
        write_atomic(path, b"new")
    assert caught.value.hint
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.json"]
