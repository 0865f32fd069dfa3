from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path

import msgspec
import pytest

from huiyan.errors import (
    DigestMismatchError,
    PullInterruptedError,
    SourceChangedError,
    SourceDeniedError,
    SourceNotFoundError,
    SourceProtocolError,
    SourceUnreachableError,
)
from huiyan.sources.offline import Network
from huiyan.sources.protocol import FileRequest, LocalFile, Progress
from huiyan.sources.transfer import Item, Transfer
from huiyan.store.blobs import Blobs
from huiyan.testing.hub import FakeHub
from huiyan.testing.hub_models import git_oid, some_bytes
from tests.unit.sources.conftest import QUICK, item_of

BIG = some_bytes(500_000, "big")
DIGEST = hashlib.sha256(BIG).hexdigest()


def stored(blobs: Blobs, data: bytes) -> bool:
    digest = hashlib.sha256(data).hexdigest()
    return blobs.has(digest, len(data)) and blobs.path(digest).read_bytes() == data


def test_a_large_file_comes_in_ranges_over_several_connections(
    hub: FakeHub, blobs: Blobs, transfer: Transfer
) -> None:
    outcome = transfer.fetch(blobs, [item_of(hub, BIG)])
    assert outcome.digests == {"model.safetensors": DIGEST}
    assert outcome.moved_bytes == hub.served_bytes() == len(BIG)
    assert stored(blobs, BIG)
    requests = hub.file_requests()
    assert len(requests) == 8
    assert {request.status for request in requests} == {206}
    # The first answer settles the ETag; every further request insists on it.
    assert all(request.headers["If-Range"] == f'"{git_oid(BIG)}"' for request in requests[1:])


