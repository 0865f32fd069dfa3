"""Which thread takes which range of which file."""

from __future__ import annotations

import threading
from pathlib import Path

from huiyan.sources.protocol import LocalFile
from huiyan.sources.transfer.item import Item
from huiyan.sources.transfer.job import Job, Jobs
from huiyan.sources.transfer.meter import Meter
from huiyan.sources.transfer.ranges import Range
from huiyan.store.blobs import Blobs
from huiyan.store.layout import Layout


def jobs_of(tmp_path: Path, sizes: dict[str, int], *, chunk_bytes: int) -> Jobs:
    items = [
        Item(path=path, origin=LocalFile(path="/unread"), size_bytes=size, key=path)
        for path, size in sizes.items()
    ]
    blobs = Blobs(Layout(tmp_path / "store"))
    return Jobs(blobs, items, Meter(sum(sizes.values())), chunk_bytes=chunk_bytes, stop=threading.Event())


MB = 1_000_000


def take(jobs: Jobs, last: Job | None, *, small: bool = False) -> tuple[Job, Range]:
    taken = jobs.take(small=small, last=last)
    assert taken is not None
    return taken


def written(jobs: Jobs, job: Job, span: Range) -> Job:
    job.sink().write(span[0], bytes(span[1] - span[0]))
    jobs.give_back(job)
    return job


def test_a_thread_stays_at_its_file_and_helps_others_only_in_the_end(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path, {"a": 30, "b": 20, "c": 1}, chunk_bytes=10)
    try:
        first, of_first = take(jobs, None)
        second, of_second = take(jobs, None)
        third, of_third = take(jobs, None)
        assert [job.item.path for job in (first, second, third)] == ["a", "b", "c"]
        written(jobs, third, of_third)
        # Each of the others has somebody: it helps with the first.
        helped, of_helped = take(jobs, third)
        assert (helped, of_helped) == (first, (10, 20))
        # Whoever was at a file stays there.
        assert take(jobs, written(jobs, second, of_second)) == (second, (10, 20))
        assert take(jobs, written(jobs, first, of_first)) == (first, (20, 30))
        for job, span in ((first, of_helped), (first, (20, 30)), (second, (10, 20))):
            written(jobs, job, span)
        assert jobs.take(small=False, last=first) is None
        assert jobs.all_done
    finally:
        jobs.abandon()


def test_small_files_take_no_connection_from_large_ones(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path, {"large": 20 * MB, "small": 2, "smaller": 1}, chunk_bytes=10 * MB)
    assert jobs.threads(4) == (2, 1)
    assert jobs.threads(1) == (1, 0)
    try:
        large, of_large = take(jobs, None)
        assert large.item.path == "large"
        smaller, of_smaller = take(jobs, None, small=True)
        small, of_small = take(jobs, written(jobs, smaller, of_smaller), small=True)
        assert [smaller.item.path, small.item.path] == ["smaller", "small"]
        # It ends with them; what is left of the large file is for the others.
        assert jobs.take(small=True, last=written(jobs, small, of_small)) is None
        assert take(jobs, written(jobs, large, of_large)) == (large, (10 * MB, 20 * MB))
    finally:
        jobs.abandon()


def test_there_are_no_more_threads_than_parts(tmp_path: Path) -> None:
    assert jobs_of(tmp_path, {"a": 1, "b": 1}, chunk_bytes=10).threads(4) == (2, 0)
    assert jobs_of(tmp_path, {"a": 20 * MB}, chunk_bytes=10 * MB).threads(4) == (2, 0)
    assert jobs_of(tmp_path, {}, chunk_bytes=10).threads(4) == (1, 0)
