from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from huiyan.sources.offline import Network
from huiyan.sources.protocol import FileRequest
from huiyan.sources.transfer import Item, Transfer, TransferOptions
from huiyan.store.blobs import Blobs
from huiyan.store.layout import Layout
from huiyan.testing.hub import FakeHub

#: Quick, and small enough that a model of a test comes in several ranges.
QUICK = TransferOptions(
    parallel=3,
    chunk_bytes=64 * 1024,
    retries=3,
    backoff_s=0.01,
    max_wait_s=3.0,
    connect_timeout_s=20.0,
    read_timeout_s=20.0,
    progress_every_s=0.05,
)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(Layout(tmp_path / "models"))


@pytest.fixture
def transfer() -> Transfer:
    return Transfer(QUICK, Network())


def item_of(hub: FakeHub, data: bytes, path: str = "model.safetensors", *, known: bool = True) -> Item:
    """A file of the fake's mirror, which honours ranges. known: whether its digest was listed."""
    if "m/m" not in hub.models:
        hub.add("m/m", {path: data})
    else:
        hub.models["m/m"].push({**hub.models["m/m"].at("main"), path: data})
    return Item(
        path=path,
        origin=FileRequest(url=f"{hub.mirror_url}/m/m/{path}"),
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest() if known else None,
        key=path,
    )
