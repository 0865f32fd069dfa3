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


def test_a_thread_stays_at_its_file_and_helps_others_only_in_the_end(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path, {"a": 30, "b": 20, "small": 1}, chunk_bytes=10)

    def take(last: Job | None, *, prefer_small: bool = False) -> tuple[Job, Range]:
        taken = jobs.take(prefer_small=prefer_small, last=last)
        assert taken is not None
        return taken

    def written(job: Job, span: Range) -> Job:
        job.sink().write(span[0], bytes(span[1] - span[0]))
        jobs.give_back(job)
        return job

    try:
        first, of_first = take(None)
        second, of_second = take(None)
        third, of_third = take(None, prefer_small=True)
        assert [job.item.path for job in (first, second, third)] == ["a", "b", "small"]
        written(third, of_third)
        # Both large files have somebody; it helps where most is left to be taken up.
        helped, of_helped = take(third, prefer_small=True)
        assert (helped, of_helped) == (first, (10, 20))
        # Whoever was at a file stays there.
        assert take(written(second, of_second)) == (second, (10, 20))
        assert take(written(first, of_first)) == (first, (20, 30))
        for job, span in ((first, of_helped), (first, (20, 30)), (second, (10, 20))):
            written(job, span)
        assert jobs.take(prefer_small=False, last=first) is None
        assert jobs.all_done
    finally:
        jobs.abandon()
