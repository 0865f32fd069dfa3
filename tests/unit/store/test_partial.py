"""Files that are being fetched: pieces in any order, cut anywhere, from several processes."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.errors import DigestMismatchError, StoreError
from huiyan.store import prefix_hash
from huiyan.store.blobs import Blobs
from huiyan.store.layout import Layout
from huiyan.store.ranges import Ranges
from tests.support.wait import wait_until

DATA = random.Random(5).randbytes(6_000_000)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(Layout(tmp_path / "store"))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12))
def test_ranges_are_sets_of_bytes(pairs: list[tuple[int, int]]) -> None:
    ranges, model = Ranges(), set[int]()
    for start, stop in pairs:
        ranges.add(start, stop)
        model |= set(range(start, stop))
    listed = list(ranges)
    assert {at for start, stop in listed for at in range(start, stop)} == model
    assert all(left[1] < right[0] for left, right in itertools.pairwise(listed))
    assert ranges.total == len(model)
    for begin, end in ((0, 60), (17, 41), (30, 30)):
        gaps = [at for start, stop in ranges.missing(end, begin) for at in range(start, stop)]
        assert gaps == sorted(set(range(begin, end)) - model)
    assert ranges.prefix == next(at for at in range(62) if at not in model)


@pytest.fixture(params=[1, 1000], ids=["no core is free", "cores are free"])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many cores there are to hash beside the writers."""
    count: int = request.param
    monkeypatch.setattr(prefix_hash._crowd, "_cores", count)
    return count


