"""The answer to a call: Markdown, structured content, pictures; within bounds."""

from __future__ import annotations

import base64
import json
import mimetypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mcp.types import BlobResourceContents, CallToolResult, EmbeddedResource, TextContent

from huiyan_pdf_parser.furniture import mark_furniture
from huiyan_pdf_parser.geometry import Box
from huiyan_pdf_parser.layout.blocks import Block
from huiyan_pdf_parser.markdown import failed_markdown, page_markdown
from huiyan_pdf_parser.page import Page
from huiyan_pdf_parser.parsing import Failed
from huiyan_pdf_parser.ranges import written

#: Of the structured content. With the pictures and the text it stays below what a host takes.
_MAX_STRUCTURED_BYTES: Final = 12 * 1024 * 1024
MAX_CHARACTERS: Final = 2_000_000
SCHEMA: Final = 1


@dataclass
class Answer:
    """Pages are added until one does not fit any more; `rest` says which were not read then."""

    max_characters: int
    total: int = 0
    numbers: list[int] = field(default_factory=list)
    pages: list[Page | Failed] = field(default_factory=list)
    stopped_at: int | None = None
    _characters: int = 0
    _bytes: int = 0

    def add(self, page: Page | Failed) -> bool:
        """Whether there was room. The first page always has some."""
        if isinstance(page, Page):
            characters, size = len(page_markdown(page, self.total)), len(json.dumps(_page(page)))
            if self.pages and (
                self._characters + characters > self.max_characters
                or self._bytes + size > _MAX_STRUCTURED_BYTES
            ):
                self.stopped_at = page.number
                return False
            self._characters += characters
            self._bytes += size
        self.pages.append(page)
        return True

    @property
    def rest(self) -> str:
        """As a page range; empty where all is there."""
        if self.stopped_at is None:
            return ""
        return written(self.numbers[self.numbers.index(self.stopped_at) :])

    def result(self, directory: Path) -> CallToolResult:
        """directory: where the pictures are."""
        mark_furniture([page for page in self.pages if isinstance(page, Page)])
        parts = [
            page_markdown(page, self.total)
            if isinstance(page, Page)
            else failed_markdown(page.number, self.total, page.message)
            for page in self.pages
        ]
        # One page may have more than is wanted of all of them.
        text = "\n\n".join(parts)[: self.max_characters + 1000]
        if self.rest:
            more = f"There is more: call again with pages = {self.rest} · 未完，请以 pages = {self.rest} 继续"
            text += f"\n\n*({more})*"
        content: list[Any] = [TextContent(type="text", text=text)]
        content.extend(_files(self.pages, directory))
        return CallToolResult(content=content, structured_content=self._structured())

    def _structured(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "pages_total": self.total,
            "pages_read": [page.number for page in self.pages if isinstance(page, Page)],
            "next_pages": self.rest,
            "failed": [
                {"page": page.number, "message": page.message}
                for page in self.pages
                if isinstance(page, Failed)
            ],
            "pages": [_page(page) for page in self.pages if isinstance(page, Page)],
        }


def failed(message: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=message)], is_error=True)


def _page(page: Page) -> dict[str, Any]:
    """Boxes in points from the upper left corner: x0, y0, x1, y1."""
    told: dict[str, Any] = {
        "page": page.number,
        "width": page.width,
        "height": page.height,
        "source": page.source,
        "notes": page.notes,
        "blocks": [_block(block) for block in page.blocks],
    }
    return {**told, "image": page.image} if page.image else told


def _block(block: Block) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": block.kind, "box": _points(block.box)}
    if block.text:
        told["text"] = block.text
    if block.level:
        told["level"] = block.level
    if block.name:
        told["file"] = block.name
    if block.table is not None:
        told["table"] = {
            "kind": block.table.kind,
            "rows": block.table.rows,
            "columns": block.table.columns,
            "cells": [
                {
                    "row": cell.row,
                    "column": cell.column,
                    "row_span": cell.row_span,
                    "column_span": cell.column_span,
                    "text": cell.text,
                    "box": _points(cell.box),
                }
                for cell in block.table.cells
            ],
        }
    return told


def _points(box: Box) -> list[float]:
    return [round(number, 1) for number in box]


def _files(pages: list[Page | Failed], directory: Path) -> list[EmbeddedResource]:
    names: dict[str, None] = {}
    for page in pages:
        if isinstance(page, Page):
            names.update(dict.fromkeys(block.name for block in page.blocks if block.name))
            if page.image:
                names[page.image] = None
    return [_file(directory / name) for name in names if (directory / name).is_file()]


def _file(path: Path) -> EmbeddedResource:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    blob = base64.b64encode(path.read_bytes()).decode("ascii")
    return EmbeddedResource(
        type="resource",
        resource=BlobResourceContents(uri=f"result:///{path.name}", mime_type=kind, blob=blob),
    )
