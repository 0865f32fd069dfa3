"""A corpus of files that attack whoever decodes them, made here so that no binary has to be believed."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Literal

from PIL import Image

#: What a polyglot carries behind or inside its picture; must never go on.
PAYLOAD = b"<script>alert('huiyan')</script>"

Code = Literal["invalid_image", "payload_too_large", "ok"]


@dataclass(frozen=True)
class Broken:
    """code: how it is refused; ok: it is a picture, of which only the pixels may go on."""

    name: str
    data: bytes
    code: Code


def file(kind: str, size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes, pixels: bytes | None = None) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    if pixels is None:
        pixels = zlib.compress(bytes((width * 3 + 1) * min(height, 64)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _with_size(data: bytes, at: int, width: int, height: int, form: str) -> bytes:
    patched = bytearray(data)
    struct.pack_into(form, patched, at, *((width, height) if form[1] != "V" else (height, width)))
    return bytes(patched)


def jpeg_bomb() -> bytes:
    """The head of 65,000 x 65,000 pixels on the body of 64 x 48."""
    data = file("JPEG")
    return _with_size(data, data.index(b"\xff\xc0") + 5, 65_000, 65_000, ">HH")


def gif_bomb() -> bytes:
    return _with_size(file("GIF"), 6, 65_535, 65_535, "<HH")


def webp_bomb() -> bytes:
    """An animation whose canvas has 16,384 x 16,384 pixels, around a small frame."""
    frames = io.BytesIO()
    first = Image.new("RGB", (8, 8), "red")
    first.save(frames, "WEBP", save_all=True, append_images=[Image.new("RGB", (8, 8), "blue")])
    data = bytearray(frames.getvalue())
    data[24:30] = (16_383).to_bytes(3, "little") * 2
    return bytes(data)


def avif_bomb() -> bytes:
    data = file("AVIF")
    return _with_size(data, data.index(b"ispe") + 8, 60_000, 60_000, ">II")


def bmp_bomb() -> bytes:
    return _with_size(file("BMP"), 18, 50_000, 50_000, "<ii")


def tiff(entries: list[tuple[int, int, int, int]], next_ifd: int = 0, extra: bytes = b"") -> bytes:
    """Little-endian, one directory at 8. entries: tag, type, count, value."""
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + body + struct.pack("<I", next_ifd) + extra


def tiff_bomb() -> bytes:
    return tiff(
        [
            (256, 4, 1, 100_000),
            (257, 4, 1, 100_000),
            (258, 3, 1, 8),
            (259, 3, 1, 1),
            (262, 3, 1, 1),
            (273, 4, 1, 200),
            (277, 3, 1, 1),
            (278, 4, 1, 100_000),
            (279, 4, 1, 100),
        ],
        extra=bytes(200),
    )


def many_frames(kind: str, count: int) -> bytes:
    frames = [Image.new("RGB", (4, 4), (n % 256, n // 256, 0)) for n in range(count)]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    return out.getvalue()


def apng_of_two_billion_frames() -> bytes:
    return png(4, 4, _chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)))


def exif_jpeg(exif: bytes) -> bytes:
    body = b"Exif\0\0" + exif
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(body) + 2) + body + file("JPEG")[2:]


def icc_bomb_png() -> bytes:
    """A profile of 100 MB, as 100 KB."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(100)) + packer.flush()
    return png(64, 48, _chunk(b"iCCP", b"x\0\0" + packed))


def icc_lies_jpeg() -> bytes:
    """The first of 255 pieces of a profile that are not there, and one that says it has 4 GB."""
    body = b"ICC_PROFILE\0\x01\xff" + struct.pack(">I", 0xFFFF_FFFF) + bytes(200)
    return b"\xff\xd8\xff\xe2" + struct.pack(">H", len(body) + 2) + body + file("JPEG")[2:]


SVG_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;">]><svg xmlns="http://www.w3.org/2000/svg"><text>&c;</text></svg>'
)


