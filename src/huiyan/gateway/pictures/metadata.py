"""Metadata out of JPEG and PNG files without touching their pixels: which byte ranges of a file stay.

Cut are EXIF (GPS position, serial numbers, embedded previews), XMP, IPTC, comments, time stamps, colour
profiles (`intake` converts the colours first where they matter), and whatever follows the picture's end.
"""

from __future__ import annotations

import re
import struct

#: Start and end of what stays, in order.
Spans = list[tuple[int, int]]

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

#: What a decoder needs: header, palette, pixels, transparency, and colour in a few bytes.
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"sRGB", b"gAMA", b"cHRM", b"sBIT", b"IDAT", b"IEND"})

_SOI, _EOI, _SOS, _TEM = 0xD8, 0xD9, 0xDA, 0x01
_APP0, _APP14, _APP15, _COM = 0xE0, 0xEE, 0xEF, 0xFE
_JPG0, _JPG13 = 0xF0, 0xFD
_RST0, _RST7 = 0xD0, 0xD7

#: A marker within entropy-coded data: neither a stuffed zero, nor a restart, nor a fill byte.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

_JFIF_BYTES = 2 + 2 + 14  # marker, length, and the fields before the thumbnail


class MetadataError(ValueError):
    """The file is not built as its format says."""


def kept_spans(data: bytes, kind: str) -> Spans:
    """kind: JPEG or PNG. Raises: MetadataError."""
    try:
        return _merged(_jpeg(data) if kind == "JPEG" else _png(data))
    except (IndexError, struct.error):
        raise MetadataError("the file ends within a header") from None


def cut(data: bytes, spans: Spans) -> bytes:
    """The kept ranges as one file; `data` itself where that is all of it."""
    if spans == [(0, len(data))]:
        return data
    view = memoryview(data)
    return b"".join(view[start:end] for start, end in spans)


def _jpeg(data: bytes) -> Spans:
    """Source: ITU-T T.81, annex B; JFIF 1.02."""
    if data[:2] != b"\xff\xd8":
        raise MetadataError("no start of image")
    spans: Spans = [(0, 2)]
    at = 2
    while True:
        if data[at] != 0xFF:
            raise MetadataError("no marker where one has to be")
        while data[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = data[at + 1]
        if marker == _EOI:
            spans.append((at, at + 2))
            return spans  # a second picture (MPO), an archive, a phone's trailer: not sent on
        if marker in (_SOI, _TEM, 0x00) or _RST0 <= marker <= _RST7:
            raise MetadataError("a marker where none may be")
        end = at + 2 + int(struct.unpack_from(">H", data, at + 2)[0])
        if end > len(data) or end < at + 4:
            raise MetadataError("a segment is longer than the file")
        if _kept(marker, data, at, end):
            spans.append((at, end))
        at = end
        if marker == _SOS:
            found = _MARKER.search(data, at)
            stop = found.start() if found is not None else len(data)
            spans.append((at, stop))
            if found is None:
                return spans  # cut off before its end: whether that can be read, the decoder says
            at = stop


def _kept(marker: int, data: bytes, at: int, end: int) -> bool:
    """Whether a decoder needs this segment."""
    if marker == _APP0:
        # JFIF says how colours are coded; only its form without a thumbnail stays.
        return data[at + 4 : at + 9] == b"JFIF\0" and end - at == _JFIF_BYTES
    if marker == _APP14:
        return True  # Adobe: how colours are coded
    return not (_APP0 < marker <= _APP15 or marker == _COM or _JPG0 <= marker <= _JPG13)


def _png(data: bytes) -> Spans:
    """Source: PNG specification (W3C), 5 and 11."""
    if data[:8] != _PNG_SIGNATURE:
        raise MetadataError("no PNG signature")
    spans: Spans = [(0, 8)]
    at = 8
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise MetadataError("a chunk is longer than the file")
        if kind in _PNG_KEPT:
            spans.append((at, end))
        if kind == b"IEND":
            return spans
        at = end


def _merged(spans: Spans) -> Spans:
    merged: Spans = []
    for start, end in spans:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged
