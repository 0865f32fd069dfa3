"""Opening a document: what is wrong with it is said in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from huiyan_pdf_parser.errors import DocumentError


def opened(path: Path, password: str) -> Any:
    """A pypdfium2.PdfDocument. Raises: DocumentError."""
    try:
        document = pypdfium2.PdfDocument(path, password=password or None)
        pages = len(document)
    except pypdfium2.PdfiumError as error:
        raise DocumentError(_reason(error, bool(password))) from error
    if pages < 1:
        document.close()
        raise DocumentError("The document has no pages. 文档没有页面。")
    return document


def _reason(error: Any, given: bool) -> str:
    code = getattr(error, "err_code", None)
    if code == pdfium.FPDF_ERR_PASSWORD:
        if given:
            return "The password is wrong. 密码不正确。"
        return "The document is protected. Give its password. 文档已加密，请提供密码。"
    if code == pdfium.FPDF_ERR_SECURITY:
        return (
            "The document is protected in a way that cannot be opened. Save it without protection. "
            "文档的加密方式不受支持，请另存为未加密的文件。"
        )
    return (
        "The file is damaged or no PDF. Open it in a viewer and save it again. "
        "文件已损坏或不是 PDF，请用阅读器打开后另存。"
    )
