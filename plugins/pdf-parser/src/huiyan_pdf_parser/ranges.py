"""Page ranges as people write them: "1-3, 7, 10-"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from huiyan_pdf_parser.errors import DocumentError

_PART = re.compile(r"(\d{1,7})?\s*(-)?\s*(\d{1,7})?")
_COMMAS = re.compile(r"[,;，、；\s]+")
_DASHES = re.compile(r"\s*[-‐-―~～至到]\s*")


def pages_in(text: str, total: int) -> list[int]:
    """Page numbers from 1, each once, in the order given; all of them for an empty text.

    total: how many the document has. Raises: DocumentError.
    """
    plain = _DASHES.sub("-", text.strip())
    if not plain:
        return list(range(1, total + 1))
    pages: dict[int, None] = {}
    for part in _COMMAS.split(plain.strip(",;，、； ")):
        found = _PART.fullmatch(part)
        if found is None or not (found[1] or found[3]):
            raise DocumentError(
                f'"{part[:40]}" is no page range. Write: 1-3, 7, 10- · 页码范围写法：1-3, 7, 10-'
            )
        first = int(found[1] or 1)
        last = int(found[3] or total) if found[2] else first
        if not 1 <= first <= total or last < first:
            raise DocumentError(
                f'The document has {total} pages; "{part[:40]}" is not among them. '
                f"该文档共 {total} 页，没有所选页码。"
            )
        pages.update(dict.fromkeys(range(first, min(last, total) + 1)))
    return list(pages)


def written(pages: Sequence[int]) -> str:
    """The shortest way to write them, which pages_in reads back."""
    parts: list[str] = []
    start = 0
    for index in range(1, len(pages) + 1):
        if index == len(pages) or pages[index] != pages[index - 1] + 1:
            first, last = pages[start], pages[index - 1]
            parts.append(str(first) if first == last else f"{first}-{last}")
            start = index
    return ",".join(parts)
