"""`/api/images`: a picture travels once."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image
from starlette.routing import Route, Router

from huiyan.errors import HuiyanError, InvalidImageError, PayloadTooLargeError, RequestError
from huiyan.gateway.access.principal import LOCAL, Principal, Scope
from huiyan.gateway.pictures.limits import ImageLimits
from huiyan.gateway.pictures.pool import DecodePool
from huiyan.gateway.pictures.prepare import Workshop
from huiyan.gateway.pictures.store import ImageStore
from huiyan.gateway.routes.images import ImageRoutes

BOB = Principal(id="bob", name="Bob", scopes=frozenset({Scope.CHAT}))


class Client:
    """Speaks ASGI, as the edge middleware would with its principal."""

    def __init__(self, app: Router) -> None:
        self._app = app

    async def ask(
        self,
        method: str,
        sha256: str,
        pieces: AsyncIterator[bytes] | list[bytes] | None = None,
        principal: Principal = LOCAL,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        async def body() -> AsyncIterator[bytes]:
            if isinstance(pieces, list) or pieces is None:
                for piece in pieces or []:
                    yield piece
            else:
                async for piece in pieces:
                    yield piece

        waiting = body()

        async def receive() -> dict[str, Any]:
            piece = await anext(waiting, None)
            return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

        status, sent_headers, sent = 0, {}, b""

        async def send(message: Any) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                sent_headers.update({k.decode(): v.decode() for k, v in message["headers"]})
            else:
                sent += message.get("body", b"")

        scope = {
            "type": "http",
            "method": method,
            "path": f"/api/images/{sha256}",
            "headers": [(k.encode(), v.encode()) for k, v in (headers or {}).items()],
            "query_string": b"",
            "huiyan.principal": principal,
        }
        await self._app(scope, receive, send)
        return status, sent_headers, sent


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    pool = DecodePool(processes=1, max_decoded_bytes=256 * 1024 * 1024, time_limit_s=60)
    store = ImageStore(tmp_path, max_bytes_per_owner=10**6, max_total_bytes=10**7, keep_s=3600)
    with ThreadPoolExecutor(2) as executor:
        routes = ImageRoutes(
            Workshop(pool, store, ImageLimits(max_bytes=10_000)), executor, body_timeout_s=0.5
        )
        yield Client(
            Router(
                [
                    Route("/api/images/{sha256}", routes.put, methods=["PUT"]),
                    Route("/api/images/{sha256}", routes.head, methods=["HEAD"]),
                ]
            )
        )
    pool.close()


def picture() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((30, 20), 60).convert("RGB").save(out, "PNG")
    return out.getvalue()


PICTURE = picture()
SHA256 = hashlib.sha256(PICTURE).hexdigest()


async def test_a_picture_is_kept_and_is_there(client: Client) -> None:
    assert (await client.ask("HEAD", SHA256))[0] == 404
    status, _, body = await client.ask("PUT", SHA256.upper(), [PICTURE[:100], PICTURE[100:]])
    assert status == 201
    assert msgspec.json.decode(body) == {
        "sha256": SHA256,
        "size_bytes": len(PICTURE),
        "width": 30,
        "height": 20,
        "expires_s": 3600.0,
    }
    assert (await client.ask("PUT", SHA256, [PICTURE]))[0] == 200
    status, headers, body = await client.ask("HEAD", SHA256)
    assert (status, body) == (200, b"")
    assert 3500 < int(headers["x-huiyan-expires-s"]) <= 3600


async def test_another_principal_does_not_see_it(client: Client) -> None:
    await client.ask("PUT", SHA256, [PICTURE])
    assert (await client.ask("HEAD", SHA256, principal=BOB))[0] == 404
    assert (await client.ask("PUT", SHA256, [PICTURE], principal=BOB))[0] == 201


@pytest.mark.parametrize(
    ("sha256", "pieces", "error"),
    [
        (SHA256, [PICTURE, b"x"], InvalidImageError),
        (SHA256, [], InvalidImageError),
        ("a" * 64, [PICTURE], InvalidImageError),
        ("short", [PICTURE], InvalidImageError),
        (hashlib.sha256(b"no picture").hexdigest(), [b"no picture"], InvalidImageError),
        (hashlib.sha256(b"").hexdigest(), [], InvalidImageError),
        (SHA256, [bytes(5_000)] * 3, PayloadTooLargeError),
    ],
)
async def test_uploads_that_are_refused(
    client: Client, sha256: str, pieces: list[bytes], error: type[HuiyanError]
) -> None:
    with pytest.raises(error) as caught:
        await client.ask("PUT", sha256, pieces)
    assert caught.value.hint
    if len(sha256) == 64:
        assert (await client.ask("HEAD", sha256))[0] == 404


async def test_a_length_that_is_too_large_is_refused_before_anything_is_read(client: Client) -> None:
    read = False

    async def watched() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b""

    with pytest.raises(PayloadTooLargeError):
        await client.ask("PUT", SHA256, watched(), headers={"content-length": "10001"})
    assert not read


async def test_a_body_that_stops_is_not_waited_for(client: Client) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield PICTURE[:10]
        await asyncio.Event().wait()

    with pytest.raises(RequestError, match="stopped"):
        await client.ask("PUT", SHA256, stalled())
