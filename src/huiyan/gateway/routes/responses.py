"""JSON in and out for the plain routes, in the shapes of `gateway/schema.py`."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from huiyan.errors import InvalidJsonError, PayloadTooLargeError

T = TypeVar("T")


def json_response(payload: msgspec.Struct, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(payload),
        status,
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


async def read_json(request: Request, kind: type[T], *, max_bytes: int) -> T:
    """The request's body as `kind`. Raises InvalidJsonError, PayloadTooLargeError."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise PayloadTooLargeError(
                f"The request is larger than {max_bytes:,} bytes.", hint="Send less at once."
            )
    try:
        return msgspec.json.decode(bytes(body), type=kind)
    except msgspec.ValidationError as error:
        raise InvalidJsonError(f"The request does not have the expected shape: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidJsonError(f"The request body is not valid JSON: {error}.") from None
