"""A store as a mirror: its blobs in ranges, its locks, and nothing else of the disk."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn

from huiyan.sources.serving import make_app
from tests.support.wire import Response, ask

DATA = bytes(range(256)) * 8192
DIGEST = hashlib.sha256(DATA).hexdigest()
BLOB = f"/blobs/sha256/{DIGEST}"


class Client:
    def __init__(self, port: int) -> None:
        self._port = port

    async def get(self, path: str, **headers: str) -> Response:
        return await self.request("GET", path, **headers)

    async def request(self, method: str, path: str, **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await ask(self._port, method, path, named)


@contextlib.asynccontextmanager
async def serving(directory: Path, key: str | None = None) -> AsyncIterator[Client]:
    (directory / DIGEST).write_bytes(DATA)
    (directory / "secret").write_text("secret")

    def blob(digest: str) -> Path | None:
        path = directory / digest
        return path if path.exists() else None

    app = make_app(lock=lambda name: f"# {name}" if name in (None, "a/b") else None, blob=blob, key=key)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.get_running_loop().create_task(server.serve([listener]))
        try:
            yield Client(listener.getsockname()[1])
        finally:
            server.should_exit = server.force_exit = True
            await running


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with serving(tmp_path) as made:
        yield made


async def test_whole_blob(client: Client) -> None:
    response = await client.get(BLOB)
    assert bytes(response.body) == DATA
    assert response.header("etag") == f'"{DIGEST}"'
    assert response.header("accept-ranges") == "bytes"
    assert response.header("content-length") == str(len(DATA))


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=2000000-", 2_000_000, len(DATA)),
        ("bytes=-5", -5, None),
    ],
)
async def test_range(client: Client, asked: str, start: int, stop: int | None) -> None:
    response = await client.get(BLOB, range=asked, if_range=f'"{DIGEST}"')
    assert response.status == 206
    assert bytes(response.body) == DATA[start:stop]


async def test_range_of_another_version_gives_the_whole(client: Client) -> None:
    response = await client.get(BLOB, range="bytes=0-9", if_range='"other"')
    assert (response.status, bytes(response.body)) == (200, DATA)


async def test_range_past_the_end(client: Client) -> None:
    assert (await client.get(BLOB, range="bytes=99999999-")).status == 416


async def test_what_is_known_is_not_sent_again(client: Client) -> None:
    response = await client.get(BLOB, if_none_match=f'W/"x", "{DIGEST}"')
    assert (response.status, bytes(response.body)) == (304, b"")


async def test_locks(client: Client) -> None:
    assert (await client.get("/lock")).text == "# None"
    assert (await client.get("/lock/a/b")).text == "# a/b"
    assert (await client.get("/lock/a/c")).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/blobs/sha256/secret",
        "/blobs/sha256/../secret",
        "/blobs/sha256/..%2Fsecret",
        "/blobs/sha256/%2e%2e%2fsecret",
        f"/blobs/sha256/{DIGEST.upper()}",
        f"/blobs/sha256/{DIGEST}%0A",
        f"/blobs/sha256/{'0' * 64}",
        "/etc/passwd",
        "/",
    ],
)
async def test_no_other_path(client: Client, path: str) -> None:
    response = await client.get(path)
    assert response.status == 404
    assert b"secret" not in bytes(response.body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nothing_is_written(client: Client, method: str) -> None:
    assert (await client.request(method, BLOB)).status == 405


async def test_key(tmp_path: Path) -> None:
    async with serving(tmp_path, key="k-1") as client:
        for path in ("/lock", BLOB):
            assert (await client.get(path)).status == 401
            assert (await client.get(path, authorization="Bearer k-2")).status == 401
            assert (await client.get(path, authorization="Bearer k-1")).status == 200