def test_a_small_file_is_asked_for_whole(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    transfer.fetch(blobs, [item_of(hub, b"small", "config.json")])
    (request,) = hub.file_requests()
    assert (request.headers["Range"], request.status) == (None, 200)
    assert stored(blobs, b"small")


def test_an_empty_file_needs_no_request(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    transfer.fetch(blobs, [item_of(hub, b"", "empty")])
    assert stored(blobs, b"")
    assert hub.file_requests() == []


def test_files_of_the_same_bytes_come_once(hub: FakeHub, blobs: Blobs) -> None:
    one = Transfer(msgspec.structs.replace(QUICK, parallel=1), Network())
    outcome = one.fetch(blobs, [item_of(hub, BIG, "a.bin"), item_of(hub, BIG, "b.bin")])
    assert outcome.digests == {"a.bin": DIGEST, "b.bin": DIGEST}
    assert hub.served_bytes() == len(BIG)


def test_a_file_without_a_listed_digest_is_stored_under_the_one_it_has(
    hub: FakeHub, blobs: Blobs, transfer: Transfer
) -> None:
    assert transfer.fetch(blobs, [item_of(hub, BIG, known=False)]).digests["model.safetensors"] == DIGEST
    assert stored(blobs, BIG)


def test_a_file_known_by_its_git_id_is_checked_by_it(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    item = msgspec.structs.replace(item_of(hub, b"{}", "config.json", known=False), git_oid=git_oid(b"{}"))
    transfer.fetch(blobs, [item])
    wrong = msgspec.structs.replace(item, git_oid=git_oid(b"[]"), key="another")
    with pytest.raises(DigestMismatchError):
        transfer.fetch(blobs, [wrong])


@pytest.mark.parametrize("after_bytes", [0, 1, 3_000, 30_000, 63_000])
def test_what_came_before_a_cut_is_kept(
    hub: FakeHub, blobs: Blobs, transfer: Transfer, after_bytes: int
) -> None:
    fault = hub.fail("cut", after_bytes=after_bytes, skip=1, times=3)
    transfer.fetch(blobs, [item_of(hub, BIG)])
    assert stored(blobs, BIG)
    assert fault.hits == 3


def test_cuts_without_end_are_survived_as_long_as_bytes_come(
    hub: FakeHub, blobs: Blobs, transfer: Transfer
) -> None:
    fault = hub.fail("cut", after_bytes=20_000, times=None)
    transfer.fetch(blobs, [item_of(hub, BIG)])
    assert stored(blobs, BIG)
    assert fault.hits > QUICK.retries


def test_bytes_that_come_together_with_the_head_count_as_progress(
    hub: FakeHub, blobs: Blobs, transfer: Transfer
) -> None:
    fault = hub.fail("cut", after_bytes=2_000, times=None)
    transfer.fetch(blobs, [item_of(hub, BIG[:40_000])])
    assert stored(blobs, BIG[:40_000])
    assert fault.hits == 20


def test_an_interrupted_fetch_goes_on_where_it_stopped(
    hub: FakeHub, blobs: Blobs, transfer: Transfer
) -> None:
    item = item_of(hub, BIG)
    hub.fail("status", status=503, skip=4, times=None)
    with pytest.raises(SourceUnreachableError):
        transfer.fetch(blobs, [item])
    before = hub.served_bytes()
    hub.faults.clear()
    outcome = transfer.fetch(blobs, [item])
    assert stored(blobs, BIG)
    assert outcome.moved_bytes <= len(BIG) - 3 * QUICK.chunk_bytes
    assert hub.served_bytes() - before < len(BIG)


def test_a_server_that_ignores_ranges_sends_the_file_whole_and_that_is_said(
    hub: FakeHub, blobs: Blobs, transfer: Transfer
) -> None:
    hub.ranges = False
    hub.fail("ignore_range", times=None)
    outcome = transfer.fetch(blobs, [item_of(hub, BIG)])
    assert stored(blobs, BIG)
    assert outcome.whole == ("model.safetensors",)
    assert len(hub.file_requests()) == 1


def test_a_resume_that_the_server_ignores_takes_only_what_is_missing(
    hub: FakeHub, blobs: Blobs, transfer: Transfer
) -> None:
    item = item_of(hub, BIG)
    hub.fail("cut", after_bytes=300_000, times=None)
    hub.fail("ignore_range", times=None)
    one = Transfer(msgspec.structs.replace(QUICK, parallel=1, chunk_bytes=10**9), Network())
    hub.ranges = False
    with pytest.raises(SourceUnreachableError):
        one.fetch(blobs, [item])
    hub.faults.clear()
    outcome = one.fetch(blobs, [item])
    assert stored(blobs, BIG)
    assert outcome.moved_bytes <= len(BIG) - 250_000


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_failures_are_tried_again(
    hub: FakeHub, blobs: Blobs, transfer: Transfer, status: int
) -> None:
    fault = hub.fail("status", status=status, times=2)
    transfer.fetch(blobs, [item_of(hub, BIG)])
    assert stored(blobs, BIG)
    assert fault.hits == 2


def test_retry_after_is_waited_for(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    hub.fail("status", status=429, retry_after="1")
    began_s = time.monotonic()
    transfer.fetch(blobs, [item_of(hub, b"x" * 100, "config.json")])
    assert time.monotonic() - began_s >= 1.0


def test_a_source_that_asks_for_hours_has_failed(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    hub.fail("status", status=429, retry_after="7200", times=None)
    with pytest.raises(SourceUnreachableError, match="Retry-After 7200"):
        transfer.fetch(blobs, [item_of(hub, BIG)])


def test_failures_that_do_not_pass_end_it(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    fault = hub.fail("status", status=500, times=None)
    with pytest.raises(SourceUnreachableError, match="HTTP 500"):
        transfer.fetch(blobs, [item_of(hub, b"x" * 100, "config.json")])
    assert fault.hits == QUICK.retries + 1


def test_a_server_that_falls_silent_is_left(hub: FakeHub, blobs: Blobs) -> None:
    impatient = Transfer(msgspec.structs.replace(QUICK, read_timeout_s=0.3), Network())
    hub.fail("stall", after_bytes=1000)
    impatient.fetch(blobs, [item_of(hub, BIG)])
    assert stored(blobs, BIG)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, SourceDeniedError),
        (403, SourceDeniedError),
        (404, SourceNotFoundError),
        (410, SourceNotFoundError),
    ],
)
def test_refusals_are_not_tried_again(
    hub: FakeHub, blobs: Blobs, transfer: Transfer, status: int, kind: type[Exception]
) -> None:
    fault = hub.fail("status", status=status, times=None)
    with pytest.raises(kind):
        transfer.fetch(blobs, [item_of(hub, b"x" * 100, "config.json")])
    assert fault.hits == 1


def test_wrong_bytes_are_found_and_thrown_away(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    item = item_of(hub, BIG)
    hub.fail("wrong_bytes", skip=2)
    with pytest.raises(DigestMismatchError):
        transfer.fetch(blobs, [item])
    assert not blobs.has(DIGEST, len(BIG))
    transfer.fetch(blobs, [item])
    assert stored(blobs, BIG)


@pytest.mark.parametrize("by_bytes", [-1, 1, 4096])
def test_a_length_that_is_not_the_listed_one_is_refused_before_a_byte_is_taken(
    hub: FakeHub, blobs: Blobs, transfer: Transfer, by_bytes: int
) -> None:
    hub.fail("length", by_bytes=by_bytes, times=None)
    with pytest.raises(SourceChangedError):
        transfer.fetch(blobs, [item_of(hub, BIG)])


def test_a_file_that_grew_shows_in_its_range(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    item = item_of(hub, BIG)
    hub.models["m/m"].push({"model.safetensors": BIG + b"more"})
    with pytest.raises(SourceChangedError, match="500,004"):
        transfer.fetch(blobs, [item])


def test_a_file_that_shrank_shows_as_416(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    item = item_of(hub, BIG)
    hub.fail("status", status=416, skip=2, times=None)
    with pytest.raises(SourceChangedError):
        transfer.fetch(blobs, [item])


def test_a_file_that_is_replaced_while_it_comes_is_noticed_by_its_etag(
    hub: FakeHub, blobs: Blobs, transfer: Transfer
) -> None:
    hub.fail("etag", skip=3, times=None)
    with pytest.raises(SourceChangedError, match="replaced"):
        transfer.fetch(blobs, [item_of(hub, BIG)])


@pytest.mark.parametrize(
    "value", ["bytes 0-65535/*", "bytes 5-10/500000", "bytes 9-1/500000", "nonsense", ""]
)
def test_a_range_that_was_not_asked_for_is_refused(
    hub: FakeHub, blobs: Blobs, transfer: Transfer, value: str
) -> None:
    hub.fail("content_range", value=value, skip=1, times=None)
    with pytest.raises(SourceProtocolError):
        transfer.fetch(blobs, [item_of(hub, BIG)])


def test_encoded_bodies_are_refused(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    hub.fail("encoded", times=None)
    with pytest.raises(SourceProtocolError, match="gzip"):
        transfer.fetch(blobs, [item_of(hub, BIG)])


def test_a_body_without_length_is_taken_to_its_end(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    hub.fail("chunked", times=None)
    transfer.fetch(blobs, [item_of(hub, BIG), item_of(hub, b"small", "config.json")])
    assert stored(blobs, BIG)
    assert stored(blobs, b"small")


def test_a_body_without_length_that_goes_on_too_long_is_refused(
    hub: FakeHub, blobs: Blobs, transfer: Transfer
) -> None:
    item = item_of(hub, b"small", "config.json")
    hub.models["m/m"].push({"config.json": b"small, and more"})
    hub.fail("chunked", times=None)
    with pytest.raises(SourceChangedError, match="more than 5 bytes"):
        transfer.fetch(blobs, [item])


def test_what_is_no_http_is_not_taken_for_an_answer(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    hub.fail("garbage", times=None)
    with pytest.raises(SourceUnreachableError):
        transfer.fetch(blobs, [item_of(hub, BIG)])


def test_a_circle_of_redirects_ends(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    fault = hub.fail("loop", times=None)
    with pytest.raises(SourceProtocolError, match="circle"):
        transfer.fetch(blobs, [item_of(hub, BIG)])
    assert fault.hits == 1


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://", "http://[::1"])
def test_redirects_lead_to_http_addresses_alone(
    hub: FakeHub, blobs: Blobs, transfer: Transfer, location: str
) -> None:
    hub.fail("elsewhere", location=location, times=None)
    with pytest.raises(SourceProtocolError):
        transfer.fetch(blobs, [item_of(hub, BIG)])


def test_credentials_stay_with_the_origin_that_they_are_for(
    hub: FakeHub, blobs: Blobs, transfer: Transfer
) -> None:
    model = hub.add("a/b", {"model.safetensors": BIG})
    url = f"{hub.url}/a/b/resolve/{model.branches['main']}/model.safetensors"
    secret = {"Authorization": "Bearer hf_secret", "Cookie": "m_session_id=secret"}
    item = Item(
        path="model.safetensors",
        origin=FileRequest(url=url, headers=secret),
        size_bytes=len(BIG),
        sha256=DIGEST,
    )
    transfer.fetch(blobs, [item])
    first = [request for request in hub.requests if "/resolve/" in request.target]
    second = [request for request in hub.requests if "/cdn/" in request.target]
    assert first
    assert second
    assert all(request.headers["Authorization"] == "Bearer hf_secret" for request in first)
    assert all(request.headers["Authorization"] is None for request in second)
    assert all(request.headers["Cookie"] is None for request in second)
    assert "secret" not in repr(item.origin)


def test_a_hub_that_names_another_digest_is_believed_before_gigabytes_come(
    hub: FakeHub, blobs: Blobs, transfer: Transfer
) -> None:
    hub.add("a/b", {"model.safetensors": some_bytes(len(BIG), "moved")})
    item = Item(
        path="model.safetensors",
        origin=FileRequest(url=f"{hub.url}/a/b/resolve/main/model.safetensors"),
        size_bytes=len(BIG),
        sha256=DIGEST,
    )
    with pytest.raises(SourceChangedError, match="another SHA-256"):
        transfer.fetch(blobs, [item])
    assert hub.served_bytes() <= QUICK.chunk_bytes


def test_the_bandwidth_limit_is_kept(hub: FakeHub, blobs: Blobs) -> None:
    limited = Transfer(msgspec.structs.replace(QUICK, bandwidth_bytes_per_s=400_000), Network())
    began_s = time.monotonic()
    limited.fetch(blobs, [item_of(hub, BIG)])
    # The last piece's time is waited for, too: 500 kB at 400 kB/s are 1.25 s, whatever the machine.
    assert time.monotonic() - began_s >= 1.2
    assert stored(blobs, BIG)


def test_progress_reaches_the_total_and_never_passes_it(
    hub: FakeHub, blobs: Blobs, transfer: Transfer
) -> None:
    hub.fail("slow", bytes_per_s=200_000, times=None)
    seen: list[Progress] = []
    transfer.fetch(blobs, [item_of(hub, BIG)], seen.append)
    done = [progress.done_bytes for progress in seen]
    assert done == sorted(done)
    assert done[-1] == seen[-1].total_bytes == len(BIG)
    assert any(progress.rate_bytes_per_s > 0 and progress.eta_s is not None for progress in seen[:-1])


def test_cancelling_ends_a_read_that_waits(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    hub.fail("stall", after_bytes=1000, times=None)
    cancel = threading.Event()

    def watch(progress: Progress) -> None:
        if progress.moved_bytes:
            cancel.set()

    with pytest.raises(PullInterruptedError):
        transfer.fetch(blobs, [item_of(hub, BIG)], watch, cancel)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch-")]


def test_a_file_of_this_machine_is_read_like_a_remote_one(
    blobs: Blobs, transfer: Transfer, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(BIG)
    item = Item(path=path.name, origin=LocalFile(path=str(path)), size_bytes=len(BIG), sha256=DIGEST)
    transfer.fetch(blobs, [item])
    assert stored(blobs, BIG)
    path.write_bytes(b"x" + BIG)
    other = msgspec.structs.replace(item, sha256=hashlib.sha256(b"other").hexdigest())
    with pytest.raises(SourceChangedError):
        transfer.fetch(blobs, [other])


def test_two_transfers_of_one_file_share_one_download(hub: FakeHub, blobs: Blobs, transfer: Transfer) -> None:
    item = item_of(hub, BIG)
    hub.fail("slow", bytes_per_s=400_000, times=None)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            Transfer(QUICK, Network()).fetch(blobs, [item])
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert hub.served_bytes() == len(BIG)
