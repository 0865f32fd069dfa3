"""Tables as Markdown, HTML, CSV and a workbook. Every text is data: nothing of it is markup or a formula."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence

from huiyan_table_ocr.structure.model import Table

#: A spreadsheet takes what begins so for a formula. Source: OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MAX_CELL = 32_767
_MAX_WIDTH = 60


def to_markdown(table: Table) -> str:
    """A table of Markdown; a spanning cell's text stands at its first place, the others are empty."""
    rows = [["" for _ in range(table.columns)] for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = (
            cell.text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
        )
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * table.columns, *lines[1:]])


def to_html(table: Table) -> str:
    """With rowspan and colspan."""
    lines = ["<table>"]
    for row in range(table.rows):
        lines.append("<tr>")
        for cell in table.cells:
            if cell.row != row:
                continue
            spans = f' rowspan="{cell.row_span}"' * (cell.row_span > 1)
            spans += f' colspan="{cell.column_span}"' * (cell.column_span > 1)
            lines.append(f"<td{spans}>{html.escape(cell.text)}</td>")
        lines.append("</tr>")
    return "\n".join([*lines, "</table>"])


def to_csv(table: Table) -> str:
    """RFC 4180, harmless in a spreadsheet."""
    rows = [["" for _ in range(table.columns)] for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = _harmless(cell.text)
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _harmless(text: str) -> str:
    """Numbers stay numbers, also negative ones."""
    if not text.startswith(_FORMULA):
        return text
    return text if number_of(text) is not None else "'" + text


def to_xlsx(tables: Sequence[Table]) -> bytes:
    """One sheet for each table; merged cells are merged, plain numbers are numbers."""
    from openpyxl import Workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Alignment
    from openpyxl.utils import get_column_letter

    book = Workbook()
    book.remove(book.worksheets[0])
    for index, table in enumerate(tables, 1):
        sheet = book.create_sheet(f"Table {index}")
        widths: dict[int, int] = {}
        for cell in table.cells:
            text = ILLEGAL_CHARACTERS_RE.sub("", cell.text)[:_MAX_CELL]
            place = sheet.cell(cell.row + 1, cell.column + 1)
            number = number_of(text)
            if number is None:
                place.value = text or None
                if text:
                    place.data_type = "s"  # never a formula
            else:
                place.value = number
            place.alignment = Alignment(wrap_text=True, vertical="top")
            if cell.row_span > 1 or cell.column_span > 1:
                sheet.merge_cells(
                    start_row=cell.row + 1,
                    start_column=cell.column + 1,
                    end_row=cell.row + cell.row_span,
                    end_column=cell.column + cell.column_span,
                )
            else:
                wide = sum(2 if ord(char) > 0x2E7F else 1 for char in text)
                widths[cell.column] = max(widths.get(cell.column, 6), wide)
        for column, wide in widths.items():
            sheet.column_dimensions[get_column_letter(column + 1)].width = min(wide + 2, _MAX_WIDTH)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def number_of(text: str) -> float | int | None:
    """A plain number, or None: what begins with 0 may be an article number, what is long a code."""
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.replace(".", "", 1).isdigit() or len(digits) > 15:
        return None
    if len(digits) > 1 and digits[0] == "0" and digits[1] != ".":
        return None
    if digits[0] == "." or digits[-1] == ".":
        return None
    return float(text) if "." in digits else int(text)
