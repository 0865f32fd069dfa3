"""Headers and footers: what stands at the same edge of several pages, and numbers of pages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from huiyan_pdf_parser.layout.blocks import Block
from huiyan_pdf_parser.page import Page

#: Of the page's height, at its top and at its bottom.
_EDGE: Final = 0.11
_FEW_PAGES: Final = 5
_LEAST_PART: Final = 0.2
#: Of how many points what is the same on two pages may stand higher or lower.
_SAME_PLACE: Final = 8.0
_MAX_LETTERS: Final = 200
_NUMBERS: Final = re.compile(r"\d+|\b[ivxlc]{1,7}\b", re.IGNORECASE)
_PAGE_NUMBER: Final = re.compile(
    r"\W*(?:page|seite|p\.|第)?\s*(?:\d{1,4}|[ivxlc]{1,7})\s*(?:(?:of|/|von|共)\s*\d{1,4})?\s*页?\W*",
    re.IGNORECASE,
)


def mark_furniture(pages: Sequence[Page]) -> None:
    """Give headers and footers their kind."""
    seen: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    for page in pages:
        for block, edge in _candidates(page):
            seen[edge, _key(block.text)].append((page.number, block.box.y0))
    least = 2 if len(pages) < _FEW_PAGES else max(3, round(_LEAST_PART * len(pages)))
    for page in pages:
        for block, edge in _candidates(page):
            places = seen[edge, _key(block.text)]
            alike = {number for number, y in places if abs(y - block.box.y0) <= _SAME_PLACE}
            if len(alike) >= least or _PAGE_NUMBER.fullmatch(block.text):
                block.kind = "header" if edge == "top" else "footer"
                block.level = 0


def _candidates(page: Page) -> Iterator[tuple[Block, str]]:
    for block in page.blocks:
        if block.kind in {"table", "picture", "code"} or not block.text or len(block.text) > _MAX_LETTERS:
            continue
        if block.box.y1 <= _EDGE * page.height:
            yield block, "top"
        elif block.box.y0 >= (1 - _EDGE) * page.height:
            yield block, "bottom"


def _key(text: str) -> str:
    return re.sub(r"\s+", " ", _NUMBERS.sub("#", text)).strip().lower()
