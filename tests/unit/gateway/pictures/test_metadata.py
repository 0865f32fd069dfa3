"""Nothing of where, when and with what a photo was taken goes on, and no pixel changes."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from huiyan.errors import InvalidImageError
from huiyan.gateway.pictures.intake import prepare_image
from huiyan.gateway.pictures.limits import ImageLimits
from huiyan.gateway.pictures.metadata import MetadataError, cut, kept_spans

SECRET = b"39.9042N 116.4074E"


def noise(size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.effect_noise(size, 60).convert("RGB")


def file(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def pixels(data: bytes) -> bytes:
    return Image.open(io.BytesIO(data)).convert("RGB").tobytes()


def photo(**options: object) -> bytes:
    """A JPEG as cameras write it, with the secret in every place for metadata."""
    exif = Image.Exif()
    exif[0x0110] = SECRET.decode()
    exif.get_ifd(0x8825)[1] = SECRET.decode()
    return file(noise(), "JPEG", quality=90, exif=exif, comment=SECRET, xmp=SECRET, **options) + SECRET


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}]
)
def test_a_photo_loses_its_metadata_and_none_of_its_pixels(options: dict[str, object]) -> None:
    data = photo(**options)
    assert data.count(SECRET) >= 5
    prepared = prepare_image(data, ImageLimits())
    assert SECRET not in prepared.data
    assert prepared.changed
    assert not Image.open(io.BytesIO(prepared.data)).getexif()
    assert pixels(prepared.data) == pixels(data)
    assert prepared.data.endswith(b"\xff\xd9")


def test_a_png_loses_its_metadata_and_none_of_its_pixels() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Location", SECRET.decode())
    texts.add_itxt("Comment", SECRET.decode(), zip=False)
    exif = Image.Exif()
    exif[0x0110] = SECRET.decode()
    data = file(noise(), "PNG", pnginfo=texts, exif=exif, icc_profile=SECRET * 20) + SECRET
    prepared = prepare_image(data, ImageLimits())
    assert SECRET not in prepared.data
    assert pixels(prepared.data) == pixels(data)
    kinds = [chunk for chunk in (b"tEXt", b"iTXt", b"eXIf", b"iCCP", b"tIME") if chunk in prepared.data]
    assert kinds == []


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "TIFF"])
def test_what_is_encoded_again_has_no_metadata_either(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0110] = SECRET.decode()
    data = file(noise(), kind, exif=exif)
    assert SECRET in data
    assert SECRET not in prepare_image(data, ImageLimits()).data


def test_a_turned_photo_has_none_either() -> None:
    exif = Image.Exif()
    exif[0x0110] = SECRET.decode()
    exif[0x0112] = 6
    data = file(noise(), "JPEG", exif=exif, comment=SECRET, icc_profile=SECRET * 20)
    prepared = prepare_image(data, ImageLimits())
    assert (prepared.width, prepared.height) == (48, 64)
    assert SECRET not in prepared.data


def test_of_a_phones_two_pictures_only_the_first_goes_on() -> None:
    first, second = noise(), noise((32, 32))
    data = file(first, "MPO", save_all=True, append_images=[second])
    assert Image.open(io.BytesIO(data)).format == "MPO"
    prepared = prepare_image(data, ImageLimits())
    assert prepared.data.count(b"\xff\xd8\xff") == 1
    assert pixels(prepared.data) == pixels(data)


def test_an_archive_behind_a_picture_does_not_go_on() -> None:
    for kind in ("JPEG", "PNG"):
        plain = file(noise(), kind)
        assert prepare_image(plain + b"PK\x03\x04 a whole archive", ImageLimits()).data == plain


def test_adobes_colour_mark_stays_since_colours_hang_on_it() -> None:
    cmyk = file(noise().convert("CMYK"), "JPEG")
    assert b"Adobe" in cmyk
    assert b"Adobe" in cut(cmyk, kept_spans(cmyk, "JPEG"))


def test_srgb_profiles_are_cut_and_others_converted() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.new("RGB", (16, 16), (200, 100, 50))
    prepared = prepare_image(file(image, "PNG", icc_profile=srgb), ImageLimits())
    assert b"iCCP" not in prepared.data
    assert pixels(prepared.data) == image.tobytes()

    swapped = swapped_primaries(srgb)
    data = file(image, "PNG", icc_profile=swapped)
    converted = Image.open(io.BytesIO(prepare_image(data, ImageLimits()).data))
    assert "icc_profile" not in converted.info
    red, green, blue = converted.getpixel((5, 5))  # type: ignore[misc]  # RGB: a tuple
    assert green > red > blue, "red and green are exchanged, as the profile says"


def swapped_primaries(profile: bytes) -> bytes:
    """The profile with its red and green exchanged in the table of tags (ICC.1, 7.3)."""
    (count,) = struct.unpack_from(">I", profile, 128)
    data = bytearray(profile)
    for index in range(count):
        at = 132 + 12 * index
        name = bytes(data[at : at + 4])
        data[at : at + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(name, name)
    return bytes(data)


@pytest.mark.parametrize("profile", [b"", b"x" * 40, b"\0" * 5000, b"\xff" * 200_000])
def test_a_broken_profile_is_as_good_as_none(profile: bytes) -> None:
    data = file(noise(), "JPEG", icc_profile=profile)
    assert pixels(prepare_image(data, ImageLimits()).data) == pixels(data)


def test_a_profile_of_many_megabytes_is_not_even_read() -> None:
    data = file(noise(), "JPEG", icc_profile=bytes(6 * 1024 * 1024))
    assert len(prepare_image(data, ImageLimits()).data) < 50_000


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_files_cut_off_anywhere_are_no_surprise(kind: str) -> None:
    data = file(noise(), kind, exif=b"Exif\0\0" + bytes(50))
    for length in range(0, len(data), 37):
        try:
            spans = kept_spans(data[:length], kind)
        except MetadataError:
            continue
        assert all(0 <= start < end <= length for start, end in spans)
        with pytest.raises(InvalidImageError):
            prepare_image(data[:length], ImageLimits())


def test_a_png_whose_chunk_claims_gigabytes_is_refused() -> None:
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 0xFFFF_FFF0, b"tEXt") + bytes(100)
    with pytest.raises(MetadataError):
        kept_spans(data, "PNG")
    with pytest.raises(InvalidImageError):
        prepare_image(data, ImageLimits())


def test_a_text_bomb_is_cut_without_being_unpacked() -> None:
    bomb = zlib.compress(bytes(20 * 1024 * 1024), 9)
    plain = file(noise(), "PNG")
    body = b"Comment\0\0" + bomb
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    try:
        prepared = prepare_image(plain[:33] + chunk + plain[33:], ImageLimits())
    except InvalidImageError:
        return  # refused while it was looked at is as good
    assert prepared.data == plain
