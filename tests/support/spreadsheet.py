"""Reads .xlsx files with nothing but the standard library, as far as the page writes them."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_PACKAGE = "{http://schemas.openxmlformats.org/package/2006/relationships}"

Value = str | float | None


@dataclass(frozen=True)
class SheetData:
    name: str
    #: By address, such as "B2"; text is str, numbers are float.
    cells: dict[str, Value]

    def row(self, number: int) -> list[Value]:
        """The cells of a row that are there, from left to right."""
        found = {a: v for a, v in self.cells.items() if re.fullmatch(rf"[A-Z]+{number}", a)}
        return [found[a] for a in sorted(found, key=lambda address: (len(address), address))]


def read_xlsx(path: Path) -> list[SheetData]:
    """Raises: AssertionError when a part is missing or damaged."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name, data in parts.items():
        if name.endswith((".xml", ".rels")):
            ET.fromstring(data)  # well-formed, every one of them
    relations = {
        each.get("Id"): each.get("Target")
        for each in ET.fromstring(parts["xl/_rels/workbook.xml.rels"]).iter(f"{_PACKAGE}Relationship")
    }
    sheets = []
    for sheet in ET.fromstring(parts["xl/workbook.xml"]).iter(f"{_MAIN}sheet"):
        root = ET.fromstring(parts[f"xl/{relations[sheet.get(f'{_RELATION}id')]}"])
        cells: dict[str, Value] = {}
        for cell in root.iter(f"{_MAIN}c"):
            address = str(cell.get("r"))
            if cell.get("t") == "inlineStr":
                cells[address] = "".join(text.text or "" for text in cell.iter(f"{_MAIN}t"))
            else:
                cells[address] = float(cell.findtext(f"{_MAIN}v") or "nan")
        sheets.append(SheetData(str(sheet.get("name")), cells))
    return sheets
