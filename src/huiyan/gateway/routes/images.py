"""Pictures that travel once: `PUT` and `HEAD /api/images/{sha256}`."""

from __future__ import annotations

import asyncio
import hashlib
import re
from concurrent.futures import Executor

from starlette.requests import Request
from starlette.responses import Response

from huiyan.errors import InvalidImageError, PayloadTooLargeError, RequestError
from huiyan.gateway.access.principal import Principal
from huiyan.gateway.pictures.prepare import Workshop, keep
from huiyan.gateway.routes.responses import json_response
from huiyan.gateway.schema_images import KeptImage

_SHA256 = re.compile(r"[0-9a-f]{64}")


class ImageRoutes:
    """executor: threads for file work and for waiting on decoders."""

    def __init__(self, workshop: Workshop, executor: Executor, *, body_timeout_s: float) -> None:
        self._workshop = workshop
        self._executor = executor
        self._body_timeout_s = body_timeout_s

    async def put(self, request: Request) -> Response:
        """Keep a picture for this principal. 201, or 200 where it was kept before."""
        sha256, owner = _sha256(request), _owner(request)
        data = await self._read(request, sha256)
        loop = asyncio.get_running_loop()
        store = self._workshop.store
        image = await loop.run_in_executor(self._executor, store.get, owner, sha256)
        status = 200
        if image is None:
            image = await loop.run_in_executor(self._executor, keep, data, sha256, owner, self._workshop)
            status = 201
        kept = KeptImage(
            sha256=sha256,
            size_bytes=len(image.data),
            width=image.width,
            height=image.height,
            expires_s=store.keep_s,
        )
        return json_response(kept, status)

    async def head(self, request: Request) -> Response:
        """200 with `x-huiyan-expires-s` while it is kept, else 404 without a body."""
        loop = asyncio.get_running_loop()
        expires_s = await loop.run_in_executor(
            self._executor, self._workshop.store.expires_s, _owner(request), _sha256(request)
        )
        headers = {"cache-control": "no-store"}
        if expires_s is None:
            return Response(status_code=404, headers=headers)
        return Response(headers=headers | {"x-huiyan-expires-s": str(int(expires_s))})

    async def _read(self, request: Request, sha256: str) -> bytes:
        """The body, hashed as it arrives."""
        max_bytes = self._workshop.limits.max_bytes
        declared = request.headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > max_bytes:
            raise _too_large(max_bytes)
        digest = hashlib.sha256()
        pieces: list[bytes] = []
        size_bytes = 0
        stream = request.stream()
        while True:
            try:
                async with asyncio.timeout(self._body_timeout_s):
                    piece = await anext(stream, None)
            except TimeoutError:
                raise RequestError(
                    f"The request's body stopped for {self._body_timeout_s:.0f} s.", hint="Send it again."
                ) from None
            if piece is None:
                break
            size_bytes += len(piece)
            if size_bytes > max_bytes:
                raise _too_large(max_bytes)
            digest.update(piece)
            pieces.append(piece)
        if digest.hexdigest() != sha256:
            raise InvalidImageError(
                "The bytes that arrived have another SHA-256 than the address says.",
                hint="Hash the very bytes that are sent, and send them as they are.",
                param="sha256",
            )
        return b"".join(pieces)


def _sha256(request: Request) -> str:
    sha256 = str(request.path_params["sha256"]).lower()
    if not _SHA256.fullmatch(sha256):
        raise InvalidImageError(
            "The address has no SHA-256.", hint="PUT /api/images/ and 64 hexadecimal digits.", param="sha256"
        )
    return sha256


def _owner(request: Request) -> str:
    principal: Principal = request.scope["huiyan.principal"]
    return principal.id


def _too_large(max_bytes: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(
        f"The picture is larger than the limit of {max_bytes:,} bytes.",
        hint="Save it smaller, or as JPEG, and send it again.",
    )
