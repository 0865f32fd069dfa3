"""One picture: checked, really decoded, upright, in sRGB, without metadata, and no larger than asked for.

Engines decode with libraries of their own (llama.cpp: stb_image), which ignore EXIF orientation and colour
profiles and drop transparency to black. A picture that they would see as the user does keeps its pixels
byte for byte, only its metadata is cut; any other is encoded again. Nothing that Pillow cannot decode
reaches an engine. Only the first frame of an animation is used.

Runs in the pool's processes (`decoder`), and in a command line's own.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from huiyan.errors import InvalidImageError, PayloadTooLargeError
from huiyan.gateway.pictures.color import profile_of, to_rgb, wide_gamut
from huiyan.gateway.pictures.limits import ImageLimits, MediaType, PreparedImage
from huiyan.gateway.pictures.metadata import MetadataError, Spans, cut, kept_spans

#: Formats that are looked at at all; Pillow's other decoders are never reached. (MPO, the two-picture
#: JPEG of phones, comes out of the JPEG one.)
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")

#: Decoded as engines' own libraries decode it, where the mode is plain 8-bit grey or RGB.
_PASS_THROUGH: dict[str, MediaType] = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png"}

#: Enough for any camera; the frame is read before anything is allocated for it.
_MAX_SIDE = 32_768

_UPRIGHT = 1

#: Pillow's bytes a pixel in memory, and as much again for each copy that a change needs.
_PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2}
_COPIES = 3

#: What Pillow's decoders are known to raise on damaged files (found by flipping bytes).
_DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    struct.error,
    ArithmeticError,
)

# Pillow's own limit would answer before ours, with a warning at half of it; `_check_frame` is ours and
# runs before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """spans: the ranges of the file that are sent as they are, or None where `data` is sent instead."""

    media_type: MediaType
    width: int
    height: int
    resized: bool
    spans: Spans | None
    data: bytes


def prepare_image(
    data: bytes, limits: ImageLimits, *, label: str = "The picture", max_pixels: int | None = None
) -> PreparedImage:
    """Check and, where needed, re-encode one picture, in this process. It may take a second.

    label: how messages name the picture. max_pixels: scaled down to this many; None: not at all.
    Raises: InvalidImageError, PayloadTooLargeError.
    """
    outcome = read_image(data, limits, label=label, max_pixels=max_pixels)
    kept = outcome.data if outcome.spans is None else cut(data, outcome.spans)
    return PreparedImage(
        kept,
        outcome.media_type,
        outcome.width,
        outcome.height,
        changed=kept is not data,
        resized=outcome.resized,
    )


def read_image(
    data: bytes,
    limits: ImageLimits,
    *,
    label: str,
    max_pixels: int | None,
    reserve: Callable[[int], None] = lambda size_bytes: None,
) -> Outcome:
    """As `prepare_image`. reserve: told how many bytes the pixels will take, before they are decoded."""
    if not data:
        raise InvalidImageError(f"{label} is empty (0 bytes).")
    if len(data) > limits.max_bytes:
        raise PayloadTooLargeError(
            f"{label} has {len(data):,} bytes; the limit is {limits.max_bytes:,}.",
            hint="Save it smaller, or as JPEG, and send it again.",
        )
    _check_webp(data, limits, label)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_frame(image.size, limits, label)
            _check_frames(image, limits, label)
            scaled_to = max_pixels if max_pixels is not None and _pixels(image) > max_pixels else None
            if scaled_to is not None and image.format in ("JPEG", "MPO"):
                # Decoded at a half, a quarter or an eighth: less memory, and the same check of the file.
                image.draft(None, _fitting(image.size, scaled_to))
            reserve(_pixels(image) * _PIXEL_BYTES.get(image.mode, 4) * _COPIES)
            return _read(image, data, scaled_to)
    except UnidentifiedImageError:
        raise _unreadable(data, label) from None
    except _DECODER_ERRORS as error:
        raise InvalidImageError(f"{label} is damaged or incomplete: {_reason(error)}.") from None
    except MemoryError:
        raise PayloadTooLargeError(
            f"{label} needs more memory to decode than there is.",
            hint="Save it with fewer pixels and send it again.",
        ) from None


def _check_frame(size: tuple[int, int], limits: ImageLimits, label: str) -> None:
    width, height = size
    if width * height > limits.max_pixels or max(width, height) > _MAX_SIDE:
        raise PayloadTooLargeError(
            f"{label} is {width:,} x {height:,} pixels; the limit is {limits.max_pixels:,} pixels "
            f"and {_MAX_SIDE:,} on a side.",
            hint="Scale it down and send it again; the model sees at most about 16 million pixels anyway.",
        )


def _check_webp(data: bytes, limits: ImageLimits, label: str) -> None:
    """What libwebp allocates two canvases for as soon as the file is opened (container spec, VP8X)."""
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and len(data) >= 30:
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
        _check_frame((width, height), limits, label)


def _check_frames(image: Image.Image, limits: ImageLimits, label: str) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > limits.max_frames:
        raise PayloadTooLargeError(
            f"{label} has {frames:,} frames; the limit is {limits.max_frames:,}.",
            hint="Send the frame that matters as a picture; of an animation only the first is seen.",
        )


def _read(image: Image.Image, data: bytes, scaled_to: int | None) -> Outcome:
    kind = image.format or ""
    media_type = _PASS_THROUGH.get(kind)
    if scaled_to is None and media_type is not None and _plain(image, kind):
        return _cut(data, media_type)
    image.load()  # the real decoding: a truncated file fails here
    rgb = to_rgb(ImageOps.exif_transpose(image))
    if scaled_to is not None:
        # After the conversion: palette colours cannot be averaged.
        rgb = rgb.resize(_fitting(rgb.size, scaled_to), Image.Resampling.LANCZOS, reducing_gap=3.0)
    rgb.info.clear()  # comments, profiles and EXIF, which Pillow would write again
    out = io.BytesIO()
    lossy = kind in ("JPEG", "MPO")
    if lossy:
        rgb.save(out, "JPEG", quality=95, subsampling=0)
    else:
        rgb.save(out, "PNG", compress_level=1)
    media_type = "image/jpeg" if lossy else "image/png"
    return Outcome(media_type, rgb.width, rgb.height, scaled_to is not None, None, out.getvalue())


def _plain(image: Image.Image, kind: str) -> bool:
    """Whether every decoder sees this file as a viewer does."""
    if image.mode not in ("RGB", "L") or "transparency" in image.info:
        return False
    if image.getexif().get(ExifTags.Base.Orientation, _UPRIGHT) != _UPRIGHT:
        return False
    if kind == "PNG" and getattr(image, "n_frames", 1) > 1:
        return False
    profile = profile_of(image)
    return profile is None or not wide_gamut(profile)


def _cut(data: bytes, media_type: MediaType) -> Outcome:
    """The file without its metadata. What is decoded here is exactly what is sent."""
    try:
        spans = kept_spans(data, "JPEG" if media_type == "image/jpeg" else "PNG")
    except MetadataError as error:
        raise OSError(str(error)) from None
    kept = cut(data, spans)
    with Image.open(io.BytesIO(kept), formats=("JPEG", "PNG")) as image:
        image.load()  # the real decoding: a truncated file fails here
        return Outcome(media_type, image.width, image.height, False, spans, b"")


def _pixels(image: Image.Image) -> int:
    return image.width * image.height


def _fitting(size: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """The largest size of the same shape with at most `max_pixels`; never larger than `size`."""
    width, height = size
    scale = min(1.0, math.sqrt(max_pixels / (width * height)))
    return max(1, min(int(width * scale), max_pixels)), max(1, min(int(height * scale), max_pixels))


def _reason(error: Exception) -> str:
    """A decoder's words, as far as they are fit for a sentence."""
    text = " ".join(str(error).split())[:200].rstrip(". ")
    return text if text.isprintable() and text else type(error).__name__


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