def test_pieces_from_several_threads_in_any_order(blobs: Blobs, cores: int) -> None:
    pieces = [(at, DATA[at : at + 70_000]) for at in range(0, len(DATA), 70_000)]
    random.Random(1).shuffle(pieces)
    with blobs.open_partial(SHA256, len(DATA)) as partial:

        def write(mine: list[tuple[int, bytes]]) -> None:
            for at, piece in mine:
                partial.write(at, piece)

        threads = [threading.Thread(target=write, args=[pieces[n::4]]) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        path = partial.finish()
    assert path.read_bytes() == DATA
    assert path == blobs.path(SHA256)
    assert path.stat().st_mode & 0o777 == 0o444
    assert blobs.has(SHA256, len(DATA))
    assert not blobs.has(SHA256, len(DATA) - 1)
    assert not any(blobs.layout.partial.iterdir())


def test_where_no_core_is_free_nothing_is_read_again(
    blobs: Blobs, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    preadv = os.preadv

    def counted(fd: int, buffers: list[memoryview], offset: int) -> int:
        count = preadv(fd, buffers, offset)
        read.append(count)
        return count

    monkeypatch.setattr(os, "preadv", counted)
    with blobs.open_partial(SHA256, len(DATA)) as partial:
        for at in range(0, len(DATA), 500_000):
            partial.write(at, DATA[at : at + 500_000])
        partial.finish()
    assert sum(read) == (0 if cores == 1 else len(DATA))


def test_what_came_in_an_earlier_run_is_hashed_from_the_file(blobs: Blobs, cores: int) -> None:
    with blobs.open_partial(SHA256, len(DATA)) as partial:
        partial.write(0, DATA[:5_000_000])
    with blobs.open_partial(SHA256, len(DATA)) as partial:
        partial.write(5_000_000, DATA[5_000_000:])
        assert partial.finish().read_bytes() == DATA


def test_no_byte_is_written_twice(blobs: Blobs, cores: int) -> None:
    """Two answers that overlap and differ: what was hashed is what lies there."""
    with blobs.open_partial(None, len(DATA), key="of two minds") as partial:
        partial.write(1000, DATA[1000:5_000_000])
        partial.write(0, bytes(2_000_000))
        partial.write(500, b"!" * (len(DATA) - 500))
        path = partial.finish()
    expected = bytes(1000) + DATA[1000:5_000_000] + b"!" * 1_000_000
    assert path.read_bytes() == expected
    assert path.name == hashlib.sha256(expected).hexdigest()


def test_what_is_there_is_kept_for_the_next_run(blobs: Blobs) -> None:
    with blobs.open_partial(SHA256, len(DATA)) as partial:
        partial.write(0, DATA[:1000])
        partial.write(5000, memoryview(DATA)[5000:9000])
    with blobs.open_partial(SHA256, len(DATA)) as partial:
        assert partial.missing() == [(1000, 5000), (9000, len(DATA))]
        assert partial.done_bytes == 5000
        with pytest.raises(StoreError, match="lacks"):
            partial.finish()
        for start, stop in partial.missing():
            partial.write(start, DATA[start:stop])
        assert partial.finish().read_bytes() == DATA


def test_wrong_bytes_are_thrown_away_and_the_source_is_named(blobs: Blobs) -> None:
    with blobs.open_partial(SHA256, len(DATA)) as partial:
        partial.write(0, b"!" + DATA[1:])
        with pytest.raises(DigestMismatchError, match="source sent wrong bytes"):
            partial.finish()
    assert not blobs.path(SHA256).exists()
    with blobs.open_partial(SHA256, len(DATA)) as partial:
        assert partial.missing() == [(0, len(DATA))]


def test_more_bytes_than_announced_are_refused(blobs: Blobs) -> None:
    with blobs.open_partial(SHA256, 10) as partial, pytest.raises(StoreError, match="beyond"):
        partial.write(5, b"123456")


def test_a_source_without_digests_gives_a_key(blobs: Blobs) -> None:
    with pytest.raises(ValueError, match="key"):
        blobs.open_partial(None, 4)
    with blobs.open_partial(None, 4, key="http://mirror/a etag 1") as partial:
        partial.write(0, b"ab")
    with blobs.open_partial(None, 4, key="http://mirror/a etag 2") as partial:
        assert partial.missing() == [(0, 4)]
    with blobs.open_partial(None, 4, key="http://mirror/a etag 1") as partial:
        assert partial.missing() == [(2, 4)]
        partial.write(2, b"cd")
        path = partial.finish()
        assert partial.sha256 == hashlib.sha256(b"abcd").hexdigest()
    assert path.read_bytes() == b"abcd"


def test_an_empty_file(blobs: Blobs) -> None:
    with blobs.open_partial(hashlib.sha256(b"").hexdigest(), 0) as partial:
        assert partial.missing() == []
        assert partial.finish().read_bytes() == b""


@pytest.mark.parametrize("spoil", ["cut data", "torn line", "flip", "other size", "no journal"])
def test_the_journal_never_claims_what_is_not_there(blobs: Blobs, spoil: str) -> None:
    with blobs.open_partial(SHA256, len(DATA)) as partial:
        partial.write(0, DATA[:10_000])
    folder = blobs.layout.partial / SHA256
    journal = folder / "journal"
    expected = [(0, len(DATA))]
    if spoil == "cut data":
        os.truncate(folder / "data", 4_000)
        expected = [(4_000, len(DATA))]
    elif spoil == "torn line":
        journal.write_bytes(journal.read_bytes() + b"20000 300")
        expected = [(10_000, len(DATA))]
    elif spoil == "flip":
        journal.write_bytes(journal.read_bytes().replace(b"10000", b"90000"))
    elif spoil == "other size":
        journal.write_bytes(journal.read_bytes().replace(b"6000000", b"6000001"))
    else:
        journal.unlink()
    with blobs.open_partial(SHA256, len(DATA)) as partial:
        assert partial.missing() == expected
        partial.write(12_000, DATA[12_000:13_000])
    with blobs.open_partial(SHA256, len(DATA)) as partial:
        assert (12_000, 13_000) not in partial.missing()
        for start, stop in partial.missing():
            partial.write(start, DATA[start:stop])
        partial.finish()


_HOLDER = """
import sys, time
from pathlib import Path
from huiyan.store.blobs import Blobs
from huiyan.store.layout import Layout
partial = Blobs(Layout(Path(sys.argv[1]))).open_partial(sys.argv[2], int(sys.argv[3]))
partial.write(0, b"x" * 10)
print("held", flush=True)
time.sleep(600)
"""


def test_when_the_holder_is_killed_the_other_goes_on(blobs: Blobs) -> None:
    words = [sys.executable, "-c", _HOLDER, str(blobs.layout.root), SHA256, str(len(DATA))]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            waits: list[int] = []
            opened: list[list[tuple[int, int]]] = []

            def other() -> None:
                with blobs.open_partial(SHA256, len(DATA), on_wait=lambda: waits.append(1)) as partial:
                    opened.append(partial.missing())

            thread = threading.Thread(target=other)
            thread.start()
            wait_until(lambda: bool(waits), "the other waits", 30)
            assert not opened
        finally:
            holder.kill()
        thread.join(30)
        assert opened == [[(0, len(DATA))]]


def test_a_wait_can_be_ended(blobs: Blobs) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with blobs.open_partial(SHA256, 10), pytest.raises(KeyboardInterrupt):
        blobs.open_partial(SHA256, 10, on_wait=stop)
    blobs.open_partial(SHA256, 10).discard()


def test_two_at_once_are_one_download(blobs: Blobs) -> None:
    written: list[int] = []

    def pull() -> None:
        with Blobs(blobs.layout).open_partial(SHA256, len(DATA)) as partial:
            for start, stop in partial.missing():
                partial.write(start, DATA[start:stop])
                written.append(stop - start)
            assert partial.finish().read_bytes() == DATA

    threads = [threading.Thread(target=pull) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(written) == len(DATA)
