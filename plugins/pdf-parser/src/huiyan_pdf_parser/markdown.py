"""Pages as Markdown, with a mark before each."""

from __future__ import annotations

import re
from typing import Final

from huiyan_pdf_parser.layout.blocks import Block
from huiyan_pdf_parser.page import Page
from huiyan_pdf_parser.tables.model import Table

#: What Markdown would take for its own: emphasis, code, markup, formulas.
_SPECIAL: Final = re.compile(r"([\\`*<$]|(?<![^\W_])_|_(?![^\W_])|\[(?=[^\]]*\]\())")
#: At the beginning of a block.
_LEADING: Final = re.compile(r"^(#{1,6}(?=\s)|>|[-+](?=\s)|\d{1,9}(?=[.)]\s)|[=~]{3,}|-{3,})")
_BULLET: Final = re.compile(r"^[•‣◦▪●○■□◆◇★☆·–—*-]\s*")
_NUMBERED: Final = re.compile(r"^(\d{1,3})[.)]\s+")
_BLANK: Final = re.compile(r"\s+")


def page_markdown(page: Page, total: int) -> str:
    """Headers and footers are left out; they are in the structured answer."""
    parts = [f"*— {page.number} / {total} —*"]
    parts.extend(f"*({note})*" for note in page.notes)
    for block in page.blocks:
        if text := _block(block):
            # Items of one list stand together.
            if block.kind == "list_item" and parts[-1].startswith("- ") and text.startswith("- "):
                parts[-1] += f"\n{text}"
            else:
                parts.append(text)
    return "\n\n".join(parts)


def failed_markdown(number: int, total: int, message: str) -> str:
    return f"*— {number} / {total} —*\n\n*({message})*"


def _block(block: Block) -> str:
    match block.kind:
        case "header" | "footer":
            return ""
        case "heading":
            return f"{'#' * block.level} {_escaped(block.text)}"
        case "list_item":
            return _item(block.text)
        case "code":
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", block.text)), default=0))
            return f"{fence}\n{block.text}\n{fence}"
        case "table" if block.table is not None:
            return _table(block.table)
        case "picture":
            return f"*({block.name})*"
    return _LEADING.sub(r"\\\1", _escaped(block.text))


def _item(text: str) -> str:
    if found := _BULLET.match(text):
        return f"- {_escaped(text[found.end() :])}"
    if found := _NUMBERED.match(text):
        return f"{found[1]}. {_escaped(text[found.end() :])}"
    return f"- {_escaped(text)}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _table(table: Table) -> str:
    rows = [[_cell(text) for text in row] for row in table.grid()]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + "---|" * table.columns)
    return "\n".join(lines)


def _cell(text: str) -> str:
    return _escaped(_BLANK.sub(" ", text)).replace("|", "\\|")
