"""Photographs as cameras write them: JPEG with EXIF, large, and with colour profiles."""

from __future__ import annotations

import io
import struct

from PIL import Image, ImageDraw

#: 12 megapixels, 4:3, as phones take them.
PHONE_SIZE = (4032, 3024)

_ORIENTATION = 0x0112
_MAKE = 0x010F
_MODEL = 0x0110


def photo(
    size: tuple[int, int] = PHONE_SIZE,
    *,
    orientation: int = 1,
    seed: int = 0,
    quality: int = 88,
    icc_profile: bytes | None = None,
) -> bytes:
    """A JPEG with the detail of a photograph: noise over gradients, a red square at its top left.

    orientation: the EXIF value; the pixels are stored so that the picture is upright once it is applied.
    """
    width, height = size
    small = Image.effect_noise((width // 4, height // 4), 48 + seed).resize(size, Image.Resampling.BILINEAR)
    gradient = Image.linear_gradient("L").resize(size)
    sideways = Image.radial_gradient("L").resize(size)
    image = Image.merge("RGB", (Image.blend(small, gradient, 0.5), small, Image.blend(small, sideways, 0.5)))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 4, height // 4), fill=(220, 20, 30))
    draw.text((width // 2, height // 2), f"photo {seed}", fill="white", font_size=height // 12)
    stored = {
        1: None,
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    if stored is not None:
        image = image.transpose(stored)
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    exif[_MAKE] = "Test"
    exif[_MODEL] = "Camera"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, exif=exif, icc_profile=icc_profile)
    return buffer.getvalue()


def display_p3() -> bytes:
    """A Display P3 profile: ICC version 2, matrix, gamma 2.2 (close to its curve). Source: ICC.1:2001-04."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))

    name = b"Display P3"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + b"\0" + bytes(78),
        b"cprt": b"text\0\0\0\0CC0\0",
        b"wtpt": xyz(0.95045, 1.0, 1.08905),
        # Primaries adapted to D50.
        b"rXYZ": xyz(0.51512, 0.24120, -0.00105),
        b"gXYZ": xyz(0.29198, 0.69225, 0.04189),
        b"bXYZ": xyz(0.15710, 0.06657, 0.78407),
        b"rTRC": b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)),
        b"gTRC": b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)),
        b"bTRC": b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)),
    }
    offset = 128 + 4 + 12 * len(tags)
    table = struct.pack(">I", len(tags))
    body = b""
    for signature, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += signature + struct.pack(">II", offset + len(body), len(data))
        body += padded
    size = offset + len(body)
    header = (
        struct.pack(">I", size)
        + b"\0\0\0\0\x02\x20\0\0mntrRGB XYZ "
        + struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
        + b"acsp"
        + bytes(28)
        + fixed(0.9642)
        + fixed(1.0)
        + fixed(0.82491)
    )
    return header.ljust(128, b"\0") + table + body
