"""Every line once and in order, however the file is rotated while it is read."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from huiyan.launcher.logs import LogSink
from huiyan.log.follow import LogFollower, open_end, rotated, rotations


def numbers(lines: list[bytes]) -> list[int]:
    return [msgspec.json.decode(line)["n"] for line in lines]


def read_all(follower: LogFollower) -> list[bytes]:
    return list(follower)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "huiyan.jsonl"


def test_lines_come_once_and_only_when_they_are_complete(path: Path) -> None:
    path.write_bytes(b'{"n":0}\n{"n":')
    follower = LogFollower(path)
    assert numbers(follower.read(1000)) == [0]
    assert follower.read(1000) == []
    with path.open("ab") as file:
        file.write(b'1}\n{"n":2}\n')
    assert numbers(follower.read(1000)) == [1, 2]
    assert follower.read(1000) == []
    follower.close()


def test_a_small_read_takes_several_turns(path: Path) -> None:
    path.write_bytes(b"".join(b'{"n":%d}\n' % number for number in range(20)))
    follower = LogFollower(path)
    found: list[bytes] = []
    for _ in range(100):
        found += follower.read(5)
    assert numbers(found) == list(range(20))
    follower.close()


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_lost_or_doubled_through_rotations(path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    sink = LogSink(path, max_bytes=300, files=50)
    follower = LogFollower(path)
    found: list[bytes] = []
    for number in range(300):
        sink.write({"n": number, "pad": "x" * random_.randrange(60)})
        if random_.random() < 0.1:
            found += follower.read(random_.randrange(1, 400))
    sink.close()
    assert rotations(path) > 5
    assert numbers(found + read_all(follower)) == list(range(300))
    follower.close()


@pytest.mark.parametrize("files", [1, 2])
def test_a_reader_that_was_left_behind_goes_on_with_what_there_is(path: Path, files: int) -> None:
    sink = LogSink(path, max_bytes=300, files=files)
    sink.write({"n": 0})
    follower = LogFollower(path)
    assert numbers(follower.read(1000)) == [0]
    for number in range(1, 100):
        sink.write({"n": number})
    found = numbers(read_all(follower))
    assert found[-1] == 99
    assert found == sorted(set(found))
    sink.close()
    follower.close()


def test_history_begins_with_the_oldest_file(path: Path) -> None:
    sink = LogSink(path, max_bytes=200, files=4)
    for number in range(60):
        sink.write({"n": number, "pad": "y" * 20})
    sink.close()
    follower = LogFollower(path, oldest=rotations(path))
    kept = b"".join(rotated(path, number).read_bytes() for number in (3, 2, 1, 0)).count(b"\n")
    assert numbers(read_all(follower)) == list(range(60 - kept, 60))
    follower.close()


def test_the_end_begins_at_the_start_of_a_line(path: Path) -> None:
    path.write_bytes(b"".join(b'{"n":%02d}\n' % number for number in range(50)).replace(b":0", b":"))
    for keep in range(40):
        follower = open_end(path, keep)
        found = numbers(read_all(follower))
        assert found == list(range(50 - len(found), 50))
        assert len(found) == keep // 9
        follower.close()


def test_the_end_may_reach_into_the_file_before(path: Path) -> None:
    rotated(path, 1).write_bytes(b'{"n":0}\n')
    path.write_bytes(b'{"n":1}\n')
    follower = open_end(path, 1000)
    assert numbers(read_all(follower)) == [0, 1]
    follower.close()


def test_what_was_skipped_is_counted(path: Path) -> None:
    path.write_bytes(b"")
    follower = LogFollower(path)
    path.write_bytes(b'{"n":0}\n' * 100)
    assert follower.backlog_bytes() == 800
    assert follower.skip_to_end(80) == 720
    assert len(read_all(follower)) == 10
    assert follower.backlog_bytes() == 0
    follower.close()


def test_no_log_is_said(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LogFollower(path)
