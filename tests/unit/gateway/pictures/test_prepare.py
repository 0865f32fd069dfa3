"""A request's pictures from wherever they come, into the body."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from huiyan.errors import (
    ImageMissingError,
    ImageUrlRefusedError,
    InvalidImageError,
    PayloadTooLargeError,
    RequestError,
)
from huiyan.gateway.adapter import BUILT_IN
from huiyan.gateway.multipart import Part
from huiyan.gateway.pictures.limits import DetailPixels, ImageLimits
from huiyan.gateway.pictures.pool import DecodePool
from huiyan.gateway.pictures.prepare import Prepared, Workshop, keep, prepare
from huiyan.gateway.pictures.remote import RemoteRules
from huiyan.gateway.pictures.sources import PictureSlot
from huiyan.gateway.pictures.store import ImageStore

DETAIL = DetailPixels(low=100, high=10_000, auto=10_000)
NOT_HERE = "0" * 64


def picture(color: str, kind: str = "PNG", size: tuple[int, int] = (8, 6)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, kind, **({"comment": b"secret"} if kind == "JPEG" else {}))
    return out.getvalue()


def data_url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


RED, GREEN, BLUE = (picture(color) for color in ("red", "green", "blue"))


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    made = DecodePool(processes=1, max_decoded_bytes=256 * 1024 * 1024, time_limit_s=60)
    yield made
    made.close()


@pytest.fixture
def workshop(pool: DecodePool, tmp_path: Path) -> Workshop:
    store = ImageStore(tmp_path, max_bytes_per_owner=10**6, max_total_bytes=10**7, keep_s=3600)
    return Workshop(pool, store, ImageLimits(max_bytes=100_000, max_pixels=1_000_000), uuids=True)


def request(*urls: str, detail: str | None = None) -> tuple[bytes, list[PictureSlot]]:
    content = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    body = json.dumps({"messages": [{"role": "user", "content": content}]}).encode()
    slots = [PictureSlot(0, part, url, part + 1, detail) for part, url in enumerate(urls)]
    return body, slots


def prepared(
    workshop: Workshop, *urls: str, owner: str = "ann", detail: str | None = None, **files: bytes
) -> Prepared:
    body, slots = request(*urls, detail=detail)
    attachments = {name: Part(name, "f", "image/png", data) for name, data in files.items()}
    found = prepare(body, slots, owner, workshop, detail=DETAIL, adapter=BUILT_IN, attachments=attachments)
    assert all(slot.url == "" for slot in slots)
    return found


def parts(found: Prepared) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = json.loads(b"".join(found.pieces))["messages"][0]["content"]
    return content


def urls(found: Prepared) -> list[str]:
    return [part["image_url"]["url"] for part in parts(found)]


def upload(workshop: Workshop, data: bytes, owner: str = "ann") -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    keep(data, sha256, owner, workshop)
    return sha256


def test_pictures_of_all_kinds_come_in_their_order(workshop: Workshop) -> None:
    sha256 = upload(workshop, GREEN)
    found = prepared(workshop, "attachment://b", f"sha256:{sha256}", data_url(RED), b=BLUE)
    assert urls(found) == [data_url(BLUE), data_url(GREEN), data_url(RED)]
    assert found.sizes == [(8, 6)] * 3
    assert found.decode_s > 0


def test_a_kept_picture_names_itself_to_the_engine_and_others_have_no_name(workshop: Workshop) -> None:
    sha256 = upload(workshop, GREEN)
    found = prepared(workshop, f"sha256:{sha256}", data_url(RED))
    assert [part.get("uuid") for part in parts(found)] == [f"sha256:{sha256}", None]


def test_engines_that_do_not_ask_for_names_get_none(workshop: Workshop) -> None:
    sha256 = upload(workshop, GREEN)
    plain = Workshop(workshop.pool, workshop.store, workshop.limits)
    assert "uuid" not in parts(prepared(plain, f"sha256:{sha256}"))[0]


def test_a_smaller_version_has_another_name(workshop: Workshop) -> None:
    sha256 = upload(workshop, picture("red", size=(40, 30)))
    whole, low = (prepared(workshop, f"sha256:{sha256}", detail=detail) for detail in ("high", "low"))
    assert whole.sizes == [(40, 30)]
    assert low.sizes[0][0] * low.sizes[0][1] <= 100
    assert parts(whole)[0]["uuid"] != parts(low)[0]["uuid"]


def test_what_is_kept_is_already_without_metadata(workshop: Workshop, tmp_path: Path) -> None:
    data = picture("red", "JPEG")
    assert b"secret" in data
    sha256 = upload(workshop, data)
    assert all(b"secret" not in path.read_bytes() for path in tmp_path.rglob(sha256))
    assert b"secret" not in base64.b64decode(
        urls(prepared(workshop, f"sha256:{sha256}"))[0].partition(",")[2]
    )


def test_every_missing_hash_is_named_at_once(workshop: Workshop) -> None:
    sha256, other = upload(workshop, GREEN), "f" * 64
    with pytest.raises(ImageMissingError) as caught:
        prepared(workshop, f"sha256:{NOT_HERE}", f"sha256:{sha256}", f"sha256:{other}", f"sha256:{NOT_HERE}")
    assert caught.value.hashes == (NOT_HERE, other)
    assert caught.value.param == f"{NOT_HERE},{other}"
    assert NOT_HERE in caught.value.message
    assert caught.value.hint


def test_another_owners_picture_is_missing(workshop: Workshop) -> None:
    sha256 = upload(workshop, GREEN, owner="ann")
    with pytest.raises(ImageMissingError):
        prepared(workshop, f"sha256:{sha256}", owner="bob")


def test_a_picture_damaged_on_disk_is_missing(workshop: Workshop, tmp_path: Path) -> None:
    sha256 = upload(workshop, GREEN)
    (path,) = tmp_path.rglob(sha256)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ImageMissingError) as caught:
        prepared(workshop, f"sha256:{sha256}")
    assert caught.value.param == sha256


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("data:image/png;base64,aGVsbG8=", InvalidImageError),
        ("data:image/png;base64," + "A" * 400_000, PayloadTooLargeError),
        ("attachment://not-there", InvalidImageError),
        ("https://example.com/a.png", ImageUrlRefusedError),
        ("file:///etc/passwd", ImageUrlRefusedError),
        ("sha256:short", InvalidImageError),
    ],
)
def test_a_bad_picture_is_named_with_its_place(
    workshop: Workshop, url: str, error: type[RequestError]
) -> None:
    with pytest.raises(error, match="Picture 2") as caught:
        prepared(workshop, data_url(RED), url)
    assert caught.value.param == "messages[0].content[1]"
    assert caught.value.hint


def test_a_file_that_no_message_refers_to_is_no_secret(workshop: Workshop) -> None:
    with pytest.raises(InvalidImageError, match="stands in no message"):
        prepared(workshop, "attachment://a", a=RED, b=BLUE)


def test_a_file_that_is_too_large_is_refused(workshop: Workshop) -> None:
    with pytest.raises(PayloadTooLargeError):
        prepared(workshop, "attachment://a", a=bytes(100_001))


def test_a_link_goes_by_the_rules(workshop: Workshop) -> None:
    allowed = Workshop(
        workshop.pool, workshop.store, workshop.limits, RemoteRules(allowed_hosts=("other.com",))
    )
    with pytest.raises(ImageUrlRefusedError, match=r"example\.com"):
        prepared(allowed, "https://example.com/a.png")


def test_a_body_without_pictures_stays_the_same_bytes(workshop: Workshop) -> None:
    body = b'{"messages":[{"role":"user","content":"hi"}]}'
    found = prepare(body, [], "ann", workshop, detail=DETAIL, adapter=BUILT_IN)
    assert found.pieces == [body]
