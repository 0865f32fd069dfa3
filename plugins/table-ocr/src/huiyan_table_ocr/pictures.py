"""The given picture: a path in the working directory or a data URL, checked before it is decoded."""

from __future__ import annotations

import base64
import binascii
import io
import re
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

_MAX_BYTES = 48 * 1024 * 1024
_MAX_PIXELS = 60_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)


class InputError(Exception):
    """What was given cannot be read; the message says why and what would do, in both languages."""


def load(source: str, within: Path) -> NDArray[np.uint8]:
    """uint8[height, width, 3], RGB, upright; transparent parts white.

    within: the directory that a file has to lie in. Raises: InputError, MemoryError.
    """
    data = _bytes_of(source, within)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the bounds below are stricter than Pillow's
            with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
                width, height = opened.size
                if width * height > _MAX_PIXELS:
                    raise InputError(
                        f"The picture has {width * height / 1e6:.0f} megapixels, more than "
                        f"{_MAX_PIXELS // 10**6}. Make it smaller, or cut the table out. "
                        f"图片超过 {_MAX_PIXELS // 10**6} 百万像素，请缩小或裁剪。"
                    )
                upright = ImageOps.exif_transpose(opened)
                if upright.mode in ("RGBA", "LA", "PA", "P"):
                    clear = upright.convert("RGBA")
                    upright = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
                return np.asarray(upright.convert("RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            "This is no picture that can be read (PNG, JPEG, WebP, GIF, BMP, TIFF). 无法读取此图片。"
        ) from error


def _bytes_of(source: str, within: Path) -> bytes:
    if found := _DATA_URL.match(source):
        if len(source) > _MAX_BYTES * 4 // 3:
            raise InputError(_TOO_LARGE)
        try:
            return base64.b64decode(source[found.end() :], validate=True)
        except binascii.Error as error:
            raise InputError("The data URL's base64 is damaged. data URL 的 base64 已损坏。") from error
    path = within / source
    try:
        # Nothing but what was put into the working directory, also not by way of a symbolic link.
        real = path.resolve(strict=True)
        if not real.is_relative_to(within.resolve()) or not real.is_file():
            raise InputError(
                "The file is not in the tool's directory. Hand the picture over as a file or a data URL. "
                "文件不在工具目录内。"
            )
        if real.stat().st_size > _MAX_BYTES:
            raise InputError(_TOO_LARGE)
        return real.read_bytes()
    except (OSError, ValueError) as error:
        raise InputError("There is no such file. 文件不存在。") from error


_TOO_LARGE = (
    f"The picture is larger than {_MAX_BYTES // 2**20} MiB. Make it smaller. "
    f"图片超过 {_MAX_BYTES // 2**20} MiB，请缩小。"
)
