"""A store as a mirror for the team's other machines: what it has, by lock and by digest, read-only.

    GET /lock                   a lock file of every model that is here
    GET /lock/OWNER/NAME        of one
    GET /blobs/sha256/HEX       the bytes, with Range, ETag and If-None-Match

A path is never made from what a request says: a digest is 64 hexadecimal digits or there is no such blob.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class BlobResponse(FileResponse):
    """In larger pieces than for a web page: each is a hop to a thread and back."""

    chunk_size = 1024 * 1024


def make_app(
    *,
    lock: Callable[[str | None], str | None],
    blob: Callable[[str], Path | None],
    key: str | None = None,
) -> Starlette:
    """lock: the text of one model's lock, or of all; None where it is not here. blob: a digest's file.

    key: needed as `Authorization: Bearer`; None lets everybody in who reaches the port.
    """

    def authorise(request: Request) -> None:
        given = request.headers.get("authorization", "")
        if key is not None and not hmac.compare_digest(given.encode(), f"Bearer {key}".encode()):
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})

    def show_lock(request: Request) -> Response:
        authorise(request)
        owner, name = request.path_params.get("owner"), request.path_params.get("name")
        text = lock(None if name is None else f"{owner}/{name}")
        if text is None:
            raise HTTPException(404)
        return PlainTextResponse(text, media_type="application/toml", headers={"cache-control": "no-cache"})

    def show_blob(request: Request) -> Response:
        authorise(request)
        digest: str = request.path_params["digest"]
        path = blob(digest) if _DIGEST.fullmatch(digest) else None
        if path is None:
            raise HTTPException(404)
        headers = {"etag": f'"{digest}"', "cache-control": "public, max-age=31536000, immutable"}
        if f'"{digest}"' in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return BlobResponse(path, media_type="application/octet-stream", headers=headers)

    return Starlette(
        routes=[
            Route("/lock", show_lock, methods=["GET"]),
            Route("/lock/{owner}/{name}", show_lock, methods=["GET"]),
            Route("/blobs/sha256/{digest}", show_blob, methods=["GET"]),
        ]
    )
