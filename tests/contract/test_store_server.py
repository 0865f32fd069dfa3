"""`huiyan models serve` and the source that reads from it, over a real socket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn

from huiyan.errors import SourceDeniedError
from huiyan.sources.choose import choose
from huiyan.sources.huggingface import HuggingFace
from huiyan.sources.huiyan import HuiyanStore
from huiyan.sources.offline import Network
from huiyan.sources.options import StoreOptions
from huiyan.sources.pull import Wish, pull
from huiyan.sources.serving import make_app
from huiyan.sources.transfer import Transfer, TransferOptions
from huiyan.store.lock import LockFile, encode_lock
from huiyan.store.snapshots import Store
from huiyan.testing.hub import FakeHub
from huiyan.testing.hub_models import small_model

ID = "Qwen/Qwen3-VL-Test"
OPTIONS = TransferOptions(chunk_bytes=64 * 1024, retries=2, backoff_s=0.01)

Serve = Callable[[Store, str | None], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[tuple[uvicorn.Server, threading.Thread, socket.socket]] = []

    def start(store: Store, key: str | None) -> str:
        def lock(_: str | None) -> str:
            current = store.current(ID)
            assert current is not None
            return encode_lock(LockFile(models=(current.lock,))).decode()

        def blob(digest: str) -> Path | None:
            return store.blobs.path(digest) if store.blobs.size(digest) is not None else None

        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(make_app(lock=lock, blob=blob, key=key), log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread, listener))
        deadline_s = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, thread, listener in running:
        server.should_exit = True
        thread.join(30)
        listener.close()


@pytest.fixture
def first(tmp_path: Path) -> Store:
    """A store that was filled from a hub, which is gone afterwards."""
    store = Store(tmp_path / "first")
    with FakeHub() as hub:
        hub.add(ID, small_model())
        source = HuggingFace(Network(), hub.url, token_path=tmp_path / "none")
        pull(store, [source], Wish(model_id=ID), transfer=Transfer(OPTIONS, Network()))
    return store


def test_another_machine_gets_the_same_bytes_in_ranges(first: Store, tmp_path: Path, serve: Serve) -> None:
    url = serve(first, None)
    second = Store(tmp_path / "second")
    source = HuiyanStore(Network(), url, OPTIONS)
    pulled = pull(second, [source], Wish(model_id=ID.lower()), transfer=Transfer(OPTIONS, Network()))
    here = first.current(ID)
    assert here is not None
    assert pulled.digest == here.digest
    assert pulled.whole == ()
    assert pulled.moved_bytes == here.size_bytes
    assert second.verify(ID, deep=True) == []


def test_a_key_is_asked_for_and_sent(first: Store, tmp_path: Path, serve: Serve) -> None:
    url = serve(first, "hy-secret")
    second = Store(tmp_path / "second")
    transfer = Transfer(OPTIONS, Network())
    with pytest.raises(SourceDeniedError):
        pull(second, [HuiyanStore(Network(), url, OPTIONS)], Wish(model_id=ID), transfer=transfer)
    (tmp_path / "key").write_text("hy-secret\n")
    options = StoreOptions.model_validate({"key_file": tmp_path / "key"})
    sources = choose(f"huiyan+{url}", options, Network())
    assert pull(second, sources, Wish(model_id=ID), transfer=transfer).lock.id == ID
