"""Kept pictures: apart by owner, bounded, expiring, whole or not there at all."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from huiyan.errors import PayloadTooLargeError
from huiyan.gateway.pictures.limits import PreparedImage
from huiyan.gateway.pictures.store import ImageStore

ANN, BOB = "ann", "../../bob"


def image(data: bytes = b"pixels", width: int = 4) -> PreparedImage:
    return PreparedImage(data, "image/png", width, 3, changed=False)


def name(number: int = 0) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def store(root: Path, per_owner: int = 10_000, total: int = 100_000, keep_s: float = 3600.0) -> ImageStore:
    return ImageStore(root / "images", max_bytes_per_owner=per_owner, max_total_bytes=total, keep_s=keep_s)


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def older(root: Path, sha256: str, by_s: float) -> None:
    (path,) = root.rglob(sha256)
    used_s = path.stat().st_mtime - by_s
    os.utime(path, (used_s, used_s))


def test_what_was_put_is_there(tmp_path: Path) -> None:
    kept = store(tmp_path)
    assert kept.get(ANN, name()) is None
    assert not kept.has(ANN, name())
    kept.put(ANN, name(), image())
    assert kept.get(ANN, name()) == image()
    assert kept.has(ANN, name())
    again = store(tmp_path)
    assert again.get(ANN, name()) == image(), "another process sees it"


def test_knowing_a_hash_opens_nothing_of_another_owner(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.put(ANN, name(), image())
    assert kept.get(BOB, name()) is None
    assert not kept.has(BOB, name())
    kept.put(BOB, name(1), image())
    assert all(path.is_relative_to(tmp_path / "images") for path in files(tmp_path))
    kept.forget(ANN)
    assert not kept.has(ANN, name())
    assert kept.has(BOB, name(1))


def test_only_the_owner_of_the_process_can_read(tmp_path: Path) -> None:
    store(tmp_path).put(ANN, name(), image())
    (path,) = files(tmp_path)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("sha256", ["", "abc", "A" * 64, "../" * 21 + "a", "a" * 63 + "/"])
def test_a_name_that_is_no_hash_never_becomes_a_path(tmp_path: Path, sha256: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        store(tmp_path).get(ANN, sha256)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "head"])
def test_a_damaged_file_is_a_miss_and_goes(tmp_path: Path, damage: str) -> None:
    kept = store(tmp_path)
    kept.put(ANN, name(), image(b"pixels" * 100))
    (path,) = files(tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[-5] ^= 1
    elif damage == "head":
        data[0] ^= 1
    path.write_bytes({"cut": data[:-5], "empty": bytearray()}.get(damage, data))
    assert kept.get(ANN, name()) is None
    assert files(tmp_path) == []


def test_pictures_expire_unless_they_are_used(tmp_path: Path) -> None:
    kept = store(tmp_path, keep_s=3600)
    for number in (1, 2):
        kept.put(ANN, name(number), image())
        older(tmp_path, name(number), 3000)
    assert kept.get(ANN, name(1)) is not None
    for number in (1, 2):
        older(tmp_path, name(number), 1000)
    assert kept.has(ANN, name(1))
    assert kept.expires_s(ANN, name(2)) is None
    kept.sweep()
    assert [path.name for path in files(tmp_path)] == [name(1)]


def test_an_expired_picture_is_no_hit_even_before_the_sweep(tmp_path: Path) -> None:
    kept = store(tmp_path, keep_s=100)
    kept.put(ANN, name(), image())
    older(tmp_path, name(), 1000)
    assert kept.get(ANN, name()) is None


def test_one_owners_longest_unused_pictures_make_room(tmp_path: Path) -> None:
    kept = store(tmp_path, per_owner=3_500)
    kept.put(BOB, name(9), image(bytes(1000)))
    for number in range(3):
        kept.put(ANN, name(number), image(bytes(1000)))
        older(tmp_path, name(number), 500 - number)
    kept.get(ANN, name(0))
    kept.put(ANN, name(3), image(bytes(1000)))
    assert [kept.has(ANN, name(number)) for number in range(4)] == [True, False, True, True]
    assert kept.has(BOB, name(9)), "another owner's are left alone"


def test_all_owners_together_are_bounded(tmp_path: Path) -> None:
    kept = store(tmp_path, per_owner=10_000, total=16_000)
    for number in range(40):
        kept.put(f"owner-{number % 8}", name(number), image(bytes(1000)))
    kept.sweep()
    assert 0 < sum(path.stat().st_size for path in files(tmp_path)) <= 16_000


def test_a_picture_larger_than_the_bound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PayloadTooLargeError) as caught:
        store(tmp_path, per_owner=500).put(ANN, name(), image(bytes(1000)))
    assert caught.value.hint
    assert files(tmp_path) == []


def test_left_over_temporary_files_go_and_new_ones_stay(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.put(ANN, name(), image())
    (path,) = files(tmp_path)
    new, old = path.with_name(".new"), path.with_name(".old")
    new.write_bytes(b"x")
    old.write_bytes(b"x")
    os.utime(old, (1, 1))
    kept.sweep()
    assert new.exists()
    assert not old.exists()


def test_threads_that_write_read_and_sweep_at_once_see_whole_pictures(tmp_path: Path) -> None:
    kept = [store(tmp_path, per_owner=20_000, total=30_000) for _ in range(2)]
    wrong: list[object] = []

    def work(seed: int) -> None:
        for turn in range(60):
            number = (seed * 7 + turn) % 30
            mine = kept[turn % 2]
            try:
                mine.put(ANN, name(number), image(bytes([number]) * 1000, width=number + 1))
                found = mine.get(ANN, name(number))
                if found is not None and (found.data[0], found.width) != (number, number + 1):
                    wrong.append(found)
                if turn % 10 == 0:
                    mine.sweep()
            except Exception as error:  # noqa: BLE001  # what a thread raises is the result
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
