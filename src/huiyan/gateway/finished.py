"""What is known of a request once it is over: one record for metrics and usage."""

from __future__ import annotations

import msgspec

from huiyan.gateway.access.principal import Principal


class Finished(msgspec.Struct, gc=False):
    """Times are seconds; counts are 0 where they are unknown.

    status: of the HTTP answer, 499 when the client left first. error_code: stable code, or "".
    first_byte_s: from the request's first byte to the answer's first body byte; None if there was none.
    queued_s: waiting for its turn. decode_s: reading its pictures. chunks: pieces of a streamed answer.
    granted_tokens: `max_tokens` as sent on where it was changed. budget: why, or "".
    """

    request_id: str
    principal: Principal
    path: str
    status: int
    stream: bool
    duration_s: float
    first_byte_s: float | None
    queued_s: float
    decode_s: float
    received_bytes: int
    sent_bytes: int
    images: int
    chunks: int
    prompt_tokens: int
    completion_tokens: int
    granted_tokens: int | None
    budget: str
    error_code: str
    backend: str
