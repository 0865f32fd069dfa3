"""The given document: a path in the working directory or a data URL, checked before it is opened."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Final

from huiyan_pdf_parser.errors import DocumentError

MAX_BYTES: Final = 256 * 1024 * 1024
_DATA_URL: Final = re.compile(r"data:application/(?:x-)?pdf;base64,", re.IGNORECASE)
#: Where readers look for the mark of a PDF.
_HEAD_BYTES: Final = 1024


def find(source: str, within: Path, scratch: Path) -> Path:
    """The file to read. A data URL's bytes are written into `scratch`.

    within: the directory that a file has to lie in. Raises: DocumentError, OSError where the disk is full.
    """
    if found := _DATA_URL.match(source):
        path = scratch / "document.pdf"
        path.write_bytes(_decoded(source[found.end() :]))
    else:
        path = _own(source, within)
    if path.stat().st_size > MAX_BYTES:
        raise DocumentError(_TOO_LARGE)
    with path.open("rb") as file:
        if b"%PDF-" not in file.read(_HEAD_BYTES):
            raise DocumentError("This file is no PDF. 该文件不是 PDF。")
    return path


def _own(source: str, within: Path) -> Path:
    try:
        # Nothing but what was put into the working directory, also not by way of a symbolic link.
        real = (within / source).resolve(strict=True)
    except (OSError, ValueError) as error:
        raise DocumentError("There is no such file. 文件不存在。") from error
    if not real.is_relative_to(within.resolve()) or not real.is_file():
        raise DocumentError(
            "The file is not in the tool's directory. Hand the document over as a file or a data URL. "
            "文件不在工具目录内。"
        )
    return real


def _decoded(text: str) -> bytes:
    if len(text) > MAX_BYTES * 4 // 3:
        raise DocumentError(_TOO_LARGE)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DocumentError("The data URL's base64 is damaged. data URL 的 base64 已损坏。") from error


_TOO_LARGE: Final = (
    f"The document is larger than {MAX_BYTES // 2**20} MiB. Split it. "
    f"文档超过 {MAX_BYTES // 2**20} MiB，请拆分。"
)
