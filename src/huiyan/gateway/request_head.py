"""What the gateway reads of a hot request's headers: whose it is, what its body is, how it wants its answer.

Reading is a pure function of the headers, of where they came from, and of the keys. A head that comes again
on the same connection (`engines.known_head`) is therefore not read again while the keys are the same.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from huiyan.engines.upstream import Headers
from huiyan.errors import HuiyanError, PayloadTooLargeError, RequestError, UnsupportedMediaTypeError
from huiyan.gateway import headers as http
from huiyan.gateway.access.principal import NOBODY, Principal, Scope
from huiyan.gateway.form import FormReader
from huiyan.gateway.multipart import FormLimits
from huiyan.gateway.options import GatewayOptions
from huiyan.gateway.relay import CHAT

if TYPE_CHECKING:
    from huiyan.gateway.service import Gateway

#: Who a request comes from is the door's to read.
_READ = frozenset(
    {b"x-request-id", b"content-type", b"content-length", b"idempotency-key", b"x-huiyan-timeout-s"}
)


class RequestHead:
    """Made by `read_head`.

    request_id: the client's own, or "". deadline_s: its limit on waiting, in seconds. form: reads the body;
    None: the body is the JSON. refusal: what to answer instead. block: the answer's headers for CORS.
    keep_alive, chunked: what the client's HTTP version and Connection allow.
    """

    __slots__ = (
        "_expires_unix_s",
        "_key_generation",
        "block",
        "chunked",
        "deadline_s",
        "expect_continue",
        "form",
        "idempotency_key",
        "keep_alive",
        "path",
        "principal",
        "refusal",
        "repeatable",
        "request_id",
    )

    def __init__(self, path: str, *, http_version: str, keep_alive: bool, expect_continue: bool) -> None:
        self.path = path
        self.chunked = http_version == "1.1"
        self.keep_alive = keep_alive and self.chunked
        self.expect_continue = expect_continue
        self.request_id = ""
        self.deadline_s: float | None = None
        self.idempotency_key: bytes | None = None
        self.form: FormReader | None = None
        self.refusal: HuiyanError | None = None
        self.principal: Principal = NOBODY
        self.block = b""
        #: Whether the same bytes mean the same while the keys are the same.
        self.repeatable = False
        self._key_generation = -1
        self._expires_unix_s: float | None = None

    def holds(self, gateway: Gateway) -> bool:
        """Whether the same headers would be read in the same way: no key was made, changed or ended."""
        if self._key_generation != gateway.access.ring.generation:
            return False
        return self._expires_unix_s is None or self._expires_unix_s > time.time()

    def admitted(self, gateway: Gateway, principal: Principal) -> None:
        """The door has let this principal in, with the keys as they are now."""
        ring = gateway.access.ring
        self.principal = principal
        self._key_generation = ring.generation
        self._expires_unix_s = ring.expires_unix_s(principal.id)


def read_head(
    gateway: Gateway,
    headers: Headers,
    *,
    path: str,
    http_version: str,
    keep_alive: bool,
    expect_continue: bool,
    peer: str,
    secure: bool,
) -> RequestHead:
    """headers: names in lower case. peer, secure: of the socket, as `Door.check` wants them."""
    options = gateway.options
    head = RequestHead(
        path, http_version=http_version, keep_alive=keep_alive, expect_continue=expect_continue
    )
    content_type = b""
    for name, value in headers:
        if name not in _READ:
            pass
        elif name == b"x-request-id":
            head.request_id = http.valid_request_id(value) or ""
        elif name == b"content-type":
            content_type = value
        elif name == b"content-length":
            if int(value) > options.max_body_bytes:
                head.refusal = too_large(options)
        elif name == b"idempotency-key":
            head.idempotency_key = value
        else:
            _read_deadline(head, value)
    if content_type != b"application/json":
        head.refusal = head.refusal or _read_content_type(head, content_type, options)
    door = gateway.access.door
    found = door.check(headers, method=b"POST", peer=peer, secure=secure, scope=Scope.CHAT)
    if isinstance(found, Principal):
        head.admitted(gateway, found)
    else:
        head.refusal = found
    head.block = http.block(door.cors.headers(headers))
    head.repeatable = (
        head.keep_alive
        and not expect_continue
        and head.refusal is None
        and head.form is None
        # A session ends by itself, and its token is to be compared each time.
        and not any(name == b"cookie" for name, _ in headers)
    )
    return head


def too_large(options: GatewayOptions) -> PayloadTooLargeError:
    """What a request is told that is larger than this gateway takes."""
    return PayloadTooLargeError(
        f"The request is larger than the limit of {options.max_body_bytes:,} bytes.",
        hint="Send fewer or smaller pictures.",
    )


def _read_deadline(head: RequestHead, value: bytes) -> None:
    head.deadline_s = http.valid_timeout_s(value)
    if head.deadline_s is None:
        head.refusal = RequestError(
            "The header X-Huiyan-Timeout-S holds no number of seconds above 0.",
            hint="Send for example 30, or leave it out.",
            param="X-Huiyan-Timeout-S",
        )


def _read_content_type(
    head: RequestHead, content_type: bytes, options: GatewayOptions
) -> RequestError | None:
    media_type = content_type.partition(b";")[0].strip().lower()
    if media_type in (b"application/json", b""):
        return None
    if media_type != b"multipart/form-data" or head.path != CHAT:
        forms = " or multipart/form-data" if head.path == CHAT else ""
        return UnsupportedMediaTypeError(
            f"{media_type.decode('latin-1')!r} is not read here.", hint=f"Send application/json{forms}."
        )
    limits = FormLimits(
        max_total_bytes=options.max_body_bytes,
        max_file_bytes=options.max_image_bytes,
        max_request_bytes=options.max_body_bytes,
        max_files=options.max_images,
    )
    try:
        head.form = FormReader(content_type, limits)
    except RequestError as error:
        return error
    return None
