"""Which pages may read answers."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from huiyan.gateway.access.cors import Cors
from huiyan.gateway.access.options import AccessOptions

PAGE = (b"origin", b"https://app.example")
ASKS = (b"access-control-request-method", b"POST")


def test_nobody_by_default() -> None:
    cors = Cors([])
    assert cors.headers([PAGE]) == []
    assert cors.preflight([PAGE, ASKS]) is None


def test_an_allowed_page() -> None:
    cors = Cors(["https://app.example"])
    answer = dict(cors.headers([PAGE]))
    assert answer[b"access-control-allow-origin"] == b"https://app.example"
    assert b"retry-after" in answer[b"access-control-expose-headers"]
    assert answer[b"vary"] == b"Origin"
    asked = (b"access-control-request-headers", b"authorization,content-type,x-stainless-new")
    preflight = dict(cors.preflight([PAGE, ASKS, asked]) or [])
    assert preflight[b"access-control-allow-origin"] == b"https://app.example"
    assert preflight[b"access-control-allow-headers"] == asked[1]
    assert b"POST" in preflight[b"access-control-allow-methods"]
    assert not any(b"credentials" in name for name in (*answer, *preflight))


@pytest.mark.parametrize(
    "origin", [b"https://evil.example", b"null", b"https://app.example.evil", b"http://app.example"]
)
def test_another_page(origin: bytes) -> None:
    cors = Cors(["https://app.example"])
    assert cors.headers([(b"origin", origin)]) == [(b"vary", b"Origin")]
    assert cors.preflight([(b"origin", origin), ASKS]) is None


def test_a_preflight_echoes_only_header_names() -> None:
    cors = Cors(["https://app.example"])
    for odd in (b"a\r\nset-cookie: x", b"*", b"a b", b""):
        answer = cors.preflight([PAGE, ASKS, (b"access-control-request-headers", odd)])
        assert answer is not None
        assert b"access-control-allow-headers" not in dict(answer)
    assert cors.preflight([PAGE]) is None


@pytest.mark.parametrize(
    "origin", ["*", "app.example", "https://app.example/", "https://app.example/x", "https://*.example", ""]
)
def test_what_is_no_origin_is_refused_as_a_setting(origin: str) -> None:
    with pytest.raises(ValidationError):
        AccessOptions.model_validate({"cors_origins": (origin,)})