def corpus() -> list[Broken]:
    whole = {kind: file(kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")}
    looping = tiff([(34665, 4, 1, 8)], next_ifd=8)  # its EXIF directory is itself, and so is the next one
    laughing_pixels = zlib.compress(bytes(64 * 1024 * 1024), 9)
    return [
        *(Broken(f"truncated {k}", data[: len(data) * 2 // 3], "invalid_image") for k, data in whole.items()),
        *(Broken(f"only the head of {k}", data[:24], "invalid_image") for k, data in whole.items()),
        Broken("empty", b"", "invalid_image"),
        Broken("text named .jpg", b"Dear Sir or Madam", "invalid_image"),
        Broken("HTML", b"<!DOCTYPE html><html>" + PAYLOAD, "invalid_image"),
        Broken("ELF", b"\x7fELF" + bytes(200), "invalid_image"),
        Broken("PNG inside a gzip", b"\x1f\x8b" + zlib.compress(whole["PNG"]), "invalid_image"),
        Broken("SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "invalid_image"),
        Broken("SVG of a billion laughs", SVG_LAUGHS, "invalid_image"),
        Broken("PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "invalid_image"),
        Broken("PNG of 0 x 0", png(0, 0), "invalid_image"),
        Broken("PNG of 10 x 0", png(10, 0), "invalid_image"),
        Broken("GIF of 0 x 0", _with_size(whole["GIF"], 6, 0, 0, "<HH"), "ok"),
        Broken("PNG bomb", png(40_000, 40_000), "payload_too_large"),
        Broken("PNG of 4 billion x 1", png(2**31 - 1, 1, pixels=b""), "payload_too_large"),
        Broken("PNG with far more pixels than its head says", png(8, 8, pixels=laughing_pixels), "ok"),
        Broken(
            "PNG with a wrong checksum",
            whole["PNG"].replace(b"IHDR", b"IHDR", 1)[:29] + b"\0\0\0\0" + whole["PNG"][33:],
            "invalid_image",
        ),
        Broken("JPEG bomb", jpeg_bomb(), "payload_too_large"),
        Broken("GIF bomb", gif_bomb(), "payload_too_large"),
        Broken("WebP bomb", webp_bomb(), "payload_too_large"),
        Broken("AVIF bomb", avif_bomb(), "invalid_image"),
        Broken("BMP bomb", bmp_bomb(), "payload_too_large"),
        Broken("TIFF bomb", tiff_bomb(), "payload_too_large"),
        Broken("MPO of a thousand frames", many_frames("MPO", 1000), "payload_too_large"),
        Broken("GIF of a thousand frames", many_frames("GIF", 1000), "payload_too_large"),
        Broken("TIFF of a thousand frames", many_frames("TIFF", 1000), "payload_too_large"),
        Broken("APNG of two billion frames", apng_of_two_billion_frames(), "payload_too_large"),
        Broken("TIFF whose next directory is itself", looping, "invalid_image"),
        Broken("EXIF that contains itself", exif_jpeg(looping), "ok"),
        Broken("EXIF with a count of four billion", exif_jpeg(tiff([(0x0112, 3, 0xFFFF_FFFF, 8)])), "ok"),
        Broken("EXIF cut off", exif_jpeg(looping[:11]), "ok"),
        Broken("ICC bomb in PNG", icc_bomb_png(), "invalid_image"),
        Broken("ICC profile that lies in JPEG", icc_lies_jpeg(), "ok"),
        Broken("JPEG with a script behind it", whole["JPEG"] + PAYLOAD, "ok"),
        Broken("JPEG with a script as comment", file("JPEG", comment=PAYLOAD), "ok"),
        Broken("PNG with a script behind it", whole["PNG"] + PAYLOAD, "ok"),
        Broken("GIF that is a script too", file("GIF", comment=PAYLOAD), "ok"),
        Broken("BMP with an archive behind it", whole["BMP"] + b"PK\x03\x04" + PAYLOAD, "ok"),
        Broken("WebP with a script behind it", whole["WEBP"] + PAYLOAD, "ok"),
    ]
