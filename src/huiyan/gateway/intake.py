"""Pictures on their way in: bounded, really decoded, turned upright, and only then sent on.

Engines decode with libraries of their own (llama.cpp: stb_image), which ignore EXIF orientation and
drop transparency to black. A picture that they would see as the user does is passed on byte for byte;
any other is encoded again. Nothing that Pillow cannot decode reaches an engine.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Literal

from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from huiyan.errors import InvalidImageError, PayloadTooLargeError

MediaType = Literal["image/jpeg", "image/png"]

#: Formats that are looked at at all; Pillow's other decoders are never reached. (MPO, the two-picture
#: JPEG of phones, comes out of the JPEG one.)
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")

#: Decoded as engines' own libraries decode it, where the mode is plain 8-bit grey or RGB.
_PASS_THROUGH: dict[str, MediaType] = {"JPEG": "image/jpeg", "PNG": "image/png"}

#: Enough for any camera; the frame is read before anything is allocated for it.
_MAX_SIDE = 32_768

_UPRIGHT = 1

#: What Pillow's decoders are known to raise on damaged files (found by flipping bytes).
_DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    TypeError,
    RuntimeError,
    struct.error,
    ArithmeticError,
)

# Pillow's own limit would answer before ours, with a warning at half of it; `_check_frame` is ours and
# runs before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """max_bytes: of the file. max_pixels: width x height, checked before decoding."""

    max_bytes: int = 32 * 1024 * 1024
    max_pixels: int = 80_000_000


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """data: the file to send. width, height: pixels, after turning upright. changed: encoded again."""

    data: bytes
    media_type: MediaType
    width: int
    height: int
    changed: bool


def prepare_image(data: bytes, limits: ImageLimits, *, label: str = "The picture") -> PreparedImage:
    """Check and, where needed, re-encode one picture. Runs in a worker thread: it may take a second.

    label: how messages name the picture. Only the first frame of an animation is used.
    Raises: InvalidImageError, PayloadTooLargeError.
    """
    if not data:
        raise InvalidImageError(f"{label} is empty (0 bytes).")
    if len(data) > limits.max_bytes:
        raise PayloadTooLargeError(
            f"{label} has {len(data):,} bytes; the limit is {limits.max_bytes:,}.",
            hint="Save it smaller, or as JPEG, and send it again.",
        )
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_frame(image, limits, label)
            return _prepare(image, data)
    except UnidentifiedImageError:
        raise _unreadable(data, label) from None
    except _DECODER_ERRORS as error:
        raise InvalidImageError(f"{label} is damaged or incomplete: {error}.") from None
    except MemoryError:
        raise PayloadTooLargeError(
            f"{label} needs more memory to decode than there is.",
            hint="Save it with fewer pixels and send it again.",
        ) from None


def _check_frame(image: Image.Image, limits: ImageLimits, label: str) -> None:
    width, height = image.size
    if width * height > limits.max_pixels or max(width, height) > _MAX_SIDE:
        raise PayloadTooLargeError(
            f"{label} is {width:,} x {height:,} pixels; the limit is {limits.max_pixels:,} pixels "
            f"and {_MAX_SIDE:,} on a side.",
            hint="Scale it down and send it again; the model sees at most about 16 million pixels anyway.",
        )


def _prepare(image: Image.Image, data: bytes) -> PreparedImage:
    media_type = _PASS_THROUGH.get(image.format or "")
    orientation = image.getexif().get(ExifTags.Base.Orientation, _UPRIGHT)
    image.load()  # the real decoding: a truncated file fails here
    if (
        media_type is not None
        and orientation == _UPRIGHT
        and image.mode in ("RGB", "L")
        and "transparency" not in image.info
        and getattr(image, "n_frames", 1) == 1
    ):
        return PreparedImage(data, media_type, image.width, image.height, changed=False)
    upright = ImageOps.exif_transpose(image)
    rgb = _to_rgb(upright)
    lossy = image.format in ("JPEG", "MPO")
    out = io.BytesIO()
    if lossy:
        rgb.save(out, "JPEG", quality=95, subsampling=0)
    else:
        rgb.save(out, "PNG", compress_level=1)
    return PreparedImage(
        out.getvalue(), "image/jpeg" if lossy else "image/png", rgb.width, rgb.height, changed=True
    )


def _to_rgb(image: Image.Image) -> Image.Image:
    """uint8[height, width, 3]: transparency over white as on a page, 16-bit grey scaled, CMYK by profile."""
    if image.mode.startswith("I") or image.mode == "F":
        return image.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    if image.mode == "CMYK":
        return _cmyk_to_rgb(image)
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        white.alpha_composite(rgba)
        return white.convert("RGB")
    return image.convert("RGB")


def _cmyk_to_rgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except (ImageCms.PyCMSError, OSError):
            pass  # a broken profile: the plain conversion is what viewers fall back to
        else:
            if converted is not None:
                return converted
    return image.convert("RGB")


def _unreadable(data: bytes, label: str) -> InvalidImageError:
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return InvalidImageError(
            f"{label} is HEIC, which is not read here.",
            hint="On the phone choose 'Most compatible' as the camera format, or save the picture as JPEG.",
        )
    if data.lstrip()[:5].lower() in (b"<?xml", b"<svg ") or b"<svg" in data[:512].lower():
        return InvalidImageError(
            f"{label} is SVG, which is a drawing program, not pixels.", hint="Save it as PNG."
        )
    if data[:5] == b"%PDF-":
        return InvalidImageError(
            f"{label} is a PDF document, not a picture.", hint="Save its pages as PNG or JPEG."
        )
    return InvalidImageError(
        f"{label} is no picture of a format read here: JPEG, PNG, WebP, GIF, AVIF, BMP, TIFF."
    )
