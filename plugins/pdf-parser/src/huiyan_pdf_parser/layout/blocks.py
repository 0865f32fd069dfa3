"""What a page is made of, in reading order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from huiyan_pdf_parser.geometry import Box
from huiyan_pdf_parser.tables.model import Table

Kind = Literal["heading", "paragraph", "list_item", "code", "table", "picture", "header", "footer"]


@dataclass
class Block:
    """level: of a heading, 1 to 4. name: of a picture's file. box: on the page as it is shown."""

    kind: Kind
    box: Box
    text: str = ""
    level: int = 0
    table: Table | None = None
    name: str = ""
