"""`detail`: how many pixels of a picture the model sees."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from huiyan.gateway.pictures.intake import prepare_image
from huiyan.gateway.pictures.limits import DetailPixels, ImageLimits


def file(kind: str, size: tuple[int, int], mode: str = "RGB", **options: object) -> bytes:
    image = Image.new("RGB", size, "white")
    image.paste((200, 0, 0), (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    image.convert(mode).save(out, kind, **options)
    return out.getvalue()


def test_the_models_bound_is_the_most_that_is_sent() -> None:
    detail = DetailPixels.of_tokens(1024)
    assert (detail.of("low"), detail.of("high"), detail.of("auto"), detail.of(None)) == (
        512 * 512,
        1024 * 1024,
        1024 * 1024,
        1024 * 1024,
    )
    assert DetailPixels.of_tokens(64).of("low") == 256 * 256


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_large_pictures_are_scaled_to_the_bound_and_keep_their_shape(kind: str) -> None:
    mode = "P" if kind == "GIF" else "RGB"
    prepared = prepare_image(file(kind, (1600, 1200), mode), ImageLimits(), max_pixels=512 * 512)
    assert prepared.resized
    assert 0.97 * 512 * 512 < prepared.width * prepared.height <= 512 * 512
    assert prepared.width / prepared.height == pytest.approx(4 / 3, rel=0.01)
    shown = Image.open(io.BytesIO(prepared.data)).convert("RGB")
    assert shown.size == (prepared.width, prepared.height)
    left, right = shown.getpixel((20, 20)), shown.getpixel((prepared.width - 20, 20))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert (left[0] > 180, left[1] < 30, min(right) > 240) == (True, True, True)


def test_small_pictures_are_never_scaled_up() -> None:
    data = file("PNG", (40, 30))
    prepared = prepare_image(data, ImageLimits(), max_pixels=512 * 512)
    assert prepared.data == data
    assert not prepared.resized


def test_a_turned_picture_is_scaled_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = file("JPEG", (1600, 1200), exif=exif)
    prepared = prepare_image(data, ImageLimits(), max_pixels=512 * 512)
    assert prepared.height > prepared.width


def test_a_thin_picture_keeps_at_least_a_pixel() -> None:
    prepared = prepare_image(file("PNG", (20_000, 2)), ImageLimits(), max_pixels=1000)
    assert prepared.height >= 1
    assert prepared.width * prepared.height <= 1000
