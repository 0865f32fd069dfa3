"""Pictures that are right, and files that are wrong in the ways in which files are wrong."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageDraw


def picture(kind: str = "PNG", size: tuple[int, int] = (320, 240)) -> bytes:
    image = Image.effect_noise(size, 40).convert("RGB")
    ImageDraw.Draw(image).rectangle((20, 20, 120, 120), fill="#d0021b")
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def truncated_jpeg() -> bytes:
    """The first half of a JPEG: it begins well and ends within the pixels."""
    whole = picture("JPEG", (640, 480))
    return whole[: len(whole) // 2]


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(width: int = 40_000, height: int = 40_000) -> bytes:
    """A valid PNG of about 200 KB that decodes to `width` x `height` pixels (1.6 gigapixels)."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)  # 1 bit a pixel, grey
    row = b"\0" + bytes((width + 7) // 8)
    squeeze = zlib.compressobj(9)
    pixels = b"".join([squeeze.compress(row * 100) for _ in range(height // 100)]) + squeeze.flush()
    chunks = _png_chunk(b"IHDR", header) + _png_chunk(b"IDAT", pixels) + _png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def data_url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def picture_part(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def picture_content(
    data: bytes, text: str = "图里写了什么？", media_type: str = "image/png"
) -> list[dict[str, Any]]:
    """OpenAI's content parts: one picture and a question about it."""
    return [picture_part(data_url(data, media_type)), {"type": "text", "text": text}]
