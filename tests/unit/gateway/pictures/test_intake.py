"""Pictures of all sorts, made here, through the real decoder."""

import io
import random
import struct
import zlib

import pytest
from PIL import Image

from huiyan.errors import InvalidImageError, PayloadTooLargeError
from huiyan.gateway.pictures.intake import prepare_image
from huiyan.gateway.pictures.limits import ImageLimits

LIMITS = ImageLimits()


def _picture(width: int = 40, height: int = 24, mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue, in any mode."""
    image = Image.new("RGB", (width, height), (220, 20, 20))
    image.paste((20, 20, 220), (width // 2, 0, width, height))
    return image.convert(mode)


def _file(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _open(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _png_of_size(width: int, height: int) -> bytes:
    """A well-formed PNG head that promises `width` x `height` and brings next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1024 * 1024))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_plain_picture_is_passed_on_byte_for_byte(kind: str) -> None:
    data = _file(_picture(), kind)
    prepared = prepare_image(data, LIMITS)
    assert prepared.data == data
    assert not prepared.changed
    assert (prepared.width, prepared.height) == (40, 24)


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_formats_that_engines_do_not_read_become_png(kind: str) -> None:
    prepared = prepare_image(_file(_picture(), kind), LIMITS)
    assert prepared.media_type == "image/png"
    assert prepared.changed
    red, _, blue = _open(prepared.data).getpixel((5, 12))  # type: ignore[misc]  # RGB: a tuple
    assert red > 150 > blue


@pytest.mark.parametrize(("orientation", "size"), [(3, (40, 24)), (6, (24, 40)), (8, (24, 40))])
def test_a_sideways_photo_is_turned_upright(orientation: int, size: tuple[int, int]) -> None:
    image = _picture()
    exif = Image.Exif()
    exif[0x0112] = orientation
    prepared = prepare_image(_file(image, "JPEG", exif=exif, quality=95), LIMITS)
    assert (prepared.width, prepared.height) == size
    assert prepared.media_type == "image/jpeg"
    upright = _open(prepared.data)
    assert not upright.getexif().get(0x0112)
    corner = upright.getpixel({3: (35, 12), 6: (12, 5), 8: (12, 35)}[orientation])
    assert isinstance(corner, tuple)
    assert corner[0] > 150, "the red half is where the camera saw it"


def test_transparency_is_shown_over_white() -> None:
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    image.paste((200, 0, 0, 255), (0, 0, 10, 20))
    shown = _open(prepare_image(_file(image, "PNG"), LIMITS).data)
    assert shown.getpixel((15, 10)) == (255, 255, 255)
    assert shown.getpixel((5, 10)) == (200, 0, 0)


def test_palette_transparency_too() -> None:
    image = _picture().quantize(4, dither=Image.Dither.NONE)
    shown = prepare_image(_file(image, "PNG", transparency=image.getpixel((0, 0))), LIMITS)
    assert _open(shown.data).getpixel((2, 2)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_other_jpeg_modes_can_be_read(mode: str) -> None:
    prepared = prepare_image(_file(_picture(mode=mode), "JPEG"), LIMITS)
    assert _open(prepared.data).size == (40, 24)


def test_sixteen_bit_grey_keeps_its_brightness() -> None:
    image = Image.new("I;16", (10, 10), 30_000)
    shown = _open(prepare_image(_file(image, "PNG"), LIMITS).data)
    assert shown.getpixel((5, 5)) == (117, 117, 117)


def test_only_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (10, 10), color) for color in ("red", "blue")]
    data = _file(frames[0], "GIF", save_all=True, append_images=frames[1:])
    red, _, blue = _open(prepare_image(data, LIMITS).data).getpixel((5, 5))  # type: ignore[misc]  # RGB
    assert red > 200 > blue


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"hello, I am no picture", "no picture"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(64), "HEIC"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"\xff\xd8\xff\xe0", "picture"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, word: str) -> None:
    with pytest.raises(InvalidImageError, match=word) as caught:
        prepare_image(data, LIMITS)
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_a_truncated_picture_is_refused(kind: str) -> None:
    noise = Image.frombytes("RGB", (200, 200), random.Random(1).randbytes(120_000))
    data = _file(noise, kind)
    with pytest.raises(InvalidImageError) as caught:
        prepare_image(data[: len(data) * 2 // 3], LIMITS, label="Picture 2")
    assert caught.value.message.startswith("Picture 2")


def test_a_pixel_bomb_is_refused_before_it_is_decoded() -> None:
    bomb = _png_of_size(40_000, 40_000)
    assert len(bomb) < 10_000
    with pytest.raises(PayloadTooLargeError, match=r"40,000 x 40,000"):
        prepare_image(bomb, LIMITS)


def test_a_long_thin_bomb_is_refused() -> None:
    with pytest.raises(PayloadTooLargeError):
        prepare_image(_png_of_size(60_000, 2), LIMITS)


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(PayloadTooLargeError, match="2,000"):
        prepare_image(_file(_picture(400, 400), "BMP"), ImageLimits(max_bytes=2_000))


@pytest.mark.filterwarnings("ignore")  # Pillow warns about damaged tags
def test_damaged_pictures_never_raise_anything_else() -> None:
    """Seeded flips over every format: decoded, or refused with our errors."""
    chance = random.Random(20_260_101)
    noise = Image.frombytes("RGB", (64, 64), chance.randbytes(64 * 64 * 3))
    sources = [_file(noise, kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")]
    refused = 0
    for _ in range(400):
        data = bytearray(chance.choice(sources))
        for _ in range(chance.randint(1, 12)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            prepare_image(bytes(data), ImageLimits(max_pixels=4_000_000))
        except (InvalidImageError, PayloadTooLargeError):
            refused += 1
    assert 0 < refused < 400
