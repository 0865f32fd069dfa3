"""What may stand in an image_url."""

from __future__ import annotations

import base64

import pytest

from huiyan.errors import ImageUrlRefusedError, InvalidImageError, PayloadTooLargeError, RequestError
from huiyan.gateway.pictures.limits import ImageLimits
from huiyan.gateway.pictures.sources import Attachment, DataUrl, Kept, Link, Source, decode_data_url, parse

LIMITS = ImageLimits(max_bytes=1000)
DATA = bytes(range(250))
BASE64 = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("data:image/png;base64,AA==", DataUrl("data:image/png;base64,AA==")),
        ("attachment://图 1", Attachment("图 1")),
        ("sha256:" + "aB" * 32, Kept("ab" * 32)),
        ("https://example.com/a.png", Link("https://example.com/a.png")),
        ("HTTP://example.com/a.png", Link("HTTP://example.com/a.png")),
    ],
)
def test_the_kinds_of_sources(url: str, source: Source) -> None:
    assert parse(url, "Picture 1") == source


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("file:///etc/passwd", ImageUrlRefusedError),
        ("ftp://example.com/a", ImageUrlRefusedError),
        ("/etc/passwd", ImageUrlRefusedError),
        ("sha256:abc", InvalidImageError),
        ("sha256:" + "g" * 64, InvalidImageError),
        ("sha256:" + "a" * 65, InvalidImageError),
    ],
)
def test_everything_else_is_refused(url: str, error: type[RequestError]) -> None:
    with pytest.raises(error, match="Picture 2") as caught:
        parse(url, "Picture 2")
    assert caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        f"data:image/png;base64,{BASE64}",
        f"DATA:image/png;charset=x;BASE64,{BASE64}",
        f"data:;base64,{BASE64.rstrip('=')}",
        f"data:image/png;base64,{BASE64[:76]}\r\n{BASE64[76:]}",
    ],
)
def test_data_urls_as_clients_write_them(url: str) -> None:
    assert decode_data_url(url, "Picture 1", LIMITS) == DATA


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("data:image/png,plain", InvalidImageError),
        ("data:image/png;base64", InvalidImageError),
        ("data:image/png;base64,!!!!", InvalidImageError),
        ("data:image/png;base64,A", InvalidImageError),
        ("data:image/png;base64,ää==", InvalidImageError),
        ("data:image/png;base64," + "A" * 2000, PayloadTooLargeError),
    ],
)
def test_bad_data_urls_are_refused(url: str, error: type[RequestError]) -> None:
    with pytest.raises(error) as caught:
        decode_data_url(url, "Picture 1", LIMITS)
    assert caught.value.hint
